#include "daemon/api/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

const json& empty_object() {
  static const json empty = json::object();
  return empty;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

json parse_json(std::string_view text, int depth_limit) {
  // The parser itself keeps its own stack, but whoever walks the value later recurses.
  auto limit_depth = [depth_limit](int depth, json::parse_event_t event, json&) {
    bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth >= depth_limit)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("invalid JSON: nested deeper than {} levels", depth_limit));
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), limit_depth);
  } catch (const json::parse_error& error) {
    throw Error(ErrorKind::invalid_argument,
                text.empty() ? "invalid JSON: unexpected end of input"
                             : fmt::format("invalid JSON: syntax error at byte {}", error.byte));
  } catch (const json::exception&) {
    throw Error(ErrorKind::invalid_argument, "invalid JSON: number out of range");
  }
}

void expect_json_type(std::string_view content_type) {
  std::string_view media = content_type.substr(0, content_type.find_first_of("; \t"));
  if (equal_in_any_case(media, "application/json")) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("unsupported Content-Type header ({}): must be 'application/json'",
                          content_type));
}

std::string dump_json(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view json_type_name(const json& value) {
  if (value.is_boolean()) return "bool";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "null";
}

JsonObject::JsonObject(const json& object, std::string path)
    : object_(&object), path_(std::move(path)) {
  if (object.is_null()) object_ = &empty_object();
  if (!object_->is_object())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("json: cannot unmarshal {} into {} of type object",
                            json_type_name(object), path_.empty() ? "the body" : "field " + path_));
}

const json* JsonObject::find(std::string_view key) const {
  auto found = object_->find(key);
  if (found == object_->end())
    for (auto item = object_->begin(); item != object_->end(); ++item)
      if (equal_in_any_case(item.key(), key)) found = item;
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string JsonObject::name_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void JsonObject::fail(std::string_view key, const json& found, std::string_view wanted) const {
  throw Error(ErrorKind::invalid_argument,
              fmt::format("json: cannot unmarshal {} into field {} of type {}",
                          json_type_name(found), name_of(key), wanted));
}

std::optional<std::string> JsonObject::find_string(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(key, *value, "string");
  return value->get<std::string>();
}

std::optional<bool> JsonObject::find_bool(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(key, *value, "bool");
  return value->get<bool>();
}

std::optional<int64_t> JsonObject::find_integer(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  // Numbers beyond 64 bits and fractions are floats to the parser: Go refuses both.
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    fail(key, *value, "int64");
  if (!value->is_number_integer()) fail(key, *value, "int64");
  return value->get<int64_t>();
}

std::optional<double> JsonObject::find_number(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) fail(key, *value, "float64");
  return value->get<double>();
}

std::optional<std::vector<std::string>> JsonObject::find_strings(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) fail(key, *value, "[]string");
  std::vector<std::string> strings;
  for (const json& item : *value) {
    if (!item.is_string() && !item.is_null()) fail(key, item, "string");
    strings.push_back(item.is_null() ? "" : item.get<std::string>());
  }
  return strings;
}

std::optional<std::vector<std::string>> JsonObject::find_string_or_strings(
    std::string_view key) const {
  const json* value = find(key);
  if (value != nullptr && value->is_string()) return std::vector{value->get<std::string>()};
  return find_strings(key);
}

std::optional<std::map<std::string, std::string>> JsonObject::find_string_map(
    std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail(key, *value, "map[string]string");
  std::map<std::string, std::string> strings;
  for (auto item = value->begin(); item != value->end(); ++item) {
    if (!item->is_string() && !item->is_null()) fail(key, *item, "string");
    strings.emplace(item.key(), item->is_null() ? "" : item->get<std::string>());
  }
  return strings;
}

std::optional<JsonObject> JsonObject::find_object(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return JsonObject(*value, name_of(key));
}

std::string JsonObject::string(std::string_view key, std::string otherwise) const {
  return find_string(key).value_or(std::move(otherwise));
}

bool JsonObject::boolean(std::string_view key, bool otherwise) const {
  return find_bool(key).value_or(otherwise);
}

int64_t JsonObject::integer(std::string_view key, int64_t otherwise) const {
  return find_integer(key).value_or(otherwise);
}

std::vector<std::string> JsonObject::strings(std::string_view key) const {
  return find_strings(key).value_or(std::vector<std::string>{});
}

std::map<std::string, std::string> JsonObject::string_map(std::string_view key) const {
  return find_string_map(key).value_or(std::map<std::string, std::string>{});
}

std::vector<std::string> JsonObject::key_set(std::string_view key) const {
  std::vector<std::string> keys;
  const json* value = find(key);
  if (value == nullptr) return keys;
  if (!value->is_object()) fail(key, *value, "map[string]struct{}");
  for (auto item = value->begin(); item != value->end(); ++item) keys.push_back(item.key());
  return keys;
}

std::vector<JsonObject> JsonObject::objects(std::string_view key) const {
  std::vector<JsonObject> objects;
  const json* value = find(key);
  if (value == nullptr) return objects;
  if (!value->is_array()) fail(key, *value, "[]object");
  for (size_t i = 0; i < value->size(); ++i)
    if (!(*value)[i].is_null())
      objects.emplace_back((*value)[i], fmt::format("{}[{}]", name_of(key), i));
  return objects;
}

std::vector<std::pair<std::string, JsonObject>> JsonObject::object_map(std::string_view key) const {
  std::vector<std::pair<std::string, JsonObject>> objects;
  const json* value = find(key);
  if (value == nullptr) return objects;
  if (!value->is_object()) fail(key, *value, "map[string]object");
  for (auto item = value->begin(); item != value->end(); ++item)
    objects.emplace_back(item.key(),
                         JsonObject(*item, fmt::format("{}[{}]", name_of(key), item.key())));
  return objects;
}

}  // namespace ctr::daemon
