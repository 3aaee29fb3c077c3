// --log-opt: how a container's log is kept. Pure; runs in: ctrd.
#pragma once

#include "daemon/container_config.h"
#include "runtime/monitor_protocol.h"

namespace ctr::daemon {

// "10m" → 10'000'000 … with binary units as Docker has them: 10 * 1024 * 1024. "-1" is no limit: 0.
// Throws Error{invalid_argument}.
uint64_t parse_log_size(const std::string& text);

// What a monitor is told. `path` is where the log goes; with the driver "none" nowhere. `defaults`
// are the daemon's own --log-opt. Throws Error{invalid_argument} for unknown options and bad
// values.
runtime::LogConfig plan_log(const ContainerConfig& config, const HostConfig& host,
                            const std::map<std::string, std::string>& defaults,
                            const std::string& path);

}  // namespace ctr::daemon
