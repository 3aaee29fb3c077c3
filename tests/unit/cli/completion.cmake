# Completion and manual pages read the table of all commands.
ctr_unit_test(cli_completion LIBRARIES cli_core SOURCES completion_test.cc)
