#include "cli/template/value.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include <fmt/format.h>

namespace ctr::cli {

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// What Go has where the API left a member out.
Json zero_of(Shape shape) {
  switch (shape) {
    case Shape::text:
      return "";
    case Shape::number:
      return 0;
    case Shape::boolean:
      return false;
    case Shape::list:
      return Json::array();
    case Shape::text_map:
    case Shape::list_map:
    case Shape::map:
      return Json::object();
    default:
      return nullptr;
  }
}

// A row's methods without arguments, in the order of their names, and with the characters that
// Go's encoder keeps away from HTML: what a script compares is then the same.
std::string row_to_json(const Json& row) {
  nlohmann::json members = nlohmann::json::object();
  for (const auto& [key, member] : row.items())
    if (!member.is_object()) members[key] = member;
  std::string text;
  for (char c : members.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&')
      text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      text += c;
  }
  return text;
}

std::string print_list(const Json& list) {
  std::string text = "[";
  for (const Json& element : list) {
    if (text.size() > 1) text += ' ';
    text += print_json(element, Shape::plain);
  }
  return text + "]";
}

std::string print_struct(const Json& object) {
  std::string text = "{";
  for (const auto& [key, member] : object.items()) {
    if (text.size() > 1) text += ' ';
    text += print_json(member, Shape::plain);
  }
  return text + "}";
}

std::string print_map(const Json& object) {
  std::vector<std::string> entries;
  for (const auto& [key, member] : object.items())
    entries.push_back(key + ":" + print_json(member, Shape::plain));
  std::sort(entries.begin(), entries.end());
  return fmt::format("map[{}]", fmt::join(entries, " "));
}

}  // namespace

bool is_map(Shape shape) {
  return shape == Shape::text_map || shape == Shape::list_map || shape == Shape::map;
}

std::optional<Shape> no_schema(std::string_view, std::string_view) {
  return std::nullopt;
}

Value::Value() : json_(std::make_shared<const Json>()) {}

Value::Value(Json json, Shape shape)
    : json_(std::make_shared<const Json>(std::move(json))), shape_(shape) {}

Value::Value(const Value& owner, const Json& part, Shape shape, std::string name)
    : json_(owner.json_, &part), shape_(shape), name_(std::move(name)) {}

bool Value::is_nil() const {
  return json_->is_null();
}

std::optional<Value> Value::find_field(std::string_view name, Schema schema) const {
  if (!json_->is_object()) return std::nullopt;
  auto found = json_->find(std::string(name));
  if (found == json_->end() && !is_map(shape_) && shape_ != Shape::row) {
    found = json_->begin();
    while (found != json_->end() && !equal_ignoring_case(found.key(), name)) ++found;
  }
  if (found != json_->end()) {
    if (is_map(shape_)) return element(*found);
    if (shape_ == Shape::row && found->is_object())
      return Value(*this, *found, Shape::text_map, found.key());
    Shape shape = schema(name_, found.key()).value_or(Shape::plain);
    if (found->is_null())
      return Value(zero_of(shape), shape == Shape::plain ? Shape::pointer : shape);
    return Value(*this, *found, shape, found.key());
  }
  if (is_map(shape_)) return Value();
  if (auto shape = schema(name_, name)) return Value(zero_of(*shape), *shape);
  return std::nullopt;
}

Value Value::element(const Json& part) const {
  Shape shape = Shape::plain;
  if (shape_ == Shape::list_map) shape = Shape::list;
  if (part.is_null() && shape == Shape::list) return Value(Json::array(), Shape::list);
  // Elements of "Mounts" have the members of a mount, so they go by their list's name.
  return Value(*this, part, shape, name_);
}

Value Value::absent_element() const {
  if (shape_ == Shape::text_map) return Value(Json(""), Shape::text);
  if (shape_ == Shape::list_map) return Value(Json::array(), Shape::list);
  return Value();
}

bool Value::truth() const {
  const Json& json = *json_;
  switch (json.type()) {
    case Json::value_t::null:
      return false;
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::string:
      return !json.get_ref<const std::string&>().empty();
    case Json::value_t::array:
      return !json.empty();
    // A struct is true whatever it holds.
    case Json::value_t::object:
      return !is_map(shape_) || !json.empty();
    default:
      return json != 0;
  }
}

std::string Value::text() const {
  if (missing()) return "<no value>";
  return print_json(*json_, shape_);
}

std::string Value::to_json() const {
  if (shape_ == Shape::row) return row_to_json(*json_);
  return json_->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Value::type_name() const {
  switch (json_->type()) {
    case Json::value_t::null:
      return missing() ? "nil" : "<nil>";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::string:
      return "string";
    case Json::value_t::array:
      return "[]interface {}";
    case Json::value_t::object:
      return "map[string]interface {}";
    case Json::value_t::number_float:
      return "float64";
    default:
      return "int";
  }
}

std::string print_float(double number) {
  std::string text = fmt::format("{}", number);
  // Go writes 1 for 1.0, and an exponent of at least two digits, which fmt does as well.
  if (text.size() > 2 && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string print_json(const Json& json, Shape shape) {
  switch (json.type()) {
    case Json::value_t::null:
      return "<nil>";
    case Json::value_t::boolean:
      return json.get<bool>() ? "true" : "false";
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array:
      return print_list(json);
    case Json::value_t::object:
      return is_map(shape) ? print_map(json) : print_struct(json);
    case Json::value_t::number_float:
      return print_float(json.get<double>());
    case Json::value_t::number_unsigned:
      return std::to_string(json.get<uint64_t>());
    default:
      return std::to_string(json.get<int64_t>());
  }
}

}  // namespace ctr::cli
