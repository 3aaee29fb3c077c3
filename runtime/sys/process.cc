#include "runtime/sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::sys {

namespace {

constexpr idtype_t by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD

ExitStatus status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0};
  return {.code = 0, .signal = info.si_status};
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::optional<Process> Process::find(pid_t pid, uint64_t start_time) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // The order matters: the start time read after the pidfd was opened belongs to the same process.
  if (!pidfd || find_start_time(pid) != start_time) return std::nullopt;
  return Process(pid, std::move(pidfd));
}

bool Process::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw_errno(errno, "pidfd_send_signal", {std::to_string(number)});
}

ExitStatus Process::wait() {
  siginfo_t info{};
  check(retry_on_signal([&] {
          return ::waitid(by_pidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED | __WALL);
        }),
        "waitid", long{pid_});
  return status_of(info);
}

std::optional<ExitStatus> Process::try_wait() {
  siginfo_t info{};
  check(retry_on_signal([&] {
          return ::waitid(by_pidfd, static_cast<id_t>(pidfd_.get()), &info,
                          WEXITED | WNOHANG | __WALL);
        }),
        "waitid", long{pid_});
  if (info.si_pid == 0) return std::nullopt;
  return status_of(info);
}

std::optional<uint64_t> find_start_time(pid_t pid) {
  std::optional<std::string> stat;
  try {
    stat = find_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  } catch (const Error&) {
    return std::nullopt;  // ESRCH: it ended while we read
  }
  if (!stat) return std::nullopt;
  // The command name, in parentheses, may hold anything; the fields follow the last ')'.
  size_t position = stat->rfind(')');
  for (int field = 2; field < 22 && position != std::string::npos; ++field)
    position = stat->find(' ', position + 1);
  if (position == std::string::npos) return std::nullopt;
  uint64_t ticks = 0;
  std::from_chars(stat->data() + position + 1, stat->data() + stat->size(), ticks);
  return ticks;
}

namespace {

// What posix_spawn is told to do in the child, released again whatever happens.
struct SpawnActions {
  SpawnActions() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

void plan_descriptors(SpawnActions& plan, const std::vector<std::pair<int, int>>& descriptors) {
  int highest = 2;
  for (int standard = 0; standard <= 2; ++standard) {
    bool given = std::any_of(descriptors.begin(), descriptors.end(),
                             [&](const auto& pair) { return pair.second == standard; });
    if (!given) posix_spawn_file_actions_addopen(&plan.actions, standard, "/dev/null", O_RDWR, 0);
  }
  for (const auto& [ours, theirs] : descriptors) {
    posix_spawn_file_actions_adddup2(&plan.actions, ours, theirs);
    highest = std::max(highest, theirs);
  }
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, highest + 1);
}

void plan_signals(SpawnActions& plan, bool new_session) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  int flags =
      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (new_session ? POSIX_SPAWN_SETSID : 0);
  posix_spawnattr_setflags(&plan.attributes, static_cast<short>(flags));
}

// dup2(n, n) would leave close-on-exec set, and a dup2 onto a number that a later pair reads would
// pass the wrong file: so every source is first moved above all targets.
std::vector<UniqueFd> move_above_targets(std::vector<std::pair<int, int>>& descriptors) {
  int highest = 2;
  for (const auto& pair : descriptors) highest = std::max(highest, pair.second);
  std::vector<UniqueFd> moved;
  for (auto& pair : descriptors) {
    if (pair.first > highest) continue;
    moved.emplace_back(check(::fcntl(pair.first, F_DUPFD_CLOEXEC, highest + 1), "fcntl"));
    pair.first = moved.back().get();
  }
  return moved;
}

}  // namespace

pid_t pid_of(int pidfd) {
  constexpr std::string_view field = "\nPid:\t";
  const std::string text = read_file(fmt::format("/proc/self/fdinfo/{}", pidfd), 4096);
  const size_t at = text.find(field);
  return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + field.size());
}

Process spawn(const SpawnOptions& options) {
  SpawnActions plan;
  std::vector<std::pair<int, int>> descriptors = options.descriptors;
  std::vector<UniqueFd> moved = move_above_targets(descriptors);
  plan_descriptors(plan, descriptors);
  plan_signals(plan, options.new_session);
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), options.name.empty() ? options.program : options.name);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> envp = pointers_to(options.environment);
  pid_t pid = -1;
  int error_number = ::posix_spawn(&pid, options.program.c_str(), &plan.actions, &plan.attributes,
                                   argv.data(), envp.data());
  if (error_number != 0) throw_errno(error_number, "spawn", {"'" + options.program + "'"});
  // The child is ours and not yet reaped, so its pid cannot have been reused.
  UniqueFd pidfd(static_cast<int>(check(::syscall(SYS_pidfd_open, pid, 0), "pidfd_open")));
  return Process(pid, std::move(pidfd));
}

CommandResult run_command(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& input) {
  int in[2];
  int out[2];
  check(::pipe2(in, O_CLOEXEC), "pipe");
  UniqueFd in_read(in[0]);
  UniqueFd in_write(in[1]);
  check(::pipe2(out, O_CLOEXEC), "pipe");
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  Process child =
      spawn({.program = program,
             .arguments = arguments,
             .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
             .descriptors = {{in_read.get(), 0}, {out_write.get(), 1}, {out_write.get(), 2}}});
  in_read.reset();
  out_write.reset();
  // Inputs are a few kilobytes and fit the pipe: a child that answers before it has read cannot
  // block us. A child that does not read makes write fail with EPIPE, which its status explains.
  if (input.size() > 60000)
    check(::fcntl(in_write.get(), F_SETPIPE_SZ, 1 << 20), "fcntl F_SETPIPE_SZ");
  if (::write(in_write.get(), input.data(), input.size()) < 0 && errno != EPIPE)
    throw_errno(errno, "write", {"'" + program + "'"});
  in_write.reset();
  std::string output = read_all(out_read.get(), 1 << 20, program);
  return {child.wait(), std::move(output)};
}

}  // namespace ctr::sys
