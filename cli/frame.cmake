# The frame, and the commands that talk to a container.
target_sources(cli_core PRIVATE
  arguments.cc
  client.cc
  command.cc
  command_line.cc
  commands.cc
  detach_keys.cc
  exit_wait.cc
  help.cc
  http.cc
  raw_terminal.cc
  session.cc
  stream_demux.cc
  commands/kill.cc
  commands/pause.cc
  commands/rename.cc
  commands/restart.cc
  commands/rm.cc
  commands/stop.cc
  commands/unpause.cc
  commands/wait.cc)
