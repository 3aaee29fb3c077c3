#include "runtime/cgroup/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/cgroup/control_file.h"
#include "runtime/cgroup/device_filter.h"
#include "runtime/cgroup/device_rules.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

namespace {

// "/ctr/<id>" → "ctr/<id>". The path may come from a request (--cgroup-parent): it stays below the
// mount point, whatever it says.
std::string checked_path(const std::string& path) {
  std::string relative;
  for (const std::string& name : sys::split_path(path)) {
    if (name == ".." || name.size() > 255 ||
        name.find_first_of(std::string("\n\0", 2)) != name.npos)
      throw Error(ErrorKind::invalid_argument, fmt::format("invalid cgroup path '{}'", path));
    relative += (relative.empty() ? "" : "/") + name;
  }
  if (relative.empty() || relative.size() > 3000)
    throw Error(ErrorKind::invalid_argument, fmt::format("invalid cgroup path '{}'", path));
  return relative;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// A mount that is hidden below another one, or gone, must not make us create plain directories.
UniqueFd open_hierarchy(const Hierarchy& hierarchy) {
  UniqueFd root = sys::open_at(AT_FDCWD, hierarchy.mount_point, O_RDONLY | O_DIRECTORY);
  struct statfs status {};
  sys::check(::fstatfs(root.get(), &status), "fstatfs", hierarchy.mount_point);
  const auto magic = static_cast<uint32_t>(status.f_type);
  if (magic != (hierarchy.unified ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
    throw Error(ErrorKind::internal, fmt::format("'{}' is not the cgroup file system that it was",
                                                 hierarchy.mount_point));
  return root;
}

// The trees that a container is in even if nothing there is limited: for statistics, fairness
// between containers, device rules, and finding its processes. Each costs a start a tenth of a
// millisecond. v1's freezer is not needed beside a v2 tree, which freezes and kills at once.
bool is_always_used(const Hierarchy& hierarchy, const CgroupLayout& layout) {
  if (hierarchy.unified) return true;
  for (std::string_view controller : {"cpu", "cpuacct", "memory", "devices", "blkio", "pids"})
    if (hierarchy.has(controller)) return true;
  if (hierarchy.has("freezer")) return !layout.find_unified();
  // Where systemd keeps track of services: a container is no part of the daemon's.
  return hierarchy.has("name=systemd") && sys::exists("/run/systemd/system");
}

bool is_written_to(const Hierarchy& hierarchy, const std::vector<LimitWrite>& writes) {
  return std::any_of(writes.begin(), writes.end(),
                     [&](const LimitWrite& write) { return hierarchy.has(write.controller); });
}

// v1's cpuset of a new directory is empty, and nothing can be attached to it: it takes its
// parent's.
void inherit_cpuset(int root, const std::string& path) {
  std::string directory;
  for (const std::string& name : sys::split_path(path)) {
    const std::string parent = directory;
    directory += (directory.empty() ? "" : "/") + name;
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      if (trimmed(sys::read_file(root, directory + "/" + file)).empty())
        sys::write_existing(root, directory + "/" + file,
                            sys::read_file(root, parent.empty() ? file : parent + "/" + file));
    }
  }
}

bool has_word(std::string_view line, std::string_view word) {
  return (" " + std::string(trimmed(line)) + " ").find(" " + std::string(word) + " ") !=
         std::string::npos;
}

// What others are in must not become a container's: they would be killed with it.
void expect_no_processes(int root, const std::string& path) {
  const UniqueFd directory = sys::open_at(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const size_t count = cgroup_pids(directory.get()).size();
  if (count != 0)
    throw Error(ErrorKind::conflict,
                fmt::format("container's cgroup is not empty: {} process(es) found in '{}'", count,
                            path));
}

// Deletes a directory with the cgroups below it; false while somebody is still in there.
bool try_remove(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
    return true;
  if (errno != EBUSY && errno != ENOTEMPTY) sys::throw_errno(errno, "rmdir", {"'" + name + "'"});
  const std::optional<UniqueFd> directory =
      sys::find_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return true;
  for (const std::string& child : child_cgroups(directory->get()))
    if (!try_remove(directory->get(), child)) return false;
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

// --- making and finding --------------------------------------------------------------------------

Cgroup Cgroup::create(const CgroupLayout& layout, const std::string& path,
                      const Resources& asked, ExistingCgroup existing, ForbiddenTree forbidden) {
  Cgroup cgroup;
  cgroup.path_ = checked_path(path);
  cgroup.layout_ = layout;
  Resources resources = asked;
  if (forbidden == ForbiddenTree::left_out) resources.devices.clear();
  const std::vector<LimitWrite> writes = plan_limits(resources, layout);
  if (layout.mode() == CgroupMode::none)
    throw Error(ErrorKind::unsupported,
                "no cgroup file system is mounted; mount one at /sys/fs/cgroup");
  cgroup.owned_ = true;
  cgroup.make_trees(writes, existing, forbidden);
  if (const Tree* tree = cgroup.unified_tree()) cgroup.enable_controllers(*tree, writes);
  cgroup.write_limits(writes);
  cgroup.set_device_rules(resources.devices);
  return cgroup;
}

std::optional<Cgroup> Cgroup::find(const CgroupLayout& layout, const std::string& path) {
  Cgroup cgroup;
  cgroup.path_ = checked_path(path);
  cgroup.layout_ = layout;
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    UniqueFd root = open_hierarchy(hierarchy);
    if (auto directory = sys::find_at(root.get(), cgroup.path_, O_RDONLY | O_DIRECTORY))
      cgroup.trees_.push_back({hierarchy, std::move(root), std::move(*directory)});
  }
  if (cgroup.trees_.empty()) return std::nullopt;
  return cgroup;
}

Cgroup Cgroup::open(const CgroupLayout& layout, const std::string& path) {
  std::optional<Cgroup> cgroup = find(layout, path);
  if (!cgroup) throw Error(ErrorKind::not_found, fmt::format("no such cgroup: '{}'", path));
  return std::move(*cgroup);
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(path_, other.path_);
  std::swap(trees_, other.trees_);
  std::swap(owned_, other.owned_);
  return *this;
}

Cgroup::~Cgroup() {
  if (!owned_ || trees_.empty()) return;
  try {
    kill_all();
    remove();
  } catch (...) {
    // Nobody is left to tell; a daemon that starts finds the cgroup by its name.
  }
}

namespace {

bool is_forbidden(const Error& error) {
  return error.error_number() == EACCES || error.error_number() == EPERM || error.error_number() == EROFS;
}

}  // namespace

void Cgroup::make_trees(const std::vector<LimitWrite>& writes, ExistingCgroup existing, ForbiddenTree forbidden) {
  for (const Hierarchy& hierarchy : layout_.hierarchies) {
    const bool needed = is_written_to(hierarchy, writes);
    if (!needed && !is_always_used(hierarchy, layout_)) continue;
    try {
      make_tree(hierarchy, existing);
    } catch (const Error& error) {
      if (forbidden == ForbiddenTree::refused || !is_forbidden(error)) throw;
      if (needed)
        throw Error(ErrorKind::unsupported,
                    fmt::format("limits need a cgroup, and this user has none to make it in: {} (systemd gives one "
                                "with Delegate=yes)",
                                error.what()),
                    error.error_number());
    }
  }
}

void Cgroup::make_tree(const Hierarchy& hierarchy, ExistingCgroup existing) {
  UniqueFd root = open_hierarchy(hierarchy);
  int result = ::mkdirat(root.get(), path_.c_str(), 0755);
  if (result < 0 && errno == ENOENT) {
    std::string parents;
    for (const std::string& name : sys::split_path(parent_of(path_))) {
      parents += (parents.empty() ? "" : "/") + name;
      if (::mkdirat(root.get(), parents.c_str(), 0755) < 0 && errno != EEXIST)
        sys::throw_errno(errno, "mkdir", {"'" + hierarchy.mount_point + "/" + parents + "'"});
    }
    result = ::mkdirat(root.get(), path_.c_str(), 0755);
  }
  if (result < 0 && errno == EEXIST && existing != ExistingCgroup::refused) {
    if (existing == ExistingCgroup::adopted) expect_no_processes(root.get(), path_);
    result = 0;
  }
  if (result < 0 && errno == EEXIST)
    throw Error(ErrorKind::conflict, fmt::format("the cgroup '{}' exists already in '{}'", path_,
                                                 hierarchy.mount_point));
  sys::check(result, "mkdir", hierarchy.mount_point + "/" + path_);
  UniqueFd directory = sys::open_at(root.get(), path_, O_RDONLY | O_DIRECTORY);
  trees_.push_back({hierarchy, std::move(root), std::move(directory)});
  if (hierarchy.has("cpuset") && !hierarchy.unified)
    inherit_cpuset(trees_.back().root.get(), path_);
}

// On v2, a cgroup has the controllers that each of its ancestors passes on. What one process of a
// boot enabled stays, so that one look suffices mostly.
void Cgroup::enable_controllers(const Tree& tree, const std::vector<LimitWrite>& writes) const {
  const std::string enabled = sys::read_file(tree.directory.get(), "cgroup.controllers");
  std::vector<std::string> missing;
  for (const std::string& controller : tree.hierarchy.controllers)
    if (!has_word(enabled, controller)) missing.push_back(controller);
  for (const std::string& controller : missing) {
    const bool is_needed = std::any_of(writes.begin(), writes.end(), [&](const LimitWrite& write) {
      return write.controller == controller;
    });
    // On hybrid machines the few controllers of the v2 tree belong to whoever put them there.
    if (!is_needed && layout_.mode() == CgroupMode::hybrid) continue;
    std::string ancestor;
    for (const std::string& name : sys::split_path(path_)) {
      const std::string file = ancestor + "cgroup.subtree_control";
      const int error = write_control_file(tree.root.get(), file, "+" + controller);
      if (error != 0 && is_needed)
        throw Error(ErrorKind::unsupported,
                    fmt::format("cannot enable the {} controller in '{}/{}': {}{}", controller,
                                tree.hierarchy.mount_point, ancestor, sys::errno_text(error),
                                error == EBUSY ? " (a cgroup that has processes of its own cannot "
                                                 "pass controllers on)"
                                               : ""),
                    error);
      ancestor += name + "/";
    }
  }
}

// --- limits --------------------------------------------------------------------------------------

namespace {

[[noreturn]] void throw_refused(const LimitWrite& write, int error) {
  const std::string text =
      fmt::format("cannot set {} to '{}': {}", write.file, write.value,
                  error == ENOENT ? "this kernel has no such limit" : sys::errno_text(error));
  switch (error) {
    case ENOENT:
    case EOPNOTSUPP:
      throw Error(ErrorKind::unsupported, text, error);
    case EINVAL:
    case ERANGE:
    case ENODEV:
      throw Error(ErrorKind::invalid_argument, text, error);
    case EBUSY:
      throw Error(ErrorKind::conflict, text, error);
    default:
      throw Error(ErrorKind::internal, text, error);
  }
}

int write_limit(ControlFiles& files, const LimitWrite& write) {
  int error = files.write(write.file, write.value);
  if (error == ENOENT && !write.fallback_file.empty())
    error = files.write(write.fallback_file, write.fallback_value);
  return error == ENOENT && write.optional ? 0 : error;
}

}  // namespace

void Cgroup::write_limits(const std::vector<LimitWrite>& writes) const {
  std::vector<const LimitWrite*> second_try;
  std::optional<ControlFiles> files;
  const Tree* current = nullptr;
  const auto files_of = [&](const LimitWrite& write) -> ControlFiles& {
    const Tree* tree = write.controller == "cgroup" ? unified_tree() : find_tree(write.controller);
    if (!tree)
      throw Error(
          ErrorKind::unsupported,
          fmt::format("cannot set {}: the cgroup '{}' is not in a tree with the {} controller",
                      write.file, path_, write.controller));
    if (tree != current) files.emplace(tree->directory.get());
    current = tree;
    return *files;
  };
  for (const LimitWrite& write : writes) {
    const int error = write_limit(files_of(write), write);
    // Limits hang together (memory and memory plus swap, quota and period): which must come first
    // depends on what is set now.
    if (error == EINVAL || error == EBUSY)
      second_try.push_back(&write);
    else if (error != 0)
      throw_refused(write, error);
  }
  for (const LimitWrite* write : second_try)
    if (const int error = write_limit(files_of(*write), *write); error != 0)
      throw_refused(*write, error);
}

void Cgroup::set_device_rules(const std::vector<DeviceRule>& rules) const {
  if (rules.empty() || !devices_by_bpf(layout_)) return;
  if (const Tree* tree = unified_tree())
    attach_device_filter(tree->directory.get(), make_device_filter(rules));
}

void Cgroup::update(const Resources& resources) {
  const std::vector<LimitWrite> writes = plan_limits(resources, layout_);
  if (resources.memory.check_before_update.value_or(false) &&
      resources.memory.limit.value_or(0) > 0) {
    const uint64_t usage = stats().memory.usage;
    if (usage > static_cast<uint64_t>(*resources.memory.limit))
      throw Error(ErrorKind::conflict,
                  fmt::format("cannot set memory.limit to {}: {} bytes are in use",
                              *resources.memory.limit, usage));
  }
  make_missing_trees(writes);
  // v1's device rules are written one by one: nobody may see the list half done.
  const bool must_stand = !resources.devices.empty() && !devices_by_bpf(layout_) && !is_frozen();
  if (must_stand) freeze();
  try {
    write_limits(writes);
    set_device_rules(resources.devices);
  } catch (...) {
    if (must_stand) thaw();
    throw;
  }
  if (must_stand) thaw();
}

// The container is not in a v1 tree that was of no use when it was made.
void Cgroup::make_missing_trees(const std::vector<LimitWrite>& writes) {
  for (const Hierarchy& hierarchy : layout_.hierarchies) {
    const bool is_there = std::any_of(trees_.begin(), trees_.end(), [&](const Tree& tree) {
      return tree.hierarchy.mount_point == hierarchy.mount_point;
    });
    if (is_there || !is_written_to(hierarchy, writes)) continue;
    make_tree(hierarchy);
    move_processes_into(trees_.back());
  }
}

void Cgroup::move_processes_into(const Tree& tree) const {
  // Again until nobody is left outside: processes fork meanwhile, and their children are where
  // they were.
  for (int round = 0; round < 100; ++round) {
    const std::vector<pid_t> inside = cgroup_pids(tree.directory.get());
    size_t moved = 0;
    for (pid_t pid : pids()) {
      if (std::binary_search(inside.begin(), inside.end(), pid)) continue;
      const int error =
          write_control_file(tree.directory.get(), "cgroup.procs", std::to_string(pid));
      if (error != 0 && error != ESRCH) attach_to(tree, pid);  // throws what is wrong
      moved += error == 0;
    }
    if (moved == 0) return;
  }
  throw Error(
      ErrorKind::unavailable,
      fmt::format("the processes of cgroup '{}' multiply faster than they can be moved", path_));
}

// --- processes in --------------------------------------------------------------------------------

int Cgroup::clone_fd() const {
  const Tree* tree = unified_tree();
  return tree ? tree->directory.get() : -1;
}

void Cgroup::attach(pid_t pid) const {
  for (const Tree& tree : trees_) attach_to(tree, pid);
}

void Cgroup::attach_unified(pid_t pid) const {
  if (const Tree* tree = unified_tree()) attach_to(*tree, pid);
}

std::vector<Cgroup::Entry> Cgroup::open_entries() const {
  std::vector<Entry> entries;
  for (const Tree& tree : trees_)
    if (!tree.hierarchy.unified)
      entries.push_back({tree.hierarchy.mount_point + "/" + path_,
                         sys::open_at(tree.directory.get(), "tasks", O_WRONLY)});
  return entries;
}

void Cgroup::enter(const std::vector<Entry>& entries) {
  // "0" is the writer. For it alone the kernel (kernel/cgroup/cgroup.c, cgroup_procs_write_start)
  // need not stop all others from forking.
  for (const Entry& entry : entries)
    if (::write(entry.tasks.get(), "0", 1) < 0)
      throw Error(ErrorKind::internal,
                  fmt::format("cannot enter the cgroup '{}': {}", entry.path, sys::errno_text(errno)), errno);
}

void Cgroup::attach_to(const Tree& tree, pid_t pid) const {
  const std::string text = std::to_string(pid);
  int error = write_control_file(tree.directory.get(), "cgroup.procs", text);
  // On v2 a container that manages cgroups of its own (systemd) has emptied this one and passed its
  // controllers on: nothing may be in it then. Its first process' cgroup is as good.
  if (tree.hierarchy.unified && (error == EBUSY || error == EOPNOTSUPP))
    if (const UniqueFd inner = first_populated_child(tree.directory.get()))
      error = write_control_file(inner.get(), "cgroup.procs", text);
  if (error == ESRCH)
    throw Error(ErrorKind::not_found, fmt::format("no such process: {}", pid), error);
  if (error != 0)
    throw Error(ErrorKind::internal,
                fmt::format("cannot move process {} into '{}/{}': {}", pid,
                            tree.hierarchy.mount_point, path_, sys::errno_text(error)),
                error);
}

// --- the end -------------------------------------------------------------------------------------

void Cgroup::remove(milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  Backoff backoff;
  while (!trees_.empty()) {
    if (try_remove(trees_.back().root.get(), path_)) {
      trees_.pop_back();
      continue;
    }
    if (std::chrono::steady_clock::now() >= end)
      throw Error(ErrorKind::conflict,
                  fmt::format("cannot remove the cgroup '{}/{}': it is still in use",
                              trees_.back().hierarchy.mount_point, path_),
                  EBUSY);
    backoff.sleep();
  }
  owned_ = false;
}

const Cgroup::Tree* Cgroup::find_tree(std::string_view controller) const {
  for (const Tree& tree : trees_)
    if (tree.hierarchy.has(controller)) return &tree;
  return nullptr;
}

const Cgroup::Tree* Cgroup::unified_tree() const {
  for (const Tree& tree : trees_)
    if (tree.hierarchy.unified) return &tree;
  return nullptr;
}

}  // namespace ctr::runtime
