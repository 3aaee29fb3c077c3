# HTTP over Unix sockets, and nothing about what is served. Boost.Beast is used in http.cc alone.
find_package(Boost 1.81 REQUIRED)
find_package(Threads REQUIRED)
add_library(daemon_server STATIC
  server/answer_head.cc
  server/body_stream.cc
  server/client_watch.cc
  server/connection.cc
  server/http.cc
  server/router.cc
  server/server.cc
  server/status.cc
  server/target.cc)
ctr_export_headers(daemon_server daemon/server)
target_link_libraries(daemon_server PUBLIC daemon_api Threads::Threads PRIVATE Boost::headers)
