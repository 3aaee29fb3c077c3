# Networks as the daemon keeps them (in the database) and makes them (bridges, firewall), and the files
# that a container finds in /etc for them.
add_library(daemon_networks STATIC
  bridge.cc
  firewall.cc
  host_networking.cc
  ipam.cc
  network_creation.cc
  network_endpoints.cc
  network_files.cc
  network_records.cc
  networks.cc)
ctr_export_headers(daemon_networks daemon)
target_link_libraries(daemon_networks PUBLIC
  daemon_api daemon_streams runtime_network image_database)

add_library(daemon_network_routes STATIC
  routes/networks.cc)
ctr_export_headers(daemon_network_routes daemon)
target_link_libraries(daemon_network_routes PUBLIC daemon_networks daemon_server)
