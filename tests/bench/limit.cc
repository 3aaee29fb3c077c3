// The kernel's own price of a container: clone3 with new pid, network, ipc, uts and mount namespaces,
// an overlay and the usual mounts, pivot_root, exec, wait. Everything that an engine adds to this is
// its own. limit ROUNDS LOWER SCRATCH COMMAND…  prints the median and the least in milliseconds.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  ::_exit(1);
}

void require(long result, const char* what) {
  if (result < 0) fail(what);
}

void mount_new(const char* type, const std::string& target, unsigned long flags, const char* data) {
  ::mkdir(target.c_str(), 0755);
  require(::mount(type, target.c_str(), type, flags, data), target.c_str());
}

[[noreturn]] void run_contained(const std::string& lower, const std::string& scratch, char** command) {
  constexpr unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private");
  std::string options =
      "lowerdir=" + lower + ",upperdir=" + scratch + "/upper,workdir=" + scratch + "/work";
  std::string root = scratch + "/root";
  require(::mount("overlay", root.c_str(), "overlay", 0, options.c_str()), "overlay");
  mount_new("proc", root + "/proc", safe, nullptr);
  mount_new("tmpfs", root + "/dev", MS_NOSUID, "mode=755");
  mount_new("devpts", root + "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666");
  mount_new("tmpfs", root + "/dev/shm", safe, "mode=1777");
  mount_new("mqueue", root + "/dev/mqueue", safe, nullptr);
  mount_new("sysfs", root + "/sys", safe | MS_RDONLY, nullptr);
  require(::chdir(root.c_str()), "chdir");
  require(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  require(::umount2(".", MNT_DETACH), "umount");
  ::execv(command[0], command);
  fail("exec");
}

double now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double measure(const std::string& lower, const std::string& scratch, char** command) {
  double begin = now();
  clone_args arguments{};
  arguments.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
  arguments.exit_signal = SIGCHLD;
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  require(pid, "clone3");
  if (pid == 0) run_contained(lower, scratch, command);
  int status = 0;
  require(::waitpid(static_cast<pid_t>(pid), &status, 0), "waitpid");
  if (status != 0) {
    std::fprintf(stderr, "the contained program failed\n");
    std::exit(1);
  }
  return now() - begin;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "usage: limit ROUNDS LOWER SCRATCH COMMAND…\n");
    return 2;
  }
  int rounds = std::atoi(arguments[1]);
  std::string scratch = arguments[3];
  for (const char* name : {"", "/upper", "/work", "/root"}) ::mkdir((scratch + name).c_str(), 0755);
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(measure(arguments[2], scratch, arguments + 4));
  std::sort(times.begin(), times.end());
  std::printf("%.3f %.3f\n", times[times.size() / 2], times.front());
}
