#include <dirent.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "report.h"

extern char** environ;

namespace probe {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string read_link(const std::string& path) {
  std::array<char, 4096> target{};
  ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<size_t>(length));
}

namespace {

// /proc/self/status: "CapEff:\t00000000a80425fb".
Json read_status() {
  Json status = Json::object();
  std::istringstream lines(read_text("/proc/self/status"));
  for (std::string line; std::getline(lines, line);) {
    size_t colon = line.find(":\t");
    if (colon != std::string::npos) status[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return status;
}

Json pick(const Json& status, std::initializer_list<const char*> names) {
  Json picked = Json::object();
  for (const char* name : names) picked[name] = status.value(name, "");
  return picked;
}

Json list_groups() {
  std::array<gid_t, 1024> groups{};
  int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  return Json(std::vector<gid_t>(groups.begin(), groups.begin() + std::max(count, 0)));
}

Json limit_number(rlim_t value) {
  return value == RLIM_INFINITY ? Json("unlimited") : Json(value);
}

Json list_limits() {
  constexpr std::pair<const char*, int> kinds[] = {
      {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
      {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
      {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
      {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
      {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
      {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
      {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
      {"stack", RLIMIT_STACK}};
  Json limits = Json::object();
  for (auto [name, kind] : kinds) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(kind), &limit) == 0)
      limits[name] = {limit_number(limit.rlim_cur), limit_number(limit.rlim_max)};
  }
  return limits;
}

// Without the one that reads the directory.
Json list_descriptors() {
  Json descriptors = Json::object();
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return descriptors;
  while (const dirent* entry = ::readdir(directory)) {
    std::string name = entry->d_name;
    if (name[0] == '.' || name == std::to_string(::dirfd(directory))) continue;
    descriptors[name] = read_link("/proc/self/fd/" + name);
  }
  ::closedir(directory);
  return descriptors;
}

Json list_environment() {
  Json environment = Json::array();
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  return environment;
}

std::string working_directory() {
  std::array<char, 4096> path{};
  return ::getcwd(path.data(), path.size()) == nullptr ? "" : path.data();
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Json report_process() {
  mode_t mask = ::umask(0);
  ::umask(mask);
  Json status = read_status();
  return {{"pid", ::getpid()},
          {"uid", ::getuid()},
          {"euid", ::geteuid()},
          {"gid", ::getgid()},
          {"egid", ::getegid()},
          {"groups", list_groups()},
          {"capabilities", pick(status, {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})},
          {"seccomp", status.value("Seccomp", "")},
          {"seccomp_filters", status.value("Seccomp_filters", "")},
          {"no_new_privs", status.value("NoNewPrivs", "")},
          {"signals", pick(status, {"SigBlk", "SigIgn"})},
          {"cpus_allowed", status.value("Cpus_allowed_list", "")},
          {"limits", list_limits()},
          {"descriptors", list_descriptors()},
          {"cwd", working_directory()},
          {"environment", list_environment()},
          {"umask", mask},
          {"oom_score_adj", trimmed(read_text("/proc/self/oom_score_adj"))},
          {"leads_session", ::getsid(0) == ::getpid()},
          {"terminal", ::isatty(0) == 1}};
}

}  // namespace probe
