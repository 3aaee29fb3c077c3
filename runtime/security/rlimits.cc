#include "runtime/security/rlimits.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

struct Name {
  std::string_view name;
  int number;
};
constexpr Name names[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

[[noreturn]] void refuse(const std::string& text, std::string_view reason) {
  throw Error(ErrorKind::invalid_argument, fmt::format("invalid ulimit '{}': {}", text, reason));
}

uint64_t parse_value(std::string_view word, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || error != std::errc() || end != word.data() + word.size() || value < -1)
    refuse(text, "want 'name=soft[:hard]' with numbers, or -1 for unlimited");
  return value == -1 ? RLIM_INFINITY : static_cast<uint64_t>(value);
}

std::string value_text(uint64_t value) {
  return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

rlimit current_limit(int number) {
  rlimit now{};
  sys::check(::getrlimit(static_cast<__rlimit_resource>(number), &now), "getrlimit");
  return now;
}

bool set_limit(int number, const Rlimit& limit) {
  const rlimit value{limit.soft, limit.hard};
  return ::setrlimit(static_cast<__rlimit_resource>(number), &value) == 0;
}

void apply_rlimit(const Rlimit& limit) {
  const std::optional<int> number = find_rlimit(limit.name);
  if (!number)
    throw Error(ErrorKind::invalid_argument, fmt::format("unknown limit '{}'", limit.name));
  if (set_limit(*number, limit)) return;
  const int error = errno;
  const rlimit now = current_limit(*number);
  if (error == EPERM && limit.is_default) {
    const Rlimit clamped = plan_rlimit(limit, now.rlim_max, false);
    if (set_limit(*number, clamped)) return;
  }
  if (error == EPERM)
    throw Error(ErrorKind::forbidden,
                fmt::format("cannot set {} to {}:{}: the daemon's own hard limit is {}, and it may "
                            "not raise it",
                            limit.name, value_text(limit.soft), value_text(limit.hard),
                            value_text(now.rlim_max)),
                error);
  sys::throw_errno(error, "setrlimit",
                   {limit.name, value_text(limit.soft) + ":" + value_text(limit.hard)});
}

}  // namespace

std::optional<int> find_rlimit(std::string_view name) {
  std::string key = lower(name);
  if (key.starts_with("rlimit_")) key.erase(0, 7);
  const auto found = std::find_if(std::begin(names), std::end(names),
                                  [&](const Name& entry) { return entry.name == key; });
  if (found == std::end(names)) return std::nullopt;
  return found->number;
}

Rlimit parse_ulimit(const std::string& text) {
  const size_t equal = text.find('=');
  if (equal == std::string::npos) refuse(text, "want 'name=soft[:hard]'");
  const std::string name = text.substr(0, equal);
  if (!find_rlimit(name) || lower(name).starts_with("rlimit_")) refuse(text, "no such limit");
  const std::string_view values = std::string_view(text).substr(equal + 1);
  const size_t colon = values.find(':');
  Rlimit limit;
  limit.name = "RLIMIT_" + upper(name);
  limit.soft = parse_value(values.substr(0, colon), text);
  limit.hard =
      colon == std::string_view::npos ? limit.soft : parse_value(values.substr(colon + 1), text);
  if (limit.soft > limit.hard)
    refuse(text, "the soft limit must not be greater than the hard limit");
  return limit;
}

Rlimit plan_rlimit(const Rlimit& wanted, uint64_t hard_now, bool may_raise) {
  Rlimit result = wanted;
  if (!wanted.is_default || may_raise) return result;
  result.hard = std::min(wanted.hard, hard_now);
  result.soft = std::min(wanted.soft, result.hard);
  return result;
}

void apply_rlimits(const std::vector<Rlimit>& limits) {
  for (const Rlimit& limit : limits) apply_rlimit(limit);
}

}  // namespace ctr::runtime
