# see CMakeLists.txt
# NOTE to d2: spec_builder.{h,cc}, default_isolation.{h,cc} (target daemon_spec, below) and monitor
# spawning of runtime/ are written by the founder NOW; do not write them. Call build_spec() as its
# header says. Please go on with container_record, containers, monitor_client/monitors, recovery, routes.
include(spec.cmake)
