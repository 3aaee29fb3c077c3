#include "runtime/security/syscall_table.h"

#include <seccomp.h>

#include <algorithm>
#include <string>

namespace ctr::runtime {

namespace {

constexpr SyscallArchitecture architectures[] = {
    {"SCMP_ARCH_X86_64", "amd64", SCMP_ARCH_X86_64, SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X86", "x86", SCMP_ARCH_X86, SCMP_ARCH_X86},
    {"SCMP_ARCH_X32", "x32", SCMP_ARCH_X32, SCMP_ARCH_X86_64},
    {"SCMP_ARCH_ARM", "arm", SCMP_ARCH_ARM, SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", "arm64", SCMP_ARCH_AARCH64, SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", "mips", SCMP_ARCH_MIPS, SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", "mips64", SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", "mips64n32", SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", "mipsel", SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", "mipsel64", SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", "mipsel64n32", SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", "ppc", SCMP_ARCH_PPC, SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", "ppc64", SCMP_ARCH_PPC64, SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", "ppc64le", SCMP_ARCH_PPC64LE, SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", "s390", SCMP_ARCH_S390, SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", "s390x", SCMP_ARCH_S390X, SCMP_ARCH_S390X},
    {"SCMP_ARCH_RISCV64", "riscv64", SCMP_ARCH_RISCV64, SCMP_ARCH_RISCV64},
    {"SCMP_ARCH_PARISC", "parisc", SCMP_ARCH_PARISC, SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", "parisc64", SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC64},
};

struct NumberedName {
  std::string_view name;
  uint32_t number;
};

// Since Linux 5.1 a new system call has one number on all architectures but alpha and x32's flag.
// These are those that a libseccomp of the distributions that we run on may not know.
constexpr NumberedName recent[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};
// In gaps of x86_64's old table.
constexpr NumberedName recent_x86_64[] = {{"uretprobe", 335}, {"uprobe", 336}};

template <size_t count>
std::optional<uint32_t> find_number(const NumberedName (&list)[count], std::string_view name) {
  for (const NumberedName& entry : list)
    if (entry.name == name) return entry.number;
  return std::nullopt;
}

struct IntArguments {
  std::string_view syscall;
  std::string_view indices;
};

// From the kernel's SYSCALL_DEFINE lines: arguments of type int, unsigned int and smaller, and
// clone's flags, of which it takes the lower half.
constexpr IntArguments int_arguments[] = {
    {"accept4", "03"},
    {"bpf", "02"},
    {"clone", "0"},
    {"fanotify_init", "01"},
    {"fanotify_mark", "01"},
    {"fcntl", "01"},
    {"fcntl64", "01"},
    {"futex", "12"},
    {"getsockopt", "012"},
    {"io_uring_register", "01"},
    {"io_uring_setup", "0"},
    {"ioctl", "01"},
    {"ipc", "0"},
    {"keyctl", "0"},
    {"kill", "01"},
    {"madvise", "2"},
    {"memfd_create", "1"},
    {"mknod", "12"},
    {"mknodat", "023"},
    {"msgctl", "01"},
    {"open", "12"},
    {"openat", "023"},
    {"personality", "0"},
    {"pidfd_open", "01"},
    {"prctl", "0"},
    {"process_madvise", "03"},
    {"quotactl", "02"},
    {"reboot", "012"},
    {"seccomp", "01"},
    {"semctl", "012"},
    {"sendto", "03"},
    {"setns", "01"},
    {"setpriority", "01"},
    {"setsockopt", "012"},
    {"shmctl", "01"},
    {"socket", "012"},
    {"socketcall", "0"},
    {"socketpair", "012"},
    {"syslog", "02"},
};

}  // namespace

const SyscallArchitecture* find_architecture(std::string_view name) {
  const auto found =
      std::find_if(std::begin(architectures), std::end(architectures),
                   [&](const SyscallArchitecture& entry) { return entry.name == name; });
  return found == std::end(architectures) ? nullptr : found;
}

const SyscallArchitecture& native_architecture() {
  const uint32_t token = ::seccomp_arch_native();
  const auto found =
      std::find_if(std::begin(architectures), std::end(architectures),
                   [&](const SyscallArchitecture& entry) { return entry.scmp_token == token; });
  return found == std::end(architectures) ? architectures[0] : *found;
}

std::optional<uint32_t> find_syscall(std::string_view name,
                                     const SyscallArchitecture& architecture) {
  // Negative: libseccomp's own numbers for calls that other architectures have.
  const int number =
      ::seccomp_syscall_resolve_name_arch(architecture.scmp_token, std::string(name).c_str());
  if (number >= 0) return static_cast<uint32_t>(number);
  if (architecture.scmp_token == SCMP_ARCH_X86_64)
    if (const auto found = find_number(recent_x86_64, name)) return found;
  const auto found = find_number(recent, name);
  if (found && architecture.scmp_token == SCMP_ARCH_X32) return *found | x32_bit;
  return found;
}

bool is_32_bit_argument(std::string_view syscall, uint32_t index) {
  for (const IntArguments& entry : int_arguments)
    if (entry.syscall == syscall)
      return entry.indices.find(static_cast<char>('0' + index)) != std::string_view::npos;
  return false;
}

}  // namespace ctr::runtime
