# What happened and what was printed: events and logs. Used by the container, network and image use
# cases as well as by the routes.
add_library(daemon_streams STATIC
  events.cc
  log_files.cc
  log_reader.cc
  log_record.cc)
ctr_export_headers(daemon_streams daemon)
target_link_libraries(daemon_streams PUBLIC daemon_api)

# How the daemon is set up and what it says of itself.
find_package(spdlog REQUIRED)
add_library(daemon_process STATIC
  config.cc
  config_file.cc
  config_settings.cc
  machine.cc
  listeners.cc
  logging.cc
  process_setup.cc
  single_instance.cc)
ctr_export_headers(daemon_process daemon)
target_link_libraries(daemon_process PUBLIC daemon_api runtime_sys PRIVATE spdlog::spdlog_header_only)

# Images: the use cases over the stores and the puller.
add_library(daemon_images STATIC
  embedded_images.cc
  image_search.cc
  images.cc
  pull_messages.cc)
ctr_export_headers(daemon_images daemon)
target_link_libraries(daemon_images PUBLIC daemon_streams image image_registry)

# One file a resource; the routes of containers, execs and networks are listed with their use cases.
add_library(daemon_routes STATIC
  routes/events.cc
  routes/image_json.cc
  routes/images.cc
  routes/system.cc
  routes/system_info.cc)
target_link_libraries(daemon_routes PUBLIC daemon_images daemon_process daemon_server
  daemon_streams runtime_cgroup)

add_executable(ctrd
  engine.cc
  main.cc)
target_link_libraries(ctrd PRIVATE daemon_routes daemon_network_routes daemon_container_routes
  daemon_image_making)
