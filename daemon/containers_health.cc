// Health: what the checks of a container found.
#include "daemon/containers.h"

namespace ctr::daemon {

std::optional<int64_t> Containers::record_health(const std::string& id, sys::Timestamp started_at,
                                                 HealthResult result) {
  std::shared_ptr<Container> container = index_.find_by_id(id);
  if (!container) return std::nullopt;
  ContainerSnapshot now;
  bool changed = false;
  {
    std::lock_guard lock(container->mutex);
    LiveRecord& live = container->live;
    if (!live.state.alive() || live.state.started_at != started_at) return std::nullopt;
    const HealthCheck& check = container->record.config.health_check.value();
    changed = add_health_result(live.health, check, started_at, std::move(result));
    now = {container->record, live};
    container->notify();
  }
  if (changed) {
    publish(now.record, "health_status: " + now.live.health.status);
    save_soon(container);
  }
  return next_health_delay(now.live.health, now.record.config.health_check.value(), started_at,
                           sys::now());
}

}  // namespace ctr::daemon
