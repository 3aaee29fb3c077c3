pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
find_package(Threads REQUIRED)

image_library(image_registry
  blob_download.cc
  http_client.cc
  http_transfer.cc
  layer_fetch.cc
  manifest_fetch.cc
  puller.cc
  pusher.cc
  registry_auth.cc
  registry_client.cc
  registry_endpoint.cc
  registry_error.cc
  registry_retry.cc
  registry_session.cc
  repository_push.cc
  shared_jobs.cc
  url.cc
  url_download.cc)
target_link_libraries(image_registry PUBLIC image_core image_layers runtime_sys Threads::Threads
  PRIVATE PkgConfig::CURL nlohmann_json::nlohmann_json)

# For tests and measurements; not installed.
add_executable(pull_tool ${CMAKE_SOURCE_DIR}/tests/tools/pull_tool.cc)
target_link_libraries(pull_tool PRIVATE image_registry)
