// One description of a struct's JSON fields serves both directions: a function
//   template <class Fields> void describe(Fields& fields, Mount& mount) {
//     fields("destination", mount.destination); …
// is run with a Reader to fill the struct and with a Writer to make the object. Used by spec_json and
// monitor_protocol only.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/sys/error.h"

namespace ctr::runtime::json {

using Json = nlohmann::json;

[[noreturn]] inline void refuse(const std::string& path, const char* expected) {
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: expected {}", path, expected));
}

template <class>
inline constexpr bool is_optional = false;
template <class Value>
inline constexpr bool is_optional<std::optional<Value>> = true;
template <class>
inline constexpr bool is_vector = false;
template <class Value>
inline constexpr bool is_vector<std::vector<Value>> = true;
template <class>
inline constexpr bool is_map = false;
template <class Value>
inline constexpr bool is_map<std::map<std::string, Value>> = true;

class Reader;
class Writer;

// Converts scalars; structs go through their describe().
template <class Value>
void read(const Json& json, const std::string& path, Value& value);
template <class Value>
Json write(const Value& value);

class Reader {
 public:
  Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) refuse(path_, "an object");
  }
  static constexpr bool reading = true;
  template <class Value>
  void operator()(const char* name, Value& value) {
    auto found = object_.find(name);
    if (found != object_.end() && !found->is_null()) read(*found, path_ + "." + name, value);
  }
  // For fields with a form of their own: null if it is not there.
  const Json* find(const char* name) const {
    auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string path_of(const char* name) const { return path_ + "." + name; }

 private:
  const Json& object_;
  std::string path_;
};

class Writer {
 public:
  static constexpr bool reading = false;
  template <class Value>
  void operator()(const char* name, const Value& value) {
    Json json = write(value);
    if (!json.is_null()) object_[name] = std::move(json);
  }
  Json take() { return std::move(object_); }

 private:
  Json object_ = Json::object();
};

template <class Number>
void read_number(const Json& json, const std::string& path, Number& value) {
  if (!json.is_number_integer()) refuse(path, "a whole number");
  if (json.is_number_unsigned()) {
    uint64_t number = json.get<uint64_t>();
    value = static_cast<Number>(number);
    if (value < Number{0} || static_cast<uint64_t>(value) != number) refuse(path, "a smaller number");
  } else {
    int64_t number = json.get<int64_t>();
    value = static_cast<Number>(number);
    if (std::is_unsigned_v<Number> || static_cast<int64_t>(value) != number)
      refuse(path, "a number within its range");
  }
}

template <class Value>
void read(const Json& json, const std::string& path, Value& value) {
  if constexpr (is_optional<Value>) {
    read(json, path, value.emplace());
  } else if constexpr (is_vector<Value>) {
    if (!json.is_array()) refuse(path, "an array");
    value.clear();
    for (size_t i = 0; i < json.size(); ++i)
      read(json[i], path + "[" + std::to_string(i) + "]", value.emplace_back());
  } else if constexpr (is_map<Value>) {
    if (!json.is_object()) refuse(path, "an object");
    for (const auto& [name, item] : json.items()) read(item, path + "." + name, value[name]);
  } else if constexpr (std::is_same_v<Value, std::string>) {
    if (!json.is_string()) refuse(path, "a string");
    value = json.get_ref<const std::string&>();
  } else if constexpr (std::is_same_v<Value, bool>) {
    if (!json.is_boolean()) refuse(path, "true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<Value, char>) {
    if (!json.is_string() || json.get_ref<const std::string&>().size() != 1)
      refuse(path, "one character");
    value = json.get_ref<const std::string&>()[0];
  } else if constexpr (std::is_integral_v<Value>) {
    read_number(json, path, value);
  } else {
    Reader reader(json, path);
    describe(reader, value);
  }
}

// A member that is empty is left out; an element stays in its place, empty or not: `echo ""` has two
// arguments.
template <class Value>
Json write_element(const Value& value) {
  if constexpr (std::is_same_v<Value, std::string>) return Json(value);
  else return write(value);
}

template <class Value>
Json write(const Value& value) {
  if constexpr (is_optional<Value>) {
    return value ? write(*value) : Json();
  } else if constexpr (is_vector<Value>) {
    Json array = Json::array();
    for (const auto& item : value) array.push_back(write_element(item));
    return array.empty() ? Json() : array;
  } else if constexpr (is_map<Value>) {
    Json object = Json::object();
    for (const auto& [name, item] : value) object[name] = write_element(item);
    return object.empty() ? Json() : object;
  } else if constexpr (std::is_same_v<Value, std::string>) {
    return value.empty() ? Json() : Json(value);
  } else if constexpr (std::is_same_v<Value, char>) {
    return Json(std::string(1, value));
  } else if constexpr (std::is_integral_v<Value>) {
    return Json(value);
  } else {
    Writer writer;
    describe(writer, const_cast<Value&>(value));
    return writer.take();
  }
}

// JSON is UTF-8: other bytes become U+FFFD, as in Docker.
inline std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

inline Json parse(std::string_view text, const char* name) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded())
    throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: not valid JSON", name));
  return json;
}

}  // namespace ctr::runtime::json
