#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "attacker.h"

namespace attacker {

namespace {

constexpr long last_number = 470;
constexpr int patience = 500;  // milliseconds

// 0x1'0000'0001… is what the kernel takes for 1 where it takes 32 bits.
long call(long number, long argument) {
  return ::syscall(number, argument, argument, argument, argument, argument, argument);
}

#if defined(__x86_64__)
// Its result is the negative errno.
long call_32_bit(long number, long argument) {
  int result = 0;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(static_cast<int>(number)), "b"(argument), "c"(argument), "d"(argument)
                   : "memory");
  if (result >= 0 || result < -4095) return 0;
  errno = -result;
  return -1;
}
#endif

// The errno, 0 where there is none to tell (it succeeded, blocks, or ended the process), -1 if a signal did.
// In a child of its own: calls may end, block or break their process.
int answer(long (*way)(long, long), long number, long argument) {
  int ends[2];
  if (::pipe(ends) < 0) return -2;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setpgid(0, 0);
    const int error = way(number, argument) == -1 ? errno : 0;
    // The call may have closed or replaced what we would write to: only an errno is worth it.
    if (error != 0) (void)!::write(ends[1], &error, sizeof error);
    ::syscall(SYS_exit_group, 0);
  }
  ::close(ends[1]);
  int error = 0;
  pollfd waiting{ends[0], POLLIN, 0};
  const bool told = ::poll(&waiting, 1, patience) > 0 && ::read(ends[0], &error, sizeof error) > 0;
  int status = 0;
  if (::waitpid(pid, &status, told ? 0 : WNOHANG) == 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    status = 0;
  }
  ::close(ends[0]);
  return !told && WIFSIGNALED(status) ? -1 : error;
}

Json table(long (*way)(long, long), long bit, long argument) {
  Json answers = Json::array();
  for (long number = 0; number <= last_number; ++number)
    answers.push_back(answer(way, number | bit, argument));
  return answers;
}

constexpr std::pair<const char*, long> namespaces[] = {
    {"mnt", CLONE_NEWNS},   {"cgroup", CLONE_NEWCGROUP}, {"uts", CLONE_NEWUTS}, {"ipc", CLONE_NEWIPC},
    {"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET}};
constexpr long upper_half = 0x5a5a'5a5aL << 32;

long clone_into(long flags, long more) {
  const long result = ::syscall(SYS_clone, flags | more | SIGCHLD, 0, 0, 0, 0);
  if (result == 0) ::_exit(0);
  return result;
}
long unshare_into(long flags, long more) {
  return ::syscall(SYS_unshare, flags | more);
}
long enter(long flags, long more) {
  return ::syscall(SYS_setns, -1, flags | more);
}

// Each kind of namespace, with and without upper halves that the kernel does not look at.
Json namespace_table(long (*way)(long, long)) {
  Json answers = Json::object();
  for (const auto& [name, flag] : namespaces)
    answers[name] = {answer(way, flag, 0), answer(way, flag, upper_half)};
  return answers;
}

}  // namespace

Json calls(const Words& words) {
  Json result;
  const bool all = words.empty() || words[0] == "all";
  result["plain"] = table(call, 0, -1);
  // -1 with other upper halves: what a filter that compares 64 bits takes for something else.
  result["high"] = table(call, 0, 0x5a5a'5a5a'ffff'ffff);
  Json unknown = Json::array();
  for (const long number : {471L, 512L, 600L, 1023L, 4096L, 0x3fffffffL, -2L})
    unknown.push_back(answer(call, number, -1));
  result["unknown"] = unknown;
  result["clone"] = namespace_table(clone_into);
  result["unshare"] = namespace_table(unshare_into);
  result["setns"] = namespace_table(enter);
#if defined(__x86_64__)
  if (all) {
    result["x32"] = table(call, 0x4000'0000, -1);
    result["int80"] = table(call_32_bit, 0, -1);
  }
#endif
  return result;
}

}  // namespace attacker
