#include "cli/document.h"

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

constexpr int depth_limit = 64;

}  // namespace

Json parse_document(std::string_view body) {
  auto check_depth = [](int depth, Json::parse_event_t, Json&) {
    if (depth > depth_limit)
      throw sys::Error(sys::ErrorKind::internal, "the daemon's answer is nested too deep");
    return true;
  };
  try {
    return Json::parse(body, check_depth);
  } catch (const Json::exception&) {
    throw sys::Error(sys::ErrorKind::internal, "the daemon's answer is not JSON");
  }
}

const Json& member(const Json& object, std::string_view name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  auto found = object.find(std::string(name));
  return found == object.end() ? nothing : *found;
}

std::string text_member(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

int64_t number_member(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_number() ? value.get<int64_t>() : 0;
}

bool flag_member(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::vector<std::string> texts_member(const Json& object, std::string_view name) {
  std::vector<std::string> texts;
  const Json& list = member(object, name);
  if (!list.is_array()) return texts;
  for (const Json& element : list)
    if (element.is_string()) texts.push_back(element.get<std::string>());
  return texts;
}

}  // namespace ctr::cli
