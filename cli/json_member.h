// Members of the daemon's JSON objects, which may be missing, null or of another type than they
// ought to be: then the caller's default stands.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace ctr::cli {

inline std::string string_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

inline bool bool_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return false;
  auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

inline int64_t int_member(const nlohmann::json& object, const char* name, int64_t otherwise = 0) {
  if (!object.is_object()) return otherwise;
  auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

// The object inside, or null.
inline const nlohmann::json& object_member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json none;
  if (!object.is_object()) return none;
  auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : none;
}

}  // namespace ctr::cli
