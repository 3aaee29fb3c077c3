#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "report.h"

namespace probe {

namespace {

constexpr const char* masked_paths[] = {"/proc/acpi",
                                        "/proc/asound",
                                        "/proc/interrupts",
                                        "/proc/kcore",
                                        "/proc/keys",
                                        "/proc/latency_stats",
                                        "/proc/sched_debug",
                                        "/proc/scsi",
                                        "/proc/timer_list",
                                        "/proc/timer_stats",
                                        "/sys/devices/virtual/powercap",
                                        "/sys/firmware",
                                        "/sys/devices/system/cpu/cpu0/thermal_throttle"};
constexpr const char* readonly_files[] = {
    "/proc/bus/pci/devices",          "/proc/fs/nfsd",
    "/proc/irq/default_smp_affinity", "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",      "/proc/sys/net/core/somaxconn",
    "/proc/sys/vm/drop_caches",       "/proc/sysrq-trigger",
    "/sys/kernel/profiling",          "/sys/kernel/uevent_helper"};

// The name of an error number, "0" for success: what a test compares.
Json verdict(long result) {
  if (result >= 0) return "ok";
  const char* name = ::strerrorname_np(errno);
  return name == nullptr ? std::to_string(errno) : name;
}

// Opens without effect: nothing is written, the right to write is what is asked for.
Json try_open(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  Json result = verdict(fd);
  if (fd >= 0) ::close(fd);
  return result;
}

Json bytes_in(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return verdict(fd);
  std::array<char, 4096> buffer{};
  ssize_t count = ::read(fd, buffer.data(), buffer.size());
  Json result = count < 0 ? verdict(-1) : Json(count);
  ::close(fd);
  return result;
}

int entries_in(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return -1;
  int count = -2;  // "." and ".."
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

Json try_masked(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) < 0) return {{"kind", "missing"}};
  Json result = {{"umount", verdict(::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW))}};
  if (!S_ISDIR(status.st_mode)) {
    result["kind"] = "file";
    result["bytes"] = bytes_in(path);
    result["unlink"] = verdict(::unlink(path.c_str()));
    return result;
  }
  result["kind"] = "directory";
  result["entries"] = entries_in(path);
  result["create"] = try_open(path + "/probe", O_CREAT | O_EXCL | O_WRONLY);
  result["rmdir"] = verdict(::rmdir(path.c_str()));
  return result;
}

struct Node {
  const char* name;
  mode_t type;
  unsigned major, minor;
};
constexpr Node nodes[] = {{"sda b 8:0", S_IFBLK, 8, 0},       {"mem c 1:1", S_IFCHR, 1, 1},
                          {"kmsg c 1:11", S_IFCHR, 1, 11},    {"fuse c 10:229", S_IFCHR, 10, 229},
                          {"tun c 10:200", S_IFCHR, 10, 200}, {"null c 1:3", S_IFCHR, 1, 3},
                          {"loop0 b 7:0", S_IFBLK, 7, 0}};

// In /dev, which also has room when the root is read-only.
Json try_node(const Node& node) {
  const std::string path = "/dev/.probe-node";
  Json result = {{"mknod", verdict(::mknod(path.c_str(), node.type | 0600,
                                           ::makedev(node.major, node.minor)))}};
  result["read"] = try_open(path, O_RDONLY);
  result["write"] = try_open(path, O_WRONLY);
  ::unlink(path.c_str());
  return result;
}

// What would change the process is asked in a child of its own.
template <class Call>
Json in_child(Call call) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(call() >= 0 ? 0 : errno);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) return "killed";
  errno = WEXITSTATUS(status);
  return verdict(errno == 0 ? 0 : -1);
}

int bind_port_80() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? fd : ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Json try_calls() {
  Json calls = Json::object();
  constexpr std::pair<const char*, int> spaces[] = {
      {"user", CLONE_NEWUSER},    {"mnt", CLONE_NEWNS},  {"net", CLONE_NEWNET},
      {"pid", CLONE_NEWPID},      {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
      {"cgroup", CLONE_NEWCGROUP}};
  for (auto [name, flag] : spaces)
    calls[std::string("unshare ") + name] = in_child([flag = flag] { return ::unshare(flag); });
  calls["mount"] = in_child([] {
    int result = ::mount("none", "/tmp", "tmpfs", 0, nullptr);
    if (result == 0) ::umount("/tmp");
    return result;
  });
  calls["remount root"] =
      in_child([] { return ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr); });
  calls["keyctl"] = in_child([] { return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0); });
  calls["clone3"] = in_child([] { return ::syscall(SYS_clone3, nullptr, 0); });
  calls["chroot"] = in_child([] { return ::chroot("/"); });
  calls["sethostname"] = in_child([] { return ::sethostname("probe", 5); });
  calls["vsock"] = in_child([] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); });
  calls["raw socket"] = in_child([] { return ::socket(AF_INET, SOCK_RAW, 1); });
  calls["ping socket"] = in_child([] { return ::socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); });
  calls["bind port 80"] = in_child(bind_port_80);
  calls["syslog"] = in_child([] { return ::syscall(SYS_syslog, 3, nullptr, 0); });
  calls["setuid"] = in_child([] { return ::setuid(1); });
  calls["bpf"] = in_child([] { return ::syscall(SYS_bpf, 0, nullptr, 0); });
  return calls;
}

}  // namespace

Json report_verdicts() {
  Json masked = Json::object(), written = Json::object(), made = Json::object();
  for (const char* path : masked_paths) masked[path] = try_masked(path);
  for (const char* path : readonly_files) written[path] = try_open(path, O_WRONLY);
  for (const Node& node : nodes) made[node.name] = try_node(node);
  written["/"] = try_open("/.probe-file", O_CREAT | O_WRONLY);
  ::unlink("/.probe-file");
  written["/sys/fs/cgroup"] = verdict(::mkdir("/sys/fs/cgroup/probe", 0755));
  ::rmdir("/sys/fs/cgroup/probe");
  return {{"masked", masked}, {"write", written}, {"nodes", made}, {"calls", try_calls()}};
}

}  // namespace probe
