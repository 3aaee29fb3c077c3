// Docker's profile format, which is the OCI specification's with conditions on each rule.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/security/capabilities.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/security/syscall_table.h"
#include "runtime/sys/error.h"

namespace ctr::runtime {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

constexpr size_t text_limit = 1 << 20;
constexpr size_t rule_limit = 10'000;
constexpr size_t name_limit = 2'000;  // in one rule
constexpr int depth_limit = 16;

[[noreturn]] void refuse(const std::string& text) {
  throw Error(ErrorKind::invalid_argument, "invalid seccomp profile: " + text);
}

// How deep brackets nest outside of strings. Looked at before parsing, because nlohmann's parser
// has no limit, and its callback, which could set one, takes quadratic time on what it rejects.
int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

json parse_bounded(std::string_view text) {
  if (text.size() > text_limit)
    refuse(fmt::format("it has {} bytes, of which {} are taken", text.size(), text_limit));
  if (depth_of(text) > depth_limit) refuse("it is nested too deeply");
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) refuse("it is not JSON");
  if (!document.is_object()) refuse("it is not a JSON object");
  return document;
}

// A member, or null where it is missing.
const json& member(const json& object, const char* key) {
  static const json none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::string text_member(const json& object, const char* key, const std::string& place) {
  const json& value = member(object, key);
  if (value.is_null()) return "";
  if (!value.is_string()) refuse(fmt::format("{}{} is not a string", place, key));
  return value.get<std::string>();
}

std::vector<std::string> list_member(const json& object, const char* key,
                                     const std::string& place) {
  std::vector<std::string> list;
  const json& value = member(object, key);
  if (value.is_null()) return list;
  if (!value.is_array()) refuse(fmt::format("{}{} is not a list", place, key));
  if (value.size() > name_limit)
    refuse(fmt::format("{}{} has {} entries, of which {} are taken", place, key, value.size(),
                       name_limit));
  for (const json& entry : value) {
    if (!entry.is_string()) refuse(fmt::format("{}{} has an entry that is no string", place, key));
    list.push_back(entry.get<std::string>());
  }
  return list;
}

std::optional<uint64_t> number_member(const json& object, const char* key, const std::string& place,
                                      uint64_t limit) {
  const json& value = member(object, key);
  if (value.is_null()) return std::nullopt;
  if (!value.is_number_unsigned() || value.get<uint64_t>() > limit)
    refuse(
        fmt::format("{}{} is '{}', want a number from 0 to {}", place, key, value.dump(), limit));
  return value.get<uint64_t>();
}

const json& object_member(const json& object, const char* key, const std::string& place) {
  static const json empty = json::object();
  const json& value = member(object, key);
  if (value.is_null()) return empty;
  if (!value.is_object()) refuse(fmt::format("{}{} is not an object", place, key));
  return value;
}

bool is_kernel_at_least(const SeccompContext& context, const std::string& version,
                        const std::string& place) {
  int major = 0;
  int minor = 0;
  char rest = 0;
  if (std::sscanf(version.c_str(), "%4d.%4d%c", &major, &minor, &rest) != 2)
    refuse(fmt::format("{}minKernel is '{}', want a version such as '4.8'", place, version));
  return context.kernel_major > major ||
         (context.kernel_major == major && context.kernel_minor >= minor);
}

bool has_capability(const SeccompContext& context, const std::string& name,
                    const std::string& place) {
  const std::optional<unsigned> number = find_capability(name);
  if (!number) refuse(fmt::format("{}caps: unknown capability '{}'", place, name));
  return (context.capabilities >> *number & 1) != 0;
}

bool names_architecture(const std::vector<std::string>& list, const SeccompContext& context) {
  const SyscallArchitecture* architecture = find_architecture(context.architecture);
  return architecture && std::find(list.begin(), list.end(), architecture->go_name) != list.end();
}

// Whether the rule is for this container: all of "includes", none of "excludes".
bool applies(const json& rule, const SeccompContext& context, const std::string& place) {
  const json& includes = object_member(rule, "includes", place);
  const json& excludes = object_member(rule, "excludes", place);
  bool result = true;
  const auto arches = list_member(includes, "arches", place);
  if (!arches.empty()) result &= names_architecture(arches, context);
  result &= !names_architecture(list_member(excludes, "arches", place), context);
  for (const std::string& name : list_member(includes, "caps", place))
    result &= has_capability(context, name, place);
  for (const std::string& name : list_member(excludes, "caps", place))
    result &= !has_capability(context, name, place);
  const std::string least = text_member(includes, "minKernel", place);
  if (!least.empty()) result &= is_kernel_at_least(context, least, place);
  const std::string below = text_member(excludes, "minKernel", place);
  if (!below.empty()) result &= !is_kernel_at_least(context, below, place);
  return result;
}

SeccompArgument parse_argument(const json& value, const std::string& place) {
  if (!value.is_object()) refuse(fmt::format("{}args has an entry that is no object", place));
  SeccompArgument argument;
  argument.index = static_cast<uint32_t>(number_member(value, "index", place, 5).value_or(0));
  argument.value = number_member(value, "value", place, UINT64_MAX).value_or(0);
  argument.value_two = number_member(value, "valueTwo", place, UINT64_MAX).value_or(0);
  argument.op = text_member(value, "op", place);
  return argument;
}

SeccompRule parse_rule(const json& value, const std::string& place) {
  SeccompRule rule;
  rule.names = list_member(value, "names", place);
  const std::string name = text_member(value, "name", place);
  if (!name.empty() && !rule.names.empty())
    refuse(fmt::format("{}'name' and 'names' were specified, use either", place));
  if (!name.empty()) rule.names.push_back(name);
  if (rule.names.empty()) refuse(fmt::format("{}names is missing", place));
  rule.action = text_member(value, "action", place);
  if (const auto error = number_member(value, "errnoRet", place, 4095))
    rule.errno_return = static_cast<uint32_t>(*error);
  const json& arguments = member(value, "args");
  if (!arguments.is_null() && !arguments.is_array())
    refuse(fmt::format("{}args is not a list", place));
  if (arguments.size() > 64) refuse(fmt::format("{}args has more than 64 entries", place));
  for (const json& argument : arguments) rule.arguments.push_back(parse_argument(argument, place));
  return rule;
}

// "archMap": this architecture and those that it runs besides; "architectures": just these.
std::vector<std::string> parse_architectures(const json& document, const SeccompContext& context) {
  std::vector<std::string> list = list_member(document, "architectures", "");
  const json& map = member(document, "archMap");
  if (map.is_null() || map.empty()) {
    if (list.empty()) list.push_back(context.architecture);
    return list;
  }
  if (!list.empty()) refuse("'architectures' and 'archMap' were specified, use either");
  if (!map.is_array()) refuse("archMap is not a list");
  for (const json& entry : map) {
    if (!entry.is_object()) refuse("archMap has an entry that is no object");
    if (text_member(entry, "architecture", "archMap: ") != context.architecture) continue;
    list = list_member(entry, "subArchitectures", "archMap: ");
    list.insert(list.begin(), context.architecture);
    return list;
  }
  return {context.architecture};
}

void check_names(const SeccompProfile& profile) {
  for (const std::string& name : profile.architectures)
    if (!find_architecture(name)) refuse(fmt::format("unknown architecture '{}'", name));
  if (profile.default_action.empty()) refuse("defaultAction is missing");
}

}  // namespace

SeccompProfile parse_profile(std::string_view text, const SeccompContext& context) {
  const json document = parse_bounded(text);
  SeccompProfile profile;
  profile.default_action = text_member(document, "defaultAction", "");
  if (const auto error = number_member(document, "defaultErrnoRet", "", 4095))
    profile.default_errno = static_cast<uint32_t>(*error);
  profile.architectures = parse_architectures(document, context);
  profile.flags = list_member(document, "flags", "");
  profile.listener_path = text_member(document, "listenerPath", "");
  profile.listener_metadata = text_member(document, "listenerMetadata", "");
  check_names(profile);
  const json& rules = member(document, "syscalls");
  if (!rules.is_null() && !rules.is_array()) refuse("syscalls is not a list");
  if (rules.size() > rule_limit)
    refuse(fmt::format("syscalls has {} rules, of which {} are taken", rules.size(), rule_limit));
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string place = fmt::format("syscalls[{}]: ", i);
    if (!rules[i].is_object()) refuse(place + "not an object");
    SeccompRule rule = parse_rule(rules[i], place);
    if (applies(rules[i], context, place)) profile.rules.push_back(std::move(rule));
  }
  return profile;
}

}  // namespace ctr::runtime
