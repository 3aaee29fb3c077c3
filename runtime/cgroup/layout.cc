#include "runtime/cgroup/layout.h"

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// proc(5) writes space, tab, newline and backslash in paths as \040 and so on.
std::string unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

// Super block options that are not the names of controllers; the rest of v1's are
// ("rw,cpu,cpuacct").
bool is_option(std::string_view word) {
  static constexpr std::string_view options[] = {
      "rw",       "ro",   "xattr",          "clone_children", "noprefix",
      "seclabel", "none", "cpuset_v2_mode", "favordynmods"};
  return std::find(std::begin(options), std::end(options), word) != std::end(options) ||
         word.starts_with("release_agent=");
}

struct MountLine {
  std::string_view root;
  std::string_view mount_point;
  std::string_view type;
  std::string_view super_options;
};

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
bool parse_mount_line(std::string_view line, MountLine& mount) {
  const std::vector<std::string_view> fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return false;
  mount = {fields[3], fields[4], dash[1], dash[3]};
  return true;
}

Hierarchy hierarchy_of(const MountLine& mount) {
  Hierarchy hierarchy;
  hierarchy.unified = mount.type == "cgroup2";
  hierarchy.mount_point = unescape(mount.mount_point);
  if (!hierarchy.unified)
    for (std::string_view word : split(mount.super_options, ','))
      if (!is_option(word)) hierarchy.controllers.emplace_back(word);
  return hierarchy;
}

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

CgroupMode CgroupLayout::mode() const {
  if (hierarchies.empty()) return CgroupMode::none;
  if (!find_unified()) return CgroupMode::v1;
  return hierarchies.size() == 1 ? CgroupMode::v2 : CgroupMode::hybrid;
}

const Hierarchy* CgroupLayout::find_controller(std::string_view controller) const {
  for (const Hierarchy& hierarchy : hierarchies)
    if (hierarchy.has(controller)) return &hierarchy;
  return nullptr;
}

const Hierarchy* CgroupLayout::find_unified() const {
  return !hierarchies.empty() && hierarchies.back().unified ? &hierarchies.back() : nullptr;
}

CgroupLayout parse_layout(std::string_view mountinfo) {
  CgroupLayout layout;
  std::vector<std::string_view> roots;
  for (std::string_view line : split(mountinfo, '\n')) {
    MountLine mount;
    if (!parse_mount_line(line, mount) || (mount.type != "cgroup" && mount.type != "cgroup2"))
      continue;
    Hierarchy hierarchy = hierarchy_of(mount);
    // A tree that is mounted twice (in a chroot, in a container's root) counts once: as a whole
    // rather than as a part, and the first rather than a later one.
    const auto same = std::find_if(
        layout.hierarchies.begin(), layout.hierarchies.end(), [&](const Hierarchy& other) {
          return other.unified == hierarchy.unified && other.controllers == hierarchy.controllers;
        });
    if (same == layout.hierarchies.end()) {
      layout.hierarchies.push_back(std::move(hierarchy));
      roots.push_back(mount.root);
    } else if (std::string_view& root = roots[same - layout.hierarchies.begin()];
               mount.root == "/" && root != "/") {
      *same = std::move(hierarchy);
      root = mount.root;
    }
  }
  std::stable_partition(layout.hierarchies.begin(), layout.hierarchies.end(),
                        [](const Hierarchy& hierarchy) { return !hierarchy.unified; });
  return layout;
}

CgroupLayout detect_layout() {
  CgroupLayout layout = parse_layout(sys::read_file("/proc/self/mountinfo", 64 << 20));
  for (Hierarchy& hierarchy : layout.hierarchies) {
    if (hierarchy.unified) {
      const std::string text =
          sys::find_file(hierarchy.mount_point + "/cgroup.controllers").value_or("");
      const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
      for (std::string_view name : split(line, ' ')) hierarchy.controllers.emplace_back(name);
    } else if (hierarchy.has("memory")) {
      layout.swap_accounting = sys::exists(hierarchy.mount_point + "/memory.memsw.limit_in_bytes");
    }
  }
  return layout;
}

}  // namespace ctr::runtime
