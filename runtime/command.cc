#include "runtime/command.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "runtime/environment.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

constexpr int cannot_invoke = 126;
constexpr int not_found = 127;

[[noreturn]] void fail(const InitContext& context, const std::string& reason, int exit_code) {
  throw LaunchError(sys::ErrorKind::invalid_argument, "find the command",
                    fmt::format("exec: \"{}\": {}", context.process.args[0], reason), exit_code);
}

// 0, or why the file cannot be executed: ENOENT, EACCES, EISDIR …
int executability(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  // faccessat(2) asks with the effective ids, which are final by now.
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) < 0 ? errno : 0;
}

bool is_missing(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR;
}

std::string search_path(const InitContext& context, const std::string& name) {
  std::string path = environment_value(context.environment, "PATH", default_path);
  bool denied = false;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find(':', begin), path.size());
    std::string directory = path.substr(begin, end - begin);
    std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    int reason = executability(candidate);
    if (reason == 0) return candidate;
    if (reason == EACCES) denied = true;
    begin = end + 1;
  }
  if (denied) fail(context, "permission denied", cannot_invoke);
  fail(context, "executable file not found in $PATH", not_found);
}

// The first bytes of the file, for the explanation.
std::string read_beginning(const std::string& path) {
  // Whatever it is, a socket or a device without a driver: the reason for which execve(2) failed is
  // what is told, not that of this open(2).
  sys::UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return "";
  char buffer[4096];
  ssize_t count = ::read(file.get(), buffer, sizeof buffer);
  return count <= 0 ? std::string() : std::string(buffer, static_cast<size_t>(count));
}

constexpr uint16_t host_machine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__aarch64__)
    EM_AARCH64;
#else
    EM_NONE;
#endif

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "amd64";
    case EM_AARCH64:
      return "arm64";
    case EM_386:
      return "386";
    case EM_ARM:
      return "arm";
    case EM_PPC64:
      return "ppc64le";
    case EM_S390:
      return "s390x";
    case EM_RISCV:
      return "riscv64";
    default:
      return fmt::format("machine type {}", machine);
  }
}

template <class Header>
bool copy_header(const std::string& bytes, size_t offset, Header& header) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof header) return false;
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  return true;
}

// The path of PT_INTERP, the dynamic linker that the kernel loads first.
std::string elf_interpreter(const std::string& bytes) {
  Elf64_Ehdr header{};
  if (!copy_header(bytes, 0, header) || header.e_ident[EI_CLASS] != ELFCLASS64) return "";
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!copy_header(bytes, header.e_phoff + size_t{i} * header.e_phentsize, segment)) return "";
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= bytes.size()) return "";
    return bytes.substr(segment.p_offset, segment.p_filesz).c_str();
  }
  return "";
}

bool is_elf(const std::string& bytes) {
  return bytes.rfind(ELFMAG, 0) == 0;
}

std::string script_interpreter(const std::string& bytes) {
  if (bytes.rfind("#!", 0) != 0) return "";
  std::string line = bytes.substr(2, bytes.find('\n') - 2);
  size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_first_of(" \t", begin) - begin);
}

std::string explain_missing(const std::string& bytes) {
  std::string interpreter = script_interpreter(bytes);
  if (!interpreter.empty() && interpreter.back() == '\r') {
    interpreter.pop_back();
    return fmt::format(
        "no such file or directory: the script's first line ends in CRLF (Windows line ends), so "
        "that "
        "its interpreter '{}' is not found. Convert the file, e.g. with dos2unix",
        interpreter);
  }
  if (interpreter.empty()) interpreter = elf_interpreter(bytes);
  if (interpreter.empty()) return "no such file or directory";
  return fmt::format("no such file or directory: its interpreter '{}' is missing in the container",
                     interpreter);
}

std::string explain_format(const std::string& bytes) {
  Elf64_Ehdr header{};
  if (is_elf(bytes) && copy_header(bytes, 0, header) && header.e_machine != host_machine)
    return fmt::format(
        "exec format error: the program is for {}, this machine is {}. Is the image of "
        "the right platform?",
        machine_name(header.e_machine), machine_name(host_machine));
  if (is_elf(bytes)) return "exec format error: the program is damaged";
  return "exec format error: not a program, and a script needs a first line such as '#!/bin/sh'";
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

void make_working_directory(InitContext& context) {
  const std::string& cwd = context.process.cwd;
  if (!context.process.make_cwd || cwd.empty() || cwd == "/") return;
  // Inside the root whatever links the image has there (attack R04, CVE-2026-55686).
  if (!sys::find_in_root(context.root.get(), cwd, O_PATH))
    sys::make_directories_in_root(context.root.get(), cwd, 0755);
}

void enter_working_directory(InitContext& context) {
  const std::string& cwd = context.process.cwd.empty() ? "/" : context.process.cwd;
  context.in_working_directory = ::chdir(cwd.c_str()) == 0;
}

void check_working_directory(InitContext& context) {
  const std::string& cwd = context.process.cwd.empty() ? "/" : context.process.cwd;
  if (!context.in_working_directory) {
    if (::chdir(cwd.c_str()) < 0)
      throw LaunchError(sys::ErrorKind::invalid_argument, "enter the working directory",
                        fmt::format("chdir to cwd (\"{}\") set in config.json failed: {}", cwd,
                                    sys::errno_text(errno)),
                        cannot_invoke);
  }
  // A descriptor of the host that leaked, reached as /proc/self/fd/N, would put us outside: the
  // kernel then says "(unreachable)/…" (attack E02, CVE-2024-21626).
  char buffer[PATH_MAX];
  long length = ::syscall(SYS_getcwd, buffer, sizeof buffer);
  if (length <= 0 || buffer[0] != '/')
    throw LaunchError(sys::ErrorKind::forbidden, "enter the working directory",
                      fmt::format("the working directory '{}' is outside of the container", cwd),
                      cannot_invoke);
}

void find_command(InitContext& context) {
  if (context.process.args.empty() || context.process.args[0].empty())
    throw LaunchError(sys::ErrorKind::invalid_argument, "find the command", "no command specified",
                      cannot_invoke);
  const std::string& name = context.process.args[0];
  if (name.find('/') == std::string::npos) {
    context.command = search_path(context, name);
    return;
  }
  int reason = executability(name);
  if (is_missing(reason)) fail(context, "stat " + name + ": no such file or directory", not_found);
  if (reason == EISDIR) fail(context, "is a directory: permission denied", cannot_invoke);
  if (reason != 0) fail(context, sys::errno_text(reason), cannot_invoke);
  context.command = name;
}

void execute(const InitContext& context) {
  std::vector<char*> argv = pointers_to(context.process.args);
  std::vector<char*> envp = pointers_to(context.environment);
  ::execve(context.command.c_str(), argv.data(), envp.data());
  int reason = errno;
  std::string bytes = read_beginning(context.command);
  if (is_missing(reason)) fail(context, explain_missing(bytes), not_found);
  if (reason == ENOEXEC) fail(context, explain_format(bytes), cannot_invoke);
  fail(context, sys::errno_text(reason), cannot_invoke);
}

}  // namespace ctr::runtime
