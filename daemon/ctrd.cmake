# What happened and what was printed: events and logs. Used by the container, network and image use
# cases as well as by the routes.
add_library(daemon_streams STATIC
  events.cc)
ctr_export_headers(daemon_streams daemon)
target_link_libraries(daemon_streams PUBLIC daemon_api)
