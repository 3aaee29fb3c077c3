#include "daemon/container_processes.h"

#include <pwd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

namespace {

std::string user_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

// Fields of /proc/<pid>/stat from the third on: the name before them may hold anything.
std::vector<std::string> stat_fields(const std::string& stat) {
  size_t end = stat.rfind(')');
  std::istringstream rest(end == std::string::npos ? "" : stat.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

int64_t number(const std::vector<std::string>& fields, size_t index) {
  return index < fields.size() ? std::strtoll(fields[index].c_str(), nullptr, 10) : 0;
}

std::string command_line(const std::string& directory, const std::string& stat) {
  std::string text = sys::find_file(directory + "/cmdline", 1 << 20).value_or("");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (!text.empty()) return text;
  size_t begin = stat.find('(');
  size_t end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos) return "";
  return "[" + stat.substr(begin + 1, end - begin - 1) + "]";
}

// As ps(1) has it: the time today, else the day.
std::string start_text(int64_t start_ticks, int64_t ticks, int64_t boot) {
  time_t started = static_cast<time_t>(boot + start_ticks / ticks);
  time_t now = ::time(nullptr);
  tm then{};
  tm today{};
  ::localtime_r(&started, &then);
  ::localtime_r(&now, &today);
  bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  char text[16];
  size_t size = ::strftime(text, sizeof text, same_day ? "%H:%M" : "%b%d", &then);
  return {text, size};
}

std::string terminal_name(int64_t device) {
  if (device == 0) return "?";
  int64_t major = (device >> 8) & 0xfff;
  int64_t minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? fmt::format("pts/{}", minor + (major - 136) * 256)
                                      : fmt::format("tty{}", minor);
}

std::optional<std::vector<std::string>> describe_process(pid_t pid) {
  std::string directory = "/proc/" + std::to_string(pid);
  try {
    std::optional<std::string> stat = sys::find_file(directory + "/stat", 4096);
    struct stat status {};
    if (!stat || ::stat(directory.c_str(), &status) < 0) return std::nullopt;
    std::vector<std::string> fields = stat_fields(*stat);
    int64_t ticks = ::sysconf(_SC_CLK_TCK);
    int64_t boot = (sys::now() - sys::monotonic_now()) / 1'000'000'000;
    int64_t used = (number(fields, 11) + number(fields, 12)) / ticks;
    int64_t alive = sys::monotonic_now() / 1'000'000'000 - number(fields, 19) / ticks;
    int64_t percent = alive > 0 ? std::min<int64_t>(used * 100 / alive, 99) : 0;
    return std::vector<std::string>{
        user_name(status.st_uid),
        std::to_string(pid),
        fields.size() > 1 ? fields[1] : "",
        std::to_string(percent),
        start_text(number(fields, 19), ticks, boot),
        terminal_name(number(fields, 4)),
        fmt::format("{:02}:{:02}:{:02}", used / 3600, used / 60 % 60, used % 60),
        command_line(directory, *stat)};
  } catch (const sys::Error&) {
    return std::nullopt;  // it ended while we read
  }
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

}  // namespace

ProcessTable parse_ps_output(const std::string& text, const std::vector<pid_t>& pids) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  ProcessTable table{.titles = words(line), .rows = {}};
  auto pid_title = std::find(table.titles.begin(), table.titles.end(), "PID");
  if (pid_title == table.titles.end())
    throw sys::Error(sys::ErrorKind::invalid_argument, "Couldn't find PID field in ps output");
  size_t pid_column = static_cast<size_t>(pid_title - table.titles.begin());
  while (std::getline(lines, line)) {
    std::vector<std::string> row = words(line);
    if (row.size() <= pid_column) continue;
    pid_t pid = static_cast<pid_t>(std::strtol(row[pid_column].c_str(), nullptr, 10));
    if (std::find(pids.begin(), pids.end(), pid) == pids.end()) continue;
    // The last column, the command, holds blanks.
    while (row.size() > table.titles.size()) {
      row[row.size() - 2] += " " + row.back();
      row.pop_back();
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

ProcessTable list_processes(const std::vector<pid_t>& pids, const std::string& ps_arguments) {
  if (!ps_arguments.empty() && ps_arguments != "-ef") {
    sys::CommandResult result = sys::run_command("/usr/bin/ps", words(ps_arguments));
    if (result.status.exit_code() != 0)
      // Its first line says what is wrong, the others how it is used.
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("ps: {}", result.output.substr(0, result.output.find('\n'))));
    return parse_ps_output(result.output, pids);
  }
  ProcessTable table{.titles = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"},
                     .rows = {}};
  for (pid_t pid : pids)
    if (auto row = describe_process(pid)) table.rows.push_back(std::move(*row));
  return table;
}

}  // namespace ctr::daemon
