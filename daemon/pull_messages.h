// The progress messages of POST /images/create, one JSON object a line, as Docker's daemon writes
// them: clients parse "status", "id", "progressDetail" and, the old ones, "progress". Pure but for
// the clock that messages() is given.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "image/pull_progress.h"
#include "image/pusher.h"
#include "image/reference.h"

namespace ctr::daemon {

// {"status":"…","id":"…"}, the id left out where it is empty.
std::string status_message(const std::string& status, const std::string& id = "");
// {"status":"Importing", …}: bytes of a file from the web.
std::string download_message(uint64_t current, uint64_t total);
// {"stream":"…"}
std::string stream_message(const std::string& text);
// {"errorDetail":{"message":"…"},"error":"…"}
std::string error_message(const std::string& message);

// "[=====>     ]  32.77kB/3.402MB": what Docker's daemon adds for clients that draw no bar.
std::string progress_text(uint64_t current, uint64_t total);

// Makes messages of one pull's progress; leaves away what comes faster than anybody reads.
class PullMessages {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{100};

  std::optional<std::string> message(const image::LayerProgress& progress, Clock::time_point now);

 private:
  struct Last {
    image::PullPhase phase = image::PullPhase::waiting;
    Clock::time_point time{};
  };
  std::map<image::Digest, Last> last_;
};

// The same for a push.
class PushMessages {
 public:
  std::optional<std::string> message(const image::PushProgress& progress,
                                     PullMessages::Clock::time_point now);

 private:
  std::map<image::Digest, PullMessages::Clock::time_point> last_;
};
// {"progressDetail":{},"aux":{"Tag":"latest","Digest":"sha256:…","Size":528}}: how a client learns
// what the name points to now.
std::string push_result_message(const std::string& tag, const image::Digest& digest, uint64_t size);

}  // namespace ctr::daemon
