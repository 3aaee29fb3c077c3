#include "image/json_document.h"

#include <set>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using nlohmann::json;

[[noreturn]] void refuse_document(std::string_view what, std::string_view why) {
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("invalid {}: {}", what, why));
}

// Watches the parser: its depth, and the keys of each object that is open.
class StructureGuard {
 public:
  StructureGuard(std::string_view what, JsonLimits limits) : what_(what), limits_(limits) {}

  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    if (depth > limits_.depth)
      refuse_document(what_, fmt::format("nested more than {} levels deep", limits_.depth));
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key) expect_new_key(parsed.get_ref<const std::string&>());
    return true;
  }

 private:
  void expect_new_key(const std::string& key) {
    if (!keys_.back().insert(key).second)
      refuse_document(what_, fmt::format("the key '{}' is there twice", key.substr(0, 100)));
  }

  std::string_view what_;
  JsonLimits limits_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json parse_json_object(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.bytes)
    refuse_document(what, fmt::format("larger than {} bytes", limits.bytes));
  try {
    StructureGuard guard(what, limits);
    json document = json::parse(text, std::ref(guard));
    if (!document.is_object()) refuse_document(what, "not a JSON object");
    return document;
  } catch (const json::exception&) {
    // The library's text may quote the document at length; where it broke helps nobody here.
    refuse_document(what, "not valid JSON");
  }
}

JsonObject::JsonObject(const json& object, std::string_view what) : object_(object), what_(what) {
  if (!object.is_object()) refuse("want an object");
}

void JsonObject::refuse(std::string_view why) const {
  refuse_document(what_, why);
}

const json* JsonObject::find(const char* key) const {
  auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonObject::checked_text(const json& value, const char* key) const {
  if (!value.is_string()) refuse(fmt::format("'{}' holds something that is not a string", key));
  const std::string& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) refuse(fmt::format("'{}' holds a NUL", key));
  return text;
}

std::string JsonObject::text(const char* key) const {
  const json* value = find(key);
  return value ? checked_text(*value, key) : std::string();
}

bool JsonObject::boolean(const char* key) const {
  const json* value = find(key);
  if (value && !value->is_boolean()) refuse(fmt::format("'{}' is not true or false", key));
  return value && value->get<bool>();
}

std::optional<int64_t> JsonObject::integer(const char* key) const {
  const json* value = find(key);
  if (!value) return std::nullopt;
  // An unsigned number above 2^63 - 1 would wrap to a negative one.
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX))
    refuse(fmt::format("'{}' is not a 64-bit integer", key));
  return value->get<int64_t>();
}

std::vector<std::string> JsonObject::texts(const char* key) const {
  std::vector<std::string> texts;
  if (const json* list = array(key))
    for (const json& value : *list) texts.push_back(checked_text(value, key));
  return texts;
}

std::vector<std::string> JsonObject::words(const char* key) const {
  const json* value = find(key);
  if (value && value->is_string()) return {checked_text(*value, key)};
  return texts(key);
}

std::map<std::string, std::string> JsonObject::text_map(const char* key) const {
  std::map<std::string, std::string> map;
  const json* value = find(key);
  if (!value) return map;
  if (!value->is_object()) refuse(fmt::format("'{}' is not an object", key));
  for (const auto& [name, text] : value->items())
    map[checked_text(json(name), key)] = checked_text(text, key);
  return map;
}

std::vector<std::string> JsonObject::keys(const char* key) const {
  std::vector<std::string> keys;
  const json* value = find(key);
  if (!value) return keys;
  if (!value->is_object()) refuse(fmt::format("'{}' is not an object", key));
  for (const auto& item : value->items()) keys.push_back(checked_text(json(item.key()), key));
  return keys;
}

const json* JsonObject::array(const char* key) const {
  const json* value = find(key);
  if (value && !value->is_array()) refuse(fmt::format("'{}' is not an array", key));
  return value;
}

std::optional<JsonObject> JsonObject::object(const char* key) const {
  const json* value = find(key);
  if (!value) return std::nullopt;
  return JsonObject(*value, what_);
}

}  // namespace ctr::image
