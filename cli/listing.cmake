# The commands that show things. How they are shown is a library of its own, so that its tests
# build without the frame.
add_library(cli_format STATIC
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
  fmt::fmt-header-only)
if(TARGET cli_core)
  target_link_libraries(cli_core PUBLIC cli_format)
endif()
