#include "daemon/status_text.h"

#include <doctest/doctest.h>

using namespace ctr::daemon;
namespace sys = ctr::sys;

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr int64_t hour = 3600 * second;
constexpr int64_t day = 24 * hour;
}  // namespace

TEST_CASE("durations are in Docker's words") {
  struct Row {
    int64_t duration;
    const char* text;
  };
  for (const Row& row :
       {Row{-5 * second, "Less than a second"}, Row{0, "Less than a second"},
        Row{second, "1 second"}, Row{59 * second, "59 seconds"}, Row{60 * second, "About a minute"},
        Row{119 * second, "About a minute"}, Row{120 * second, "2 minutes"},
        Row{59 * 60 * second, "59 minutes"}, Row{hour, "About an hour"}, Row{2 * hour, "2 hours"},
        Row{47 * hour, "47 hours"}, Row{48 * hour, "2 days"}, Row{13 * day, "13 days"},
        Row{14 * day, "2 weeks"}, Row{59 * day, "8 weeks"}, Row{60 * day, "2 months"},
        Row{729 * day, "24 months"}, Row{730 * day, "2 years"}})
    CHECK(human_duration(row.duration) == row.text);
}

TEST_CASE("the status of each state reads as in docker ps") {
  RunState state;
  sys::Timestamp now = 1'700'000'000 * second;
  CHECK(status_text(state, "", now) == "Created");
  state.started_at = now - 3 * second;
  state.status = Status::running;
  CHECK(status_text(state, "", now) == "Up 3 seconds");
  CHECK(status_text(state, "healthy", now) == "Up 3 seconds (healthy)");
  CHECK(status_text(state, "starting", now) == "Up 3 seconds (health: starting)");
  state.status = Status::paused;
  CHECK(status_text(state, "", now) == "Up 3 seconds (Paused)");
  state.finished_at = now - 120 * second;
  state.exit_code = 137;
  state.status = Status::exited;
  CHECK(status_text(state, "", now) == "Exited (137) 2 minutes ago");
  state.status = Status::restarting;
  CHECK(status_text(state, "", now) == "Restarting (137) 2 minutes ago");
  state.status = Status::removing;
  CHECK(status_text(state, "", now) == "Removal In Progress");
  state.status = Status::dead;
  CHECK(status_text(state, "", now) == "Dead");
}
