#include "runtime/oci/signal_name.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <optional>

#include "runtime/oci/options.h"

namespace ctr::runtime::oci {

namespace {

// "RTMIN", "RTMIN+3", "RTMAX-1".
std::optional<int> find_realtime(const std::string& name) {
  const bool from_first = name.rfind("RTMIN", 0) == 0;
  if (!from_first && name.rfind("RTMAX", 0) != 0) return std::nullopt;
  const int base = from_first ? SIGRTMIN : SIGRTMAX;
  if (name.size() == 5) return base;
  const std::string distance = name.substr(name[5] == '+' ? 6 : 5);
  const std::optional<int64_t> number = find_decimal(distance);
  if (!number || base + *number < SIGRTMIN || base + *number > SIGRTMAX) return std::nullopt;
  return base + static_cast<int>(*number);
}

std::optional<int> find_signal(std::string name) {
  if (const std::optional<int64_t> number = find_decimal(name))
    return *number >= 0 && *number <= SIGRTMAX ? std::optional(static_cast<int>(*number))
                                               : std::nullopt;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return ::toupper(c); });
  if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
  for (int number = 1; number < SIGSYS + 1; ++number)
    if (const char* known = ::sigabbrev_np(number); known != nullptr && name == known)
      return number;
  if (name == "IOT") return SIGIOT;
  if (name == "CLD") return SIGCHLD;
  return find_realtime(name);
}

}  // namespace

int parse_signal_name(const std::string& text) {
  if (const std::optional<int> number = find_signal(text)) return *number;
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("unknown signal \"{}\"", text));
}

}  // namespace ctr::runtime::oci
