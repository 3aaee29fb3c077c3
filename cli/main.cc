// ctr: the client. One command, a few requests, perhaps a terminal to relay.
#include <fcntl.h>

#include <csignal>
#include <string>
#include <vector>

#include "cli/command_line.h"

namespace {

// A closed standard descriptor would be given to the first socket, which then got our output.
void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", O_RDWR);
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  // A reader that goes away is an error of write(2), which says where; not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  return ctr::cli::run_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
