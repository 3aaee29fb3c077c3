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

// What Go has where the API left a member out; a list or map is then null, and empty all the same.
Json zero_of(Shape shape) {
  switch (shape) {
    case Shape::text:
      return "";
    case Shape::number:
      return 0;
    case Shape::boolean:
      return false;
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

Value Value::member(std::string_view name, const Json& part, Schema schema) const {
  if (is_map(shape_)) return element(part);
  if (shape_ == Shape::row && part.is_object())
    return Value(*this, part, Shape::text_map, std::string(name));
  Shape shape = schema(name_, name).value_or(Shape::plain);
  if (!part.is_null()) return Value(*this, part, shape, std::string(name));
  return Value(zero_of(shape), shape == Shape::plain ? Shape::pointer : shape);
}

std::optional<Value> Value::find_field(std::string_view name, Schema schema) const {
  if (json_->is_null() && is_map(shape_)) return Value();
  if (!json_->is_object()) return std::nullopt;
  auto found = json_->find(std::string(name));
  if (found == json_->end() && !is_map(shape_) && shape_ != Shape::row) {
    found = json_->begin();
    while (found != json_->end() && !equal_ignoring_case(found.key(), name)) ++found;
  }
  if (found != json_->end()) return member(found.key(), *found, schema);
  if (is_map(shape_)) return Value();
  if (auto shape = schema(name_, name)) return Value(zero_of(*shape), *shape);
  return std::nullopt;
}

Value Value::element(const Json& part) const {
  Shape shape = Shape::plain;
  if (shape_ == Shape::list_map) shape = Shape::list;
  // Elements of "Mounts" have the members of a mount, so they go by their list's name.
  return Value(*this, part, shape, name_);
}

Value Value::absent_element() const {
  if (shape_ == Shape::text_map) return Value(Json(""), Shape::text);
  if (shape_ == Shape::list_map) return Value(Json(nullptr), Shape::list);
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

std::string Value::text(Schema schema) const {
  if (missing()) return "<no value>";
  const Json& json = *json_;
  std::vector<std::string> parts;
  switch (json.type()) {
    case Json::value_t::null:
      if (is_map(shape_)) return "map[]";
      return shape_ == Shape::list ? "[]" : "<nil>";
    case Json::value_t::boolean:
      return json.get<bool>() ? "true" : "false";
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::number_float:
      return print_float(json.get<double>());
    case Json::value_t::number_unsigned:
      return std::to_string(json.get<uint64_t>());
    case Json::value_t::array:
      for (const Json& part : json) parts.push_back(element(part).text(schema));
      return fmt::format("[{}]", fmt::join(parts, " "));
    case Json::value_t::object:
      for (const auto& [key, part] : json.items())
        parts.push_back((is_map(shape_) ? key + ":" : "") + member(key, part, schema).text(schema));
      if (!is_map(shape_)) return fmt::format("{{{}}}", fmt::join(parts, " "));
      std::sort(parts.begin(), parts.end());
      return fmt::format("map[{}]", fmt::join(parts, " "));
    default:
      return std::to_string(json.get<int64_t>());
  }
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

}  // namespace ctr::cli
