ctr_unit_test(cli_format
  LIBRARIES cli_format
  SOURCES
    filter_test.cc
    format_test.cc
    human_test.cc
    suggest_test.cc
    table_test.cc
    template_test.cc
    template_error_test.cc
    timeframe_test.cc)
