// One container's control group in all hierarchies of the machine. Owned by its monitor while the
// container runs; opened by ctrd for statistics, pause, update, and to clean up behind a monitor
// that was killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/plan.h"
#include "runtime/cgroup/stats.h"
#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

using std::chrono::milliseconds;

// What making a cgroup does with one that is there already. An OCI runtime's caller may have made it;
// it then becomes the container's, and goes with it, unless there are processes in it. One that systemd
// made has a process that keeps the place.
enum class ExistingCgroup { refused, adopted, adopted_with_processes };

// What it does in a tree where its maker may not: a user without privileges, whom nobody gave a part of it, goes
// without, unless a limit was asked for there. Rules for devices go with it: who cannot make nodes needs none.
enum class ForbiddenTree { refused, left_out };

class Cgroup {
 public:
  // Makes "/ctr/<id>" below the root of each hierarchy (and its parents, which stay) and sets the
  // limits. Everything that can be refused is refused before anything is made; a failure later
  // leaves nothing. Error{conflict} if the cgroup is there already (see ExistingCgroup): find() and
  // remove() what a crash left.
  static Cgroup create(const CgroupLayout& layout, const std::string& path,
                       const Resources& resources,
                       ExistingCgroup existing = ExistingCgroup::refused,
                       ForbiddenTree forbidden = ForbiddenTree::refused);
  // The cgroup that somebody made; nullopt if it is in no hierarchy.
  static std::optional<Cgroup> find(const CgroupLayout& layout, const std::string& path);
  // The same; Error{not_found}.
  static Cgroup open(const CgroupLayout& layout, const std::string& path);

  Cgroup() = default;
  Cgroup(Cgroup&& other) noexcept { *this = std::move(other); }
  Cgroup& operator=(Cgroup&& other) noexcept;
  // A created cgroup goes, with whatever runs in it, unless it was removed or released; an opened
  // one stays.
  ~Cgroup();

  const std::string& path() const { return path_; }
  explicit operator bool() const { return !trees_.empty(); }
  // Stays when this object goes: somebody else will find() and remove() it.
  void release() { owned_ = false; }

  // For clone3's CLONE_INTO_CGROUP: the directory in the v2 tree, -1 where there is none. An exec
  // must be ready for EBUSY: a container that manages cgroups of its own (systemd) has made this
  // one an inner node. Then clone without it and attach(pid), which finds a cgroup that takes
  // processes.
  int clone_fd() const;
  // Moves a process (all its threads) in, in every tree. The kernel waits for a grace period of RCU
  // before it moves another process (10 ms and more, unless somebody else has just waited), so that
  // a start goes another way: a new process is cloned into v2's tree and enters v1's by itself.
  void attach(pid_t pid) const;
  // Where clone_fd() was refused: the v2 tree alone.
  void attach_unified(pid_t pid) const;
  // A way into one of v1's trees, for a process that has only one thread.
  struct Entry {
    std::string path;  // for errors
    sys::UniqueFd tasks;
  };
  std::vector<Entry> open_entries() const;
  // Moves the calling process. runs in: the new process.
  static void enter(const std::vector<Entry>& entries);

  // Changes the limits given; what is not given stays as it is.
  void update(const Resources& resources);

  // Stops all processes where they are; returns when they stand. Error{unavailable} if they do not
  // in time (they run again then), Error{unsupported} without a freezer.
  void freeze(milliseconds deadline = milliseconds(10'000)) const;
  void thaw() const;
  bool is_frozen() const;

  // Processes in the cgroup and below it, as the caller's PID namespace sees them.
  std::vector<pid_t> pids() const;
  // SIGKILL to every process, the ones that they fork meanwhile included; frozen ones are thawed.
  // Returns when all are signalled, see wait_until_empty.
  void kill_all() const;
  bool wait_until_empty(milliseconds deadline) const;

  // A descriptor that becomes readable when the kernel ran out of the memory allowed; nullopt
  // without a memory controller. Readable is a reason to compare oom_kill_count(): drain it
  // with drain_oom_events().
  std::optional<sys::UniqueFd> open_oom_events() const;
  static void drain_oom_events(int fd);
  // Processes that the kernel killed for the cgroup's memory limit since it was made.
  uint64_t oom_kill_count() const;

  CgroupStats stats() const;

  // Deletes the cgroup and those below it. The last process may still be on its way out: retries
  // until the deadline, then Error{conflict}. One that is gone already is success.
  void remove(milliseconds deadline = milliseconds(2'000));

 private:
  struct Tree {
    Hierarchy hierarchy;
    sys::UniqueFd root;       // the hierarchy's mount point
    sys::UniqueFd directory;  // the cgroup, O_RDONLY so that it can be listed
  };

  void make_tree(const Hierarchy& hierarchy, ExistingCgroup existing = ExistingCgroup::refused);
  void make_trees(const std::vector<LimitWrite>& writes, ExistingCgroup existing, ForbiddenTree forbidden);
  void make_missing_trees(const std::vector<LimitWrite>& writes);
  void enable_controllers(const Tree& tree, const std::vector<LimitWrite>& writes) const;
  void write_limits(const std::vector<LimitWrite>& writes) const;
  void set_device_rules(const std::vector<DeviceRule>& rules) const;
  void move_processes_into(const Tree& tree) const;
  void attach_to(const Tree& tree, pid_t pid) const;

  const Tree* find_tree(std::string_view controller) const;
  const Tree* unified_tree() const;
  const Tree& listing_tree() const;
  const Tree& freezer_tree() const;
  void kill_by_signals() const;

  CgroupStats stats_v1() const;
  CgroupStats stats_v2() const;

  CgroupLayout layout_;
  std::string path_;
  std::vector<Tree> trees_;
  bool owned_ = false;
};

}  // namespace ctr::runtime
