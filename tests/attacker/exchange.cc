#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <cstring>

#include "attacker.h"

namespace attacker {

// In turns of many: the look at the clock would slow the attack down.
Json exchange(const Words& words) {
  const char* first = words.at(0).c_str();
  const char* second = words.at(1).c_str();
  say_ready();
  long done = 0, failed = 0;
  while (!is_over())
    for (int i = 0; i < 1000; ++i)
      ++(::renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0 ? done : failed);
  return {{"done", done}, {"failed", failed}};
}

}  // namespace attacker
