include(spec.cmake)

# The containers' name server: nothing of containers in it.
add_library(daemon_dns STATIC
  dns/message.cc
  dns/name_server.cc
  dns/upstream.cc)
ctr_export_headers(daemon_dns daemon/dns)
target_link_libraries(daemon_dns PUBLIC runtime_sys runtime_network daemon_process)

# What the daemon is about: containers, their life, and what is known of them.
add_library(daemon_domain STATIC
  apparmor.cc
  commit_config.cc
  container.cc
  container_archive.cc
  container_changes.cc
  container_checks.cc
  container_config.cc
  container_filters.cc
  container_index.cc
  container_links.cc
  container_mounts.cc
  container_names.cc
  container_processes.cc
  container_record.cc
  container_root.cc
  container_state.cc
  container_stats.cc
  container_view.cc
  containers.cc
  containers_attach.cc
  containers_end.cc
  containers_files.cc
  containers_health.cc
  containers_networks.cc
  containers_recovery.cc
  containers_start.cc
  containers_stop.cc
  containers_volumes.cc
  disk_usage.cc
  exec_sessions.cc
  found_monitors.cc
  health.cc
  health_checks.cc
  host_devices.cc
  launcher.cc
  launcher_network.cc
  log_options.cc
  monitor_client.cc
  monitor_spawner.cc
  monitors.cc
  name_lookup.cc
  restarts.cc
  seccomp_cache.cc
  status_text.cc
  user_ranges.cc
  volume_mounts.cc
  volumes.cc
  work_queue.cc)
ctr_export_headers(daemon_domain daemon)
target_link_libraries(daemon_domain PUBLIC
  daemon_api daemon_dns daemon_networks daemon_process daemon_spec daemon_streams image
  runtime_accounts runtime_cgroup runtime_mount_plan runtime_overlay runtime_protocol runtime_seccomp_compiler)

# The routes over them, and all of it put together. A websocket's handshake has a SHA-1.
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libcrypto)
add_library(daemon_container_routes STATIC
  container_engine.cc
  routes/container_archive.cc
  routes/container_processes.cc
  routes/container_streams.cc
  routes/containers.cc
  routes/exec.cc
  routes/terminal_size.cc
  routes/volumes.cc
  websocket.cc
  websocket_relay.cc)
target_link_libraries(daemon_container_routes PUBLIC daemon_domain daemon_server
  PRIVATE PkgConfig::OPENSSL)

# Images of containers and of archives: where the two meet.
add_library(daemon_image_making STATIC
  commit.cc
  routes/image_making.cc)
ctr_export_headers(daemon_image_making daemon)
target_link_libraries(daemon_image_making PUBLIC daemon_domain daemon_images daemon_server)

add_library(daemon_network_routes STATIC
  routes/networks.cc)
ctr_export_headers(daemon_network_routes daemon)
target_link_libraries(daemon_network_routes PUBLIC daemon_networks daemon_server)
