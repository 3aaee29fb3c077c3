// attacker MODE [WORD…]: see attacker.h for the modes. Static: it runs in containers that have no library.
#include <signal.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "attacker.h"

namespace attacker {

namespace {

volatile sig_atomic_t told = 0;
time_t deadline = 0;

time_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

}  // namespace

bool is_over() {
  return told != 0 || (deadline != 0 && now() >= deadline);
}

void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

}  // namespace attacker

int main(int count, char** arguments) {
  using namespace attacker;
  const std::map<std::string, Json (*)(const Words&)> modes = {{"exchange", exchange},
                                                               {"watch", watch},
                                                               {"overwrite", overwrite},
                                                               {"hold", hold},
                                                               {"calls", calls}};
  if (count < 2 || !modes.contains(arguments[1])) {
    std::fprintf(stderr, "attacker: no such mode\n");
    return 2;
  }
  // No SA_RESTART: whatever is waited for ends.
  struct sigaction action {};
  action.sa_handler = [](int) { told = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  if (const char* seconds = std::getenv("ATTACK_SECONDS")) deadline = now() + std::atol(seconds);
  const Json found = modes.at(arguments[1])(Words(arguments + 2, arguments + count));
  std::puts(found.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  return 0;
}
