# From Docker's request to the runtime's specification: pure.
add_library(daemon_spec STATIC
  default_isolation.cc
  spec_builder.cc
  spec_mounts.cc
  spec_resources.cc)
ctr_export_headers(daemon_spec daemon)
target_link_libraries(daemon_spec PUBLIC runtime_spec runtime_cgroup runtime_security image_core)
