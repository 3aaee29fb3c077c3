// What a template computes with: a JSON value plus what Go's types know of it and JSON does not
// say: whether an object is a struct (an unknown field is an error) or a map (a missing key is no
// value), and what an absent or null member would be.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace ctr::cli {

// Members keep the order of the API's answer, which is that of Docker's structs.
using Json = nlohmann::ordered_json;

// What the Go client declares for a member.
enum class Shape {
  plain,     // what the JSON says; an object is a struct
  missing,   // no such map key: prints "<no value>"
  text,      // "" where absent
  number,    // 0 where absent
  boolean,   // false where absent
  list,      // absent or null is an empty one
  text_map,  // absent or null is an empty one; a missing key is ""
  list_map,  // the same; a missing key is an empty list
  map,       // the same; a missing key is no value
  pointer,   // nil where absent or null
  row,       // of a list command: fields are methods, and those with arguments are maps
};

bool is_map(Shape shape);

// Says the shape of the member `name` of the object found under `parent` ("" at the top).
// nullopt: not known, so that its absence is an error.
using Schema = std::optional<Shape> (*)(std::string_view parent, std::string_view name);
std::optional<Shape> no_schema(std::string_view parent, std::string_view name);

// Cheap to copy: parts of a document share it.
class Value {
 public:
  Value();  // missing
  Value(Json json, Shape shape = Shape::plain);
  // A part of the document that `owner` keeps alive.
  Value(const Value& owner, const Json& part, Shape shape, std::string name);

  const Json& json() const { return *json_; }
  Shape shape() const { return shape_; }
  const std::string& name() const { return name_; }  // of the member it was found under
  bool missing() const { return shape_ == Shape::missing; }
  bool is_nil() const;

  // The member of an object, exactly or, in structs, in other capitals (Id is .ID in Go); nullopt
  // where neither the document nor the schema knows it.
  std::optional<Value> find_field(std::string_view name, Schema schema) const;
  // An element of a list or map, with the shape that follows from the list's or map's.
  Value element(const Json& part) const;
  // What indexing with a key that is not there gives.
  Value absent_element() const;

  bool truth() const;  // what {{if}} asks
  // What {{.}} prints: Go's %v.
  std::string text(Schema schema = no_schema) const;
  std::string to_json() const;  // compact, as Go writes it
  // "string", "int", "map[string]interface {}": for messages and %T.
  std::string type_name() const;

 private:
  Value member(std::string_view name, const Json& part, Schema schema) const;

  std::shared_ptr<const Json> json_;
  Shape shape_ = Shape::missing;
  std::string name_;
};

std::string print_float(double number);

}  // namespace ctr::cli
