#include <poll.h>

#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/stats_json.h"

namespace ctr::runtime::oci {

namespace {

constexpr int64_t longest_interval = 24 * 3600 * 1000LL;

// "5s", "500ms", "2m", "5": Go's durations of one unit. In milliseconds.
int parse_interval(const std::string& text) {
  const size_t end = text.find_first_not_of("0123456789");
  const std::optional<int64_t> number = find_decimal(text.substr(0, end));
  const std::string unit = end == std::string::npos ? "s" : text.substr(end);
  const int64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (!number || *number <= 0 || scale == 0 || *number > longest_interval / scale)
    throw UsageError(fmt::format("--interval takes a duration such as 5s, not '{}'", text));
  return static_cast<int>(*number * scale);
}

// Until the container ends. What happens between two looks at the figures is told at once.
void watch(const std::string& id, const sys::Process& init, const Cgroup& cgroup, int interval) {
  const std::optional<sys::UniqueFd> oom = cgroup.open_oom_events();
  uint64_t seen = cgroup.oom_kill_count();
  pollfd items[2] = {{init.pidfd(), POLLIN, 0}, {oom ? oom->get() : -1, POLLIN, 0}};
  print(stats_event(id, cgroup.stats()));
  while (true) {
    const int ready =
        sys::check(sys::retry_on_signal([&] { return ::poll(items, 2, interval); }), "poll");
    if (items[0].revents != 0) return;
    if (ready == 0) print(stats_event(id, cgroup.stats()));
    if (items[1].revents == 0) continue;
    Cgroup::drain_oom_events(oom->get());
    const uint64_t now = cgroup.oom_kill_count();
    if (now > seen) print(oom_event(id));
    seen = now;
  }
}

}  // namespace

int run_events(const Invocation& invocation) {
  bool once = false;
  std::string interval = "5s";
  Options options;
  options.flag("--stats", once, "only what it uses now");
  options.text("--interval", interval, "DURATION", "time between two looks (default: 5s)");
  const std::string id = invocation.parse(options, 1, 1)[0];
  const int milliseconds = parse_interval(interval);
  const Container container = Container::open(invocation.globals.root, id, Access::look);
  const Cgroup cgroup = container.open_cgroup_of_running();
  if (once)
    print(stats_event(id, cgroup.stats()));
  else
    watch(id, *container.init(), cgroup, milliseconds);
  return 0;
}

}  // namespace ctr::runtime::oci
