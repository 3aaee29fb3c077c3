#include "daemon/pull_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"

namespace ctr::daemon {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr int bar_width = 50;

// "32.77kB": four digits, decimal units, as go-units writes them.
std::string size_text(uint64_t bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.4g}{}", value, units[unit]);
}

std::string line(const ordered_json& message) {
  return message.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\r\n";
}

bool has_progress(const image::LayerProgress& progress) {
  return progress.phase == image::PullPhase::downloading ||
         progress.phase == image::PullPhase::extracting;
}

}  // namespace

std::string status_message(const std::string& status, const std::string& id) {
  ordered_json message{{"status", status}};
  if (!id.empty()) message["id"] = id;
  return line(message);
}

std::string download_message(uint64_t current, uint64_t total) {
  return line({{"status", "Importing"},
               {"progressDetail", {{"current", current}, {"total", total}}},
               {"progress", progress_text(current, total)}});
}

std::string stream_message(const std::string& text) {
  return line({{"stream", text}});
}

std::string error_message(const std::string& message) {
  return line({{"errorDetail", {{"message", message}}}, {"error", message}});
}

std::string progress_text(uint64_t current, uint64_t total) {
  if (current == 0 && total == 0) return "";
  if (total == 0) return fmt::format("{:>8}", size_text(current));
  uint64_t percent = std::min<uint64_t>(100, current * 100 / total);
  size_t filled = static_cast<size_t>(percent) / 2;
  std::string bar =
      fmt::format("[{}>{}] ", std::string(filled, '='), std::string(bar_width - filled, ' '));
  std::string numbers = fmt::format("{:>8}", size_text(current));
  return bar + numbers + (current > total ? "" : "/" + size_text(total));
}

std::optional<std::string> PullMessages::message(const image::LayerProgress& progress,
                                                 Clock::time_point now) {
  Last& last = last_[progress.layer];
  bool final = progress.total > 0 && progress.current >= progress.total;
  if (has_progress(progress) && last.phase == progress.phase && !final &&
      now - last.time < interval)
    return std::nullopt;
  last = {progress.phase, now};
  const std::string id = progress.layer.hex().substr(0, 12);
  if (progress.phase == image::PullPhase::retrying)
    return status_message(
        fmt::format("Retrying in {} second{}", progress.current, progress.current == 1 ? "" : "s"),
        id);
  ordered_json message{{"status", image::phase_text(progress.phase)},
                       {"progressDetail", ordered_json::object()}};
  if (has_progress(progress)) {
    message["progressDetail"] = {{"current", progress.current}, {"total", progress.total}};
    message["progress"] = progress_text(progress.current, progress.total);
  }
  message["id"] = id;
  return line(message);
}

namespace {

std::string push_phase_text(const image::PushProgress& progress) {
  switch (progress.phase) {
    case image::PushPhase::preparing:
      return "Preparing";
    case image::PushPhase::already_exists:
      return "Layer already exists";
    case image::PushPhase::mounted:
      return "Mounted from " + progress.mounted_from;
    case image::PushPhase::pushing:
      return "Pushing";
    case image::PushPhase::pushed:
      return "Pushed";
  }
  return "";
}

}  // namespace

std::optional<std::string> PushMessages::message(const image::PushProgress& progress,
                                                 PullMessages::Clock::time_point now) {
  const bool is_pushing = progress.phase == image::PushPhase::pushing;
  const bool is_last = progress.current >= progress.total;
  PullMessages::Clock::time_point& last = last_[progress.layer];
  if (is_pushing && !is_last && now - last < PullMessages::interval) return std::nullopt;
  last = now;
  ordered_json message{{"status", push_phase_text(progress)},
                       {"progressDetail", ordered_json::object()}};
  if (is_pushing) {
    message["progressDetail"] = {{"current", progress.current}, {"total", progress.total}};
    message["progress"] = progress_text(progress.current, progress.total);
  }
  message["id"] = progress.layer.hex().substr(0, 12);
  return line(message);
}

std::string push_result_message(const std::string& tag, const image::Digest& digest,
                                uint64_t size) {
  return line({{"progressDetail", ordered_json::object()},
               {"aux", {{"Tag", tag}, {"Digest", digest.text()}, {"Size", size}}}});
}

}  // namespace ctr::daemon
