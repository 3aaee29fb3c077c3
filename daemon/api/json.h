// Reading the JSON of requests as Docker's own server (Go) reads it: keys match in any case, null
// is as good as absent, unknown keys are ignored, a wrong type is Error{invalid_argument} that
// names the field. And writing JSON that holds whatever bytes a container produced. Pure. Used by:
// ctrd's routes, and ctr where it reads a daemon's answers.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::daemon {

inline constexpr int json_depth_limit = 128;

// Throws Error{invalid_argument} for anything that is not one JSON value, or nests deeper (M08,
// P07).
nlohmann::json parse_json(std::string_view text, int depth_limit = json_depth_limit);

// Throws Error{invalid_argument} unless a request's Content-Type is JSON's, whatever its
// parameters: what a browser sends of its own accord is not (P05).
void expect_json_type(std::string_view content_type);

// Never throws for invalid UTF-8: it becomes U+FFFD, as Go writes it.
std::string dump_json(const nlohmann::json& value);

// The type's name as Docker's error messages have it: "string", "number", "bool", "array",
// "object".
std::string_view json_type_name(const nlohmann::json& value);

// One object of a request. Refers to the JSON that it was made from: that must outlive it. Each
// getter takes the field's Go name ("HostConfig"); `find_` getters are nullopt where the field is
// absent or null, the others then give `otherwise` or an empty value.
class JsonObject {
 public:
  // `path` names the object in error messages: "HostConfig", "Mounts[0]"; empty for the body
  // itself.
  explicit JsonObject(const nlohmann::json& object, std::string path = "");

  const nlohmann::json* find(std::string_view key) const;  // nullptr: absent or null
  bool has(std::string_view key) const { return find(key) != nullptr; }

  std::optional<std::string> find_string(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<int64_t> find_integer(std::string_view key) const;
  std::optional<double> find_number(std::string_view key) const;
  std::optional<std::vector<std::string>> find_strings(std::string_view key) const;
  // Go's strslice: Cmd and Entrypoint may be one string instead of a list of one.
  std::optional<std::vector<std::string>> find_string_or_strings(std::string_view key) const;
  // Keys of the inner map are data, not field names: their case is kept.
  std::optional<std::map<std::string, std::string>> find_string_map(std::string_view key) const;
  std::optional<JsonObject> find_object(std::string_view key) const;

  std::string string(std::string_view key, std::string otherwise = "") const;
  bool boolean(std::string_view key, bool otherwise = false) const;
  int64_t integer(std::string_view key, int64_t otherwise = 0) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::map<std::string, std::string> string_map(std::string_view key) const;
  // {"80/tcp": {}, "/data": null}: the keys, sorted.
  std::vector<std::string> key_set(std::string_view key) const;
  // A list of objects; null elements are skipped.
  std::vector<JsonObject> objects(std::string_view key) const;
  // A map of objects, {"bridge": {…}, "other": null}: null gives an empty object.
  std::vector<std::pair<std::string, JsonObject>> object_map(std::string_view key) const;

  const nlohmann::json& value() const { return *object_; }
  const std::string& path() const { return path_; }
  // Error{invalid_argument}: "json: cannot unmarshal <found> into field <path>.<key> of type
  // <wanted>".
  [[noreturn]] void fail(std::string_view key, const nlohmann::json& found,
                         std::string_view wanted) const;

 private:
  std::string name_of(std::string_view key) const;

  const nlohmann::json* object_;
  std::string path_;
};

}  // namespace ctr::daemon
