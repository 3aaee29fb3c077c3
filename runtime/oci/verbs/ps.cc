#include <algorithm>

#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  for (size_t begin = line.find_first_not_of(' '); begin != std::string::npos;) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(' ', end);
  }
  return words;
}

std::string find_ps() {
  for (const char* path : {"/usr/bin/ps", "/bin/ps"})
    if (sys::exists(path)) return path;
  throw sys::Error(sys::ErrorKind::unsupported,
                   "ps is not installed on this machine; --format json needs none");
}

// The header, and the lines of the container's processes.
std::string choose_lines(const std::string& output, const std::vector<pid_t>& pids) {
  std::string text;
  size_t column = std::string::npos;
  for (size_t begin = 0; begin < output.size();) {
    const size_t end = std::min(output.find('\n', begin), output.size());
    const std::string line = output.substr(begin, end - begin);
    const std::vector<std::string> words = words_of(line);
    begin = end + 1;
    if (column == std::string::npos) {
      const auto header = std::find(words.begin(), words.end(), "PID");
      if (header == words.end())
        throw sys::Error(sys::ErrorKind::invalid_argument,
                         "the options for ps must have it print the column PID");
      column = static_cast<size_t>(header - words.begin());
      text += line + "\n";
      continue;
    }
    const std::optional<int64_t> pid =
        column < words.size() ? find_decimal(words[column]) : std::nullopt;
    if (pid && std::binary_search(pids.begin(), pids.end(), static_cast<pid_t>(*pid)))
      text += line + "\n";
  }
  return text;
}

std::string as_table(const std::vector<pid_t>& pids, std::vector<std::string> options) {
  if (options.empty()) options = {"-ef"};
  const sys::CommandResult ps = sys::run_command(find_ps(), options);
  if (ps.status.exit_code() != 0)
    throw sys::Error(sys::ErrorKind::invalid_argument, "ps: " + ps.output);
  return choose_lines(ps.output, pids);
}

std::string as_json(const std::vector<pid_t>& pids) {
  std::string text;
  for (pid_t pid : pids) text += (text.empty() ? "" : ",") + std::to_string(pid);
  return "[" + text + "]\n";
}

}  // namespace

int run_ps(const Invocation& invocation) {
  std::string format = "table";
  Options options;
  options.text("-f,--format", format, "FORMAT", "table (the default) or json");
  options.end_at_operand();
  std::vector<std::string> operands = invocation.parse(options, 1, SIZE_MAX);
  if (format != "table" && format != "json") throw UsageError("invalid format option: " + format);
  const Container container = Container::open(invocation.globals.root, operands[0], Access::look);
  operands.erase(operands.begin());
  if (!operands.empty() && operands[0] == "--") operands.erase(operands.begin());
  const std::vector<pid_t> pids =
      container.has_ended() ? std::vector<pid_t>() : container.open_cgroup_of_running().pids();
  print(format == "json" ? as_json(pids) : as_table(pids, operands));
  return 0;
}

}  // namespace ctr::runtime::oci
