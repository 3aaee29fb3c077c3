# What both ends of the API agree on: the only part of the daemon that cli may include.
add_library(daemon_api STATIC
  api/container_schema.cc
  api/filters.cc
  api/json.cc
  api/query_time.cc
  api/registry_auth.cc)
ctr_export_headers(daemon_api daemon/api)
target_link_libraries(daemon_api PUBLIC runtime_sys nlohmann_json::nlohmann_json)
