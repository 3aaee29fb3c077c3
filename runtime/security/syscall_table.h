// Architectures and system calls by the names that seccomp profiles use. Internal to the compiler.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ctr::runtime {

struct SyscallArchitecture {
  std::string_view name;     // "SCMP_ARCH_X86_64"
  std::string_view go_name;  // "amd64": what the conditions in Docker's profiles say
  uint32_t scmp_token = 0;   // libseccomp's number
  uint32_t audit_arch = 0;   // what the kernel tells a filter; x32 shares x86_64's
};

const SyscallArchitecture* find_architecture(std::string_view name);
const SyscallArchitecture& native_architecture();

// Calls of x32 carry this bit beside x86_64's audit architecture.
inline constexpr uint32_t x32_bit = 0x40000000;
inline bool is_little_endian(uint32_t audit_arch) {
  return (audit_arch & 0x40000000) != 0;
}

// nullopt for names that are no system call of the architecture.
std::optional<uint32_t> find_syscall(std::string_view name,
                                     const SyscallArchitecture& architecture);

// Whether the kernel reads the argument as a 32-bit number and drops what is above, so that a
// filter must not look at it either: socket(1UL << 32 | AF_VSOCK, …) is socket(AF_VSOCK, …). (S01)
bool is_32_bit_argument(std::string_view syscall, uint32_t index);

}  // namespace ctr::runtime
