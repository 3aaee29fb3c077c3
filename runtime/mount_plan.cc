#include "runtime/mount_plan.h"

#include <linux/mount.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

struct AttributeOption {
  std::string_view name;
  bool clear;
  uint64_t bits;
};

// The access-time modes are one field of the mount's attributes: choosing one clears the others.
constexpr uint64_t atime_field = MOUNT_ATTR__ATIME;

constexpr AttributeOption attribute_options[] = {
    {"ro", false, MOUNT_ATTR_RDONLY},
    {"rw", true, MOUNT_ATTR_RDONLY},
    {"nosuid", false, MOUNT_ATTR_NOSUID},
    {"suid", true, MOUNT_ATTR_NOSUID},
    {"nodev", false, MOUNT_ATTR_NODEV},
    {"dev", true, MOUNT_ATTR_NODEV},
    {"noexec", false, MOUNT_ATTR_NOEXEC},
    {"exec", true, MOUNT_ATTR_NOEXEC},
    {"nodiratime", false, MOUNT_ATTR_NODIRATIME},
    {"diratime", true, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", false, MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", true, MOUNT_ATTR_NOSYMFOLLOW},
};

struct AtimeOption {
  std::string_view name;
  uint64_t mode;
};
constexpr AtimeOption atime_options[] = {
    {"noatime", MOUNT_ATTR_NOATIME},     {"strictatime", MOUNT_ATTR_STRICTATIME},
    {"relatime", MOUNT_ATTR_RELATIME},   {"atime", MOUNT_ATTR_RELATIME},
    {"norelatime", MOUNT_ATTR_RELATIME}, {"nostrictatime", MOUNT_ATTR_RELATIME},
};

struct PropagationOption {
  std::string_view name;
  uint64_t flag;  // the MS_* values of mount(2), which mount_setattr(2) takes too
};
constexpr PropagationOption propagation_options[] = {
    {"private", 1u << 18}, {"slave", 1u << 19}, {"shared", 1u << 20}, {"unbindable", 1u << 17}};

// Flags of the superblock that fsconfig(2) takes as a word.
constexpr std::string_view superblock_flags[] = {"sync", "dirsync", "lazytime", "mand"};
// Words of mount(8) that say what is so anyway.
constexpr std::string_view without_effect[] = {"defaults", "async",  "nomand", "nolazytime",
                                               "loud",     "silent", "idmap",  "ridmap", "tryidmap",
                                               "remount",  "user",   "nouser", "_netdev"};

template <class Table>
auto find_name(const Table& table, std::string_view name) {
  return std::find_if(std::begin(table), std::end(table),
                      [&](const auto& entry) { return entry.name == name; });
}

template <class Table>
bool contains(const Table& table, std::string_view name) {
  return std::find(std::begin(table), std::end(table), name) != std::end(table);
}

bool take_attribute(std::string_view option, uint64_t& set, uint64_t& clear) {
  if (auto entry = find_name(attribute_options, option); entry != std::end(attribute_options)) {
    (entry->clear ? clear : set) |= entry->bits;
    (entry->clear ? set : clear) &= ~entry->bits;  // the last word wins
    return true;
  }
  if (auto entry = find_name(atime_options, option); entry != std::end(atime_options)) {
    set = (set & ~atime_field) | entry->mode;
    clear |= atime_field;
    return true;
  }
  return false;
}

bool take_propagation(std::string_view option, MountPlan& plan) {
  bool recursive = option.size() > 1 && option[0] == 'r';
  for (std::string_view name : {option, recursive ? option.substr(1) : option})
    if (auto entry = find_name(propagation_options, name); entry != std::end(propagation_options)) {
      plan.propagation = entry->flag;
      plan.recursive_propagation = name.size() != option.size();
      return true;
    }
  return false;
}

bool take_flag(std::string_view option, MountPlan& plan) {
  if (option == "bind" || option == "rbind") {
    plan.bind = true;
    plan.recursive_bind = option == "rbind";
    return true;
  }
  if (option == "tmpcopyup") {
    plan.copy_up = true;
    return true;
  }
  if (take_attribute(option, plan.attributes_set, plan.attributes_clear)) return true;
  if (take_propagation(option, plan)) return true;
  if (option.size() > 1 && option[0] == 'r' &&
      take_attribute(option.substr(1), plan.recursive_set, plan.recursive_clear))
    return true;
  return option.empty() || contains(without_effect, option);
}

void take_filesystem_option(std::string_view option, MountPlan& plan) {
  size_t equals = option.find('=');
  std::string name(option.substr(0, equals));
  std::string value(equals == std::string_view::npos ? "" : option.substr(equals + 1));
  plan.filesystem_options.emplace_back(std::move(name), std::move(value));
}

}  // namespace

MountPlan plan_mount(const Mount& mount) {
  MountPlan plan;
  plan.bind = mount.type == "bind";
  for (const std::string& option : mount.options) {
    if (option.find('\0') != std::string::npos)
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("mount '{}': an option contains a NUL", mount.destination));
    if (!take_flag(option, plan)) take_filesystem_option(option, plan);
  }
  if (plan.bind) {
    for (const auto& [name, value] : plan.filesystem_options)
      if (!contains(superblock_flags, name))
        throw sys::Error(sys::ErrorKind::invalid_argument,
                         fmt::format("mount '{}': option '{}' is not possible for a bind mount",
                                     mount.destination, name));
    plan.filesystem_options.clear();
  }
  return plan;
}

}  // namespace ctr::runtime
