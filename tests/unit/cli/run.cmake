ctr_unit_test(cli_run LIBRARIES cli_core
  SOURCES arguments_test.cc copy_plan_test.cc create_request_test.cc streams_test.cc words_test.cc)
