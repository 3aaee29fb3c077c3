// top, stats, and how the start went.
#include <poll.h>

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/container_processes.h"
#include "daemon/container_stats.h"
#include "daemon/routes/containers.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr int one_second = 1000;  // milliseconds

void top(Exchange& exchange, Containers& containers) {
  ContainerSnapshot container = containers.snapshot(exchange.parameter("id"));
  if (!container.live.state.alive())
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("container {} is not running", container.record.id));
  ProcessTable table = list_processes(containers.launcher().open_cgroup(container.record).pids(),
                                      exchange.query("ps_args").value_or(""));
  containers.publish(container.record, "top");
  exchange.respond_json(200, {{"Titles", table.titles}, {"Processes", table.rows}});
}

std::optional<StatsSample> find_sample(Containers& containers, const std::string& id) {
  ContainerSnapshot container = containers.snapshot(id);
  if (!container.live.state.alive()) return std::nullopt;
  auto cgroup = runtime::Cgroup::find(containers.launcher().cgroup_layout(),
                                      containers.launcher().cgroup_path(container.record));
  if (!cgroup) return std::nullopt;
  StatsSample sample = take_sample(cgroup->stats(), container.live.state.pid);
  // The host's interfaces count what everybody sends.
  if (container.record.host.network_mode == "host") sample.network.clear();
  return sample;
}

json sample_json(Containers& containers, const std::string& id,
                 std::optional<StatsSample>& previous) {
  std::string name = containers.snapshot(id).record.name;
  std::optional<StatsSample> sample = find_sample(containers, id);
  json value = sample ? stats_json(id, name, *sample, previous) : empty_stats_json(id, name);
  previous = std::move(sample);
  return value;
}

void stats(Exchange& exchange, Containers& containers) {
  std::string id = containers.get(exchange.parameter("id"))->id;
  bool stream = exchange.query_bool("stream", true);
  bool one_shot = exchange.query_bool("one-shot");
  if (stream && one_shot)
    throw sys::Error(sys::ErrorKind::invalid_argument, "cannot have stream=true and one-shot=true");
  std::optional<StatsSample> previous;
  if (!stream) {
    // Two looks a second apart, so that a share of the processor can be told.
    if (!one_shot && (previous = find_sample(containers, id))) ::poll(nullptr, 0, one_second);
    return exchange.respond_json(200, sample_json(containers, id, previous));
  }
  auto output = exchange.respond_stream(200, "application/json");
  while (containers.find_by_id(id) && !output->client_gone()) {
    if (!output->write(dump_json(sample_json(containers, id, previous)) + "\n")) return;
    pollfd client{output->descriptor(), POLLRDHUP, 0};
    sys::check(sys::retry_on_signal([&] { return ::poll(&client, 1, one_second); }), "poll");
  }
}

}  // namespace

void add_container_process_routes(Router& router, Containers& containers) {
  router.add("GET", "/containers/{id}/top",
             [&containers](Exchange& exchange) { top(exchange, containers); });
  router.add("GET", "/containers/{id}/stats",
             [&containers](Exchange& exchange) { stats(exchange, containers); });
  // Docker has no word for it.
  router.add("GET", "/ctr/v1/containers/{id}/timeline", [&containers](Exchange& exchange) {
    exchange.respond_json(200, containers.timeline(exchange.parameter("id")));
  });
}

}  // namespace ctr::daemon
