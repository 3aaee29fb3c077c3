# The commands that show things. How they are shown is a library of its own, so that its tests
# build without the frame.
add_library(cli_format STATIC
  document.cc
  filter.cc
  format.cc
  human.cc
  suggest.cc
  table.cc
  timeframe.cc
  template/compare.cc
  template/functions.cc
  template/lexer.cc
  template/parser.cc
  template/printf.cc
  template/template.cc
  template/utf8.cc
  template/value.cc)
ctr_export_headers(cli_format cli)
target_link_libraries(cli_format PUBLIC ctr_options runtime_sys nlohmann_json::nlohmann_json
  ctr_fmt)
target_link_libraries(cli_core PUBLIC cli_format)
target_sources(cli_core PRIVATE
  completion.cc
  manual.cc
  commands/container_ports.cc
  commands/container_rows.cc
  commands/disk_usage.cc
  commands/events.cc
  commands/generate.cc
  commands/history.cc
  commands/image_rows.cc
  commands/images.cc
  commands/info.cc
  commands/info_text.cc
  commands/inspect.cc
  commands/inspect_schema.cc
  commands/logs.cc
  commands/network.cc
  commands/port.cc
  commands/prune.cc
  commands/ps.cc
  commands/rmi.cc
  commands/stats.cc
  commands/stats_rows.cc
  commands/system_df.cc
  commands/tag.cc
  commands/timeline.cc
  commands/top.cc
  commands/version.cc
  commands/volume.cc)
