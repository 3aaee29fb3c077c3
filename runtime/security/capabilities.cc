#include "runtime/security/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

// By number, as in linux/capability.h.
constexpr std::array<std::string_view, capability_count> names = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

constexpr uint64_t bit(unsigned number) {
  return uint64_t{1} << number;
}

bool is_all(const std::string& name) {
  return upper(name) == "ALL";
}

bool names_all(const std::vector<std::string>& list) {
  return std::any_of(list.begin(), list.end(), is_all);
}

uint64_t parse_with_prefix(const std::vector<std::string>& list, std::string_view prefix) {
  uint64_t mask = 0;
  for (const std::string& name : list) {
    if (is_all(name)) {
      mask |= all_capabilities;
      continue;
    }
    const std::optional<unsigned> number = find_capability(name);
    if (!number) {
      const std::string full = upper(name).starts_with("CAP_") ? upper(name) : "CAP_" + upper(name);
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{}unknown capability: \"{}\"", prefix, full));
    }
    mask |= bit(*number);
  }
  return mask;
}

// Whether the running kernel knows the capability, and whether it is still in our bounding set.
bool in_bounding_set(unsigned number) {
  return ::prctl(PR_CAPBSET_READ, number) == 1;
}
bool is_known(unsigned number) {
  return ::prctl(PR_CAPBSET_READ, number) >= 0;
}

void raise_ambient(uint64_t mask) {
  sys::check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl PR_CAP_AMBIENT");
  for (unsigned number = 0; number < capability_count; ++number)
    if ((mask & bit(number)) != 0 && is_known(number))
      sys::check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0),
                 "prctl PR_CAP_AMBIENT_RAISE", capability_name(number));
}

}  // namespace

std::optional<unsigned> find_capability(std::string_view name) {
  std::string full = upper(name);
  if (!full.starts_with("CAP_")) full = "CAP_" + full;
  const auto found = std::find(names.begin(), names.end(), full);
  if (found == names.end()) return std::nullopt;
  return static_cast<unsigned>(found - names.begin());
}

std::string_view capability_name(unsigned number) {
  return number < capability_count ? names[number] : std::string_view("CAP_UNKNOWN");
}

std::vector<std::string> capability_names(uint64_t mask) {
  std::vector<std::string> list;
  for (unsigned number = 0; number < capability_count; ++number)
    if ((mask & bit(number)) != 0) list.emplace_back(names[number]);
  return list;
}

uint64_t parse_capabilities(const std::vector<std::string>& list) {
  return parse_with_prefix(list, "");
}

uint64_t plan_capabilities(uint64_t base, const std::vector<std::string>& add,
                           const std::vector<std::string>& drop) {
  std::vector<std::string> add_names = add;
  std::vector<std::string> drop_names = drop;
  const bool adds_all = names_all(add);
  const bool drops_all = names_all(drop);
  std::erase_if(add_names, is_all);
  std::erase_if(drop_names, is_all);
  const uint64_t added = parse_with_prefix(add_names, "invalid CapAdd: ");
  const uint64_t dropped = parse_with_prefix(drop_names, "invalid CapDrop: ");
  // In Docker's order: ALL added wins over ALL dropped.
  if (adds_all) return all_capabilities & ~dropped;
  if (drops_all) return added;
  return (base & ~dropped) | added;
}

Capabilities process_capabilities(uint64_t mask, uid_t uid) {
  Capabilities capabilities;
  capabilities.bounding = mask;
  if (uid == 0) capabilities.effective = capabilities.permitted = mask;
  return capabilities;
}

uint64_t available_capabilities() {
  uint64_t mask = 0;
  for (unsigned number = 0; number < capability_count; ++number)
    if (in_bounding_set(number)) mask |= bit(number);
  return mask;
}

void limit_bounding_set(uint64_t mask) {
  // Up to 63, not to the last name that we know: a newer kernel's capabilities go as well.
  for (unsigned number = 0; number < 64 && is_known(number); ++number)
    if ((mask & bit(number)) == 0 && in_bounding_set(number))
      sys::check(::prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "prctl PR_CAPBSET_DROP", long{number});
}

void keep_capabilities(bool keep) {
  sys::check(::prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0), "prctl PR_SET_KEEPCAPS");
}

void set_capabilities(const Capabilities& capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[2]{};
  sys::check(::syscall(SYS_capget, &header, held), "capget");
  const uint64_t permitted = held[0].permitted | uint64_t{held[1].permitted} << 32;
  __user_cap_data_struct data[2]{};
  for (int half = 0; half < 2; ++half) {
    const auto word = [&](uint64_t mask) {
      return static_cast<uint32_t>((mask & permitted) >> (32 * half));
    };
    data[half].effective = word(capabilities.effective);
    data[half].permitted = word(capabilities.permitted);
    data[half].inheritable = word(capabilities.inheritable);
  }
  sys::check(::syscall(SYS_capset, &header, data), "capset");
  raise_ambient(capabilities.ambient & permitted);
}

}  // namespace ctr::runtime
