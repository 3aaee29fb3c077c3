// Docker's default profile (github.com/moby/profiles, as of 2026): an allow list. What it is for is
// said in the README: everything that no ordinary program needs and that reaches code of the kernel
// which is not about the container's own namespaces.
#include <algorithm>
#include <cerrno>

#include "runtime/security/capabilities.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/security/syscall_table.h"
#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

// For everybody. Names that an architecture does not have are skipped.
constexpr std::string_view always_allowed =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown "
    "chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
    "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
    "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir "
    "fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
    "flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 "
    "fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv "
    "futex_wake futimesat getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 "
    "getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid "
    "getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
    "get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid "
    "gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat "
    "listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr "
    "lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir "
    "mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify "
    "mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
    "mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
    "nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal "
    "pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv "
    "preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read "
    "readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
    "remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall "
    "riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sched_getaffinity sched_getattr sched_getparam sched_get_priority_max "
    "sched_get_priority_min sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
    "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 "
    "setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 "
    "setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address setuid "
    "setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd "
    "signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 "
    "statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
    "uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid "
    "write writev ";

struct CapabilityGroup {
  std::string_view capability;
  std::string_view syscalls;
};

// What a capability opens: it would be of no use otherwise.
constexpr CapabilityGroup capability_groups[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
     "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount "
     "open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
     "umount umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module init_module finit_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE",
     "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"CAP_SYS_RAWIO", "iopl ioperm"},
    {"CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYSLOG", "syslog"},
    {"CAP_BPF", "bpf"},
    {"CAP_PERFMON", "perf_event_open"},
};

struct ArchitectureGroup {
  std::string_view architecture;
  std::string_view syscalls;
};

constexpr ArchitectureGroup architecture_groups[] = {
    {"SCMP_ARCH_X86_64", "arch_prctl modify_ldt"},
    {"SCMP_ARCH_X86", "modify_ldt"},
    {"SCMP_ARCH_ARM",
     "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"},
    {"SCMP_ARCH_AARCH64",
     "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"},
    {"SCMP_ARCH_PPC64LE", "sync_file_range2 swapcontext"},
    {"SCMP_ARCH_S390X", "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"},
    {"SCMP_ARCH_RISCV64", "riscv_flush_icache"},
};

struct ForeignArchitectures {
  std::string_view architecture;
  std::string_view others;  // whose programs the same processor runs
};

constexpr ForeignArchitectures foreign_architectures[] = {
    {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86 SCMP_ARCH_X32"},
    {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"},
    {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"},
};

// NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET.
constexpr uint64_t clone_namespaces = 0x7E020000;

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

SeccompRule allow(std::string_view names, std::vector<SeccompArgument> arguments = {}) {
  return {split_names(names), "SCMP_ACT_ALLOW", std::nullopt, std::move(arguments)};
}

bool has(const SeccompContext& context, std::string_view capability) {
  return (context.capabilities >> find_capability(capability).value() & 1) != 0;
}

void add_sockets(std::vector<SeccompRule>& rules) {
  // All families but AF_ALG (38), whose kernel code is old and rarely looked at, and AF_VSOCK (40),
  // which reaches the host of a virtual machine past every network namespace.
  rules.push_back(allow("socket", {{0, 38, 0, "SCMP_CMP_LT"}}));
  rules.push_back(allow("socket", {{0, 39, 0, "SCMP_CMP_EQ"}}));
  rules.push_back(allow("socket", {{0, 40, 0, "SCMP_CMP_GT"}}));
}

void add_personalities(std::vector<SeccompRule>& rules) {
  // PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is.
  for (uint64_t value : {0x0, 0x8, 0x20000, 0x20008})
    rules.push_back(allow("personality", {{0, value, 0, "SCMP_CMP_EQ"}}));
  rules.push_back(allow("personality", {{0, 0xffffffff, 0, "SCMP_CMP_EQ"}}));
}

void add_clone(const SeccompContext& context, std::vector<SeccompRule>& rules) {
  if (has(context, "CAP_SYS_ADMIN")) return;
  const bool is_s390 = context.architecture.starts_with("SCMP_ARCH_S390");
  rules.push_back(allow("clone", {{is_s390 ? 1u : 0u, clone_namespaces, 0, "SCMP_CMP_MASKED_EQ"}}));
  // Its flags are in memory, where a filter cannot look: the C library falls back to clone.
  rules.push_back({{"clone3"}, "SCMP_ACT_ERRNO", ENOSYS, {}});
}

}  // namespace

SeccompProfile default_profile(const SeccompContext& context) {
  SeccompProfile profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno = EPERM;
  profile.flags = {"SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
  profile.architectures = {context.architecture};
  if (context.allow_foreign_architectures)
    for (const ForeignArchitectures& entry : foreign_architectures)
      if (entry.architecture == context.architecture)
        for (std::string& name : split_names(entry.others))
          profile.architectures.push_back(std::move(name));

  profile.rules.push_back(allow(always_allowed));
  // Before 4.8 a traced process could change its call after the filter had seen it.
  if (context.kernel_major > 4 || (context.kernel_major == 4 && context.kernel_minor >= 8))
    profile.rules.push_back(allow("ptrace process_vm_readv process_vm_writev"));
  add_sockets(profile.rules);
  add_personalities(profile.rules);
  for (const ArchitectureGroup& group : architecture_groups)
    if (group.architecture == context.architecture) profile.rules.push_back(allow(group.syscalls));
  for (const CapabilityGroup& group : capability_groups)
    if (has(context, group.capability)) profile.rules.push_back(allow(group.syscalls));
  add_clone(context, profile.rules);
  return profile;
}

}  // namespace ctr::runtime
