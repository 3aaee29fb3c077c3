// Finding what to execute, and saying why it cannot be executed.
// runs in: the starting process, as its final user, inside the container's root.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

// While the root can still be written.
void make_working_directory(InitContext& context);
void enter_working_directory(InitContext& context);
// After the change of user: once more if the directory was closed to the former one.
void check_working_directory(InitContext& context);

// Searches PATH of the container's environment as execvp(3) does. Throws LaunchError with Docker's
// words and exit codes: 127 `exec: "x": executable file not found in $PATH`, 126 permission denied, is
// a directory.
void find_command(InitContext& context);

// execve(2), and when it fails: what is wrong with the file. Wrong architecture, missing interpreter,
// a script with CRLF line ends, no "#!" at all.
[[noreturn]] void execute(const InitContext& context);

}  // namespace ctr::runtime
