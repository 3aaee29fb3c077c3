#include "cli/human.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <span>

#include "cli/template/utf8.h"

namespace ctr::cli {

namespace {

std::string scaled(double size, double base, std::span<const std::string_view> units, int digits) {
  size_t unit = 0;
  for (; size >= base && unit + 1 < units.size(); ++unit) size /= base;
  return fmt::format("{:.{}g}{}", size, digits, units[unit]);
}

std::string local_format(int64_t unix_seconds, const char* format) {
  auto time = static_cast<time_t>(unix_seconds);
  tm parts{};
  if (localtime_r(&time, &parts) == nullptr) return "";
  char buffer[64];
  return std::string(buffer, strftime(buffer, sizeof buffer, format, &parts));
}

// "Z" or "+02:00"
std::string local_zone(int64_t unix_seconds) {
  std::string zone = local_format(unix_seconds, "%z");
  if (zone == "+0000" || zone.size() != 5) return "Z";
  return zone.insert(3, ":");
}

}  // namespace

std::string human_size(double bytes, int digits) {
  constexpr std::string_view units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  return scaled(bytes, 1000, units, digits);
}

std::string human_binary_size(double bytes) {
  constexpr std::string_view units[] = {"B",   "KiB", "MiB", "GiB", "TiB",
                                        "PiB", "EiB", "ZiB", "YiB"};
  return scaled(bytes, 1024, units, 4);
}

std::string human_duration(int64_t seconds) {
  // Hours are rounded, everything else is cut.
  int64_t minutes = seconds / 60, hours = (seconds + 1800) / 3600;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", seconds / 3600 / 24 / 365);
}

std::string local_time(int64_t unix_seconds) {
  return local_format(unix_seconds, "%Y-%m-%d %H:%M:%S %z %Z");
}

std::string local_rfc3339(int64_t unix_seconds) {
  return local_format(unix_seconds, "%Y-%m-%dT%H:%M:%S") + local_zone(unix_seconds);
}

std::string local_rfc3339_nano(int64_t unix_nanoseconds) {
  constexpr int64_t second = 1'000'000'000;
  int64_t seconds = unix_nanoseconds / second, rest = unix_nanoseconds % second;
  if (rest < 0) {
    --seconds;
    rest += second;
  }
  return fmt::format("{}.{:09}{}", local_format(seconds, "%Y-%m-%dT%H:%M:%S"), rest,
                     local_zone(seconds));
}

std::string short_id(std::string_view id) {
  if (size_t colon = id.find(':'); colon != id.npos) id.remove_prefix(colon + 1);
  return std::string(id.substr(0, 12));
}

bool is_full_id(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex);
}

std::string ellipsis(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  size_t end = 0, used = 0;
  while (end < text.size()) {
    size_t next = end;
    decode_utf8(text, next);
    used += display_width(text.substr(end, next - end));
    if (used + 1 > width) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace ctr::cli
