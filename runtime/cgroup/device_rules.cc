#include "runtime/cgroup/device_rules.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

DeviceRule allow(char type, std::optional<int64_t> major, std::optional<int64_t> minor,
                 const char* access) {
  return {true, type, major, minor, access};
}

bool is_everything(const DeviceRule& rule) {
  return rule.type == 'a' && !rule.major && !rule.minor && rule.access.size() == 3;
}

// Whether two rules can be about the same device.
bool overlap(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && (!a.major || !b.major || *a.major == *b.major) &&
         (!a.minor || !b.minor || *a.minor == *b.minor) &&
         a.access.find_first_of(b.access) != std::string::npos;
}

bool same_device(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && a.major == b.major && a.minor == b.minor;
}

std::string number_text(const std::optional<int64_t>& number) {
  return number ? std::to_string(*number) : "*";
}

[[noreturn]] void refuse(const std::string& text) {
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("invalid device cgroup rule '{}': want '<a|b|c> <major>:<minor> <rwm>'", text));
}

std::optional<int64_t> parse_number(std::string_view word, const std::string& text) {
  if (word == "*") return std::nullopt;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) refuse(text);
  return number;
}

bool is_number(const std::optional<int64_t>& number) {
  return !number || (*number >= 0 && *number <= UINT32_MAX);
}

// "wr" → "rw", "rr" → "r".
std::string canonical_access(const DeviceRule& rule) {
  std::string access;
  for (char letter : {'r', 'w', 'm'})
    if (rule.access.find(letter) != std::string::npos) access += letter;
  if (access.empty() || rule.access.find_first_not_of("rwm") != std::string::npos)
    refuse(format_device_rule(rule));
  return access;
}

void append_normalized(const DeviceRule& rule, std::vector<DeviceRule>& result) {
  DeviceRule clean = rule;
  clean.access = canonical_access(rule);
  if (std::string_view("abc").find(rule.type) == std::string_view::npos || !is_number(rule.major) ||
      !is_number(rule.minor))
    refuse(format_device_rule(rule));
  if (is_everything(clean)) {
    result.assign({clean});  // whatever was said before no longer matters
  } else if (clean.type == 'a') {
    for (char type : {'b', 'c'}) {
      clean.type = type;
      result.push_back(clean);
    }
  } else {
    result.push_back(clean);
  }
}

}  // namespace

std::vector<DeviceRule> default_device_rules() {
  return {
      {false, 'a', std::nullopt, std::nullopt, "rwm"},
      allow('c', std::nullopt, std::nullopt, "m"),
      allow('b', std::nullopt, std::nullopt, "m"),
      allow('c', 1, 3, "rwm"),               // null
      allow('c', 1, 5, "rwm"),               // zero
      allow('c', 1, 7, "rwm"),               // full
      allow('c', 1, 8, "rwm"),               // random
      allow('c', 1, 9, "rwm"),               // urandom
      allow('c', 5, 0, "rwm"),               // tty
      allow('c', 5, 2, "rwm"),               // ptmx
      allow('c', 136, std::nullopt, "rwm"),  // pts/*
      allow('c', 10, 200, "rwm"),            // net/tun
  };
}

std::vector<DeviceRule> all_device_rules() {
  return {allow('a', std::nullopt, std::nullopt, "rwm")};
}

DeviceRule parse_device_rule(const std::string& text) {
  // "c 1:3 rwm": exactly one space at both places, as Docker has it.
  const size_t colon = text.find(':');
  const size_t space = text.find(' ', 2);
  if (text.size() < 7 || text[1] != ' ' || colon == std::string::npos ||
      space == std::string::npos || colon > space || text.size() - space - 1 > 3)
    refuse(text);
  DeviceRule rule;
  rule.allow = true;
  rule.type = text[0];
  rule.major = parse_number(std::string_view(text).substr(2, colon - 2), text);
  rule.minor = parse_number(std::string_view(text).substr(colon + 1, space - colon - 1), text);
  rule.access = text.substr(space + 1);
  if (std::string_view("abc").find(rule.type) == std::string_view::npos || rule.access.empty() ||
      rule.access.find_first_not_of("rwm") != std::string::npos)
    refuse(text);
  return rule;
}

std::string format_device_rule(const DeviceRule& rule) {
  return fmt::format("{} {}:{} {}", rule.type, number_text(rule.major), number_text(rule.minor),
                     rule.access);
}

std::vector<DeviceRule> normalize_device_rules(const std::vector<DeviceRule>& rules) {
  std::vector<DeviceRule> result{{false, 'a', std::nullopt, std::nullopt, "rwm"}};
  for (const DeviceRule& rule : rules) append_normalized(rule, result);
  return result;
}

std::vector<LimitWrite> plan_device_rules(const std::vector<DeviceRule>& rules) {
  const std::vector<DeviceRule> list = normalize_device_rules(rules);
  const bool allows_all = list.front().allow;
  std::vector<DeviceRule> exceptions;  // what the kernel remembers besides its default
  std::vector<LimitWrite> writes;
  for (const DeviceRule& rule : list) {
    const bool is_exception = rule.allow != allows_all;
    for (const DeviceRule& other : exceptions)
      if (!is_exception && overlap(other, rule) && !same_device(other, rule))
        throw Error(ErrorKind::unsupported,
                    fmt::format("the devices controller of cgroup v1 cannot {} '{}' after the rule "
                                "for '{}'",
                                rule.allow ? "allow" : "deny", format_device_rule(rule),
                                format_device_rule(other)));
    if (is_exception) exceptions.push_back(rule);
    writes.push_back({"devices", rule.allow ? "devices.allow" : "devices.deny",
                      rule.type == 'a' ? "a" : format_device_rule(rule)});
  }
  return writes;
}

bool devices_by_bpf(const CgroupLayout& layout) {
  return !layout.find_controller("devices");
}

}  // namespace ctr::runtime
