// Reading JSON that strangers wrote: manifests, image configurations, tokens. Everything here turns
// what is wrong into Error{invalid_argument}; no exception of the JSON library leaves it. Internal
// to image: the only header here that brings the library in.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::image {

struct JsonLimits {
  size_t bytes = 4 << 20;
  int depth = 64;
};

// One JSON object. `what` begins the message of every error: "manifest". Refused beside what is no
// JSON: more bytes or levels than the limits, invalid UTF-8, a key twice in one object (two readers
// would see two documents: G05, M08), numbers out of range, anything but an object at the top.
nlohmann::json parse_json_object(std::string_view text, std::string_view what,
                                 JsonLimits limits = {});

// Members of one object, by the type that they must have. Absent and null are the same: the zero
// value, as for Go's reader, which every producer of these documents was tried against.
class JsonObject {
 public:
  // Keeps a reference to both.
  JsonObject(const nlohmann::json& object, std::string_view what);

  bool has(const char* key) const { return find(key) != nullptr; }
  const nlohmann::json* find(const char* key) const;  // nullptr where absent or null
  // Strings with NUL are refused: they would be cut in two somewhere below (M08).
  std::string text(const char* key) const;
  bool boolean(const char* key) const;
  std::optional<int64_t> integer(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  // An array, or one string that stands for an array of itself: commands in old images.
  std::vector<std::string> words(const char* key) const;
  std::map<std::string, std::string> text_map(const char* key) const;
  std::vector<std::string> keys(const char* key) const;  // of an object used as a set
  // The elements of an array of objects; nullptr where absent.
  const nlohmann::json* array(const char* key) const;
  std::optional<JsonObject> object(const char* key) const;

  [[noreturn]] void refuse(std::string_view why) const;

 private:
  std::string checked_text(const nlohmann::json& value, const char* key) const;

  const nlohmann::json& object_;
  std::string_view what_;
};

}  // namespace ctr::image
