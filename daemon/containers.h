// The use cases: what the API can do to containers. Owns their records, in memory and in ctr.db,
// their monitors' connections, and the threads that work behind the clients' backs. Owned by ctrd's
// main; every call may block and may come from any thread.
//
//   containers.cc           create, find, rename, update
//   containers_start.cc     start and restart
//   containers_stop.cc      stop, kill, pause
//   containers_end.cc       exits, restart policies, cleaning up, removal
//   containers_attach.cc    attach, resize, wait
//   containers_files.cc     the root file system, for who copies
//   containers_health.cc    what health checks found
//   containers_networks.cc  connecting and disconnecting
//   containers_recovery.cc  what a new daemon finds
//   containers_volumes.cc   the volumes that containers bring, fill and use
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/container.h"
#include "daemon/container_changes.h"
#include "daemon/container_checks.h"
#include "daemon/container_index.h"
#include "daemon/container_root.h"
#include "daemon/events.h"
#include "daemon/launcher.h"
#include "daemon/monitors.h"
#include "daemon/restarts.h"
#include "daemon/volume_mounts.h"
#include "daemon/volumes.h"
#include "daemon/work_queue.h"
#include "image/image_store.h"

namespace ctr::daemon {

// A copy of a container's state at one moment, for who only looks.
struct ContainerSnapshot {
  ContainerRecord record;
  LiveRecord live;
};

class Containers {
 public:
  struct Services {
    image::Database& database;
    image::ImageStore& images;
    image::Snapshotter& snapshotter;
    Networks& networks;
    Events& events;
  };
  Containers(LauncherOptions options, Services services);
  ~Containers();
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  // Once, before the first request: reads the records, finds the monitors that run, applies what
  // happened meanwhile, removes what belongs to nobody, starts what its restart policy wants.
  void recover();
  // Once, after the last request: ends the threads; containers run on.
  void stop();

  // --- life; each throws Error{not_found} "No such container: x" ---
  struct Created {
    std::string id;
    std::vector<std::string> warnings;
  };
  // `body` as the client sent it; `name` may be empty, `platform` too.
  Created create(const nlohmann::json& body, const std::string& name, const std::string& platform);
  void start(const std::string& reference);
  // nullopt: the container's own, else Docker's ten seconds; negative: wait for ever. Error
  // {not_modified} if it does not run.
  void stop(const std::string& reference, std::optional<int64_t> seconds,
            const std::string& signal);
  void restart(const std::string& reference, std::optional<int64_t> seconds,
               const std::string& signal);
  void kill(const std::string& reference, const std::string& signal);
  void pause(const std::string& reference);
  void unpause(const std::string& reference);
  void rename(const std::string& reference, const std::string& name);
  void remove(const std::string& reference, bool force, bool volumes);
  // Changes limits and the restart policy; returns warnings.
  std::vector<std::string> update(const std::string& reference, const nlohmann::json& body);
  struct Pruned {
    std::vector<std::string> ids;
    uint64_t bytes = 0;
  };
  Pruned prune(const std::function<bool(const ContainerSnapshot&)>& wanted);

  // --- streams ---
  // An attach in two steps, so that a start that comes after the client saw the 101 finds it:
  // prepare_attach(), then the 101, then finish(). Destroyed without finish(), it is called off.
  class PendingAttach {
   public:
    ~PendingAttach();
    PendingAttach(const PendingAttach&) = delete;
    PendingAttach& operator=(const PendingAttach&) = delete;
    bool tty() const { return tty_; }
    const std::string& container_id() const { return container_->id; }
    void finish(sys::UniqueFd socket, runtime::AttachOptions options);

   private:
    friend class Containers;
    PendingAttach(Containers& containers, std::shared_ptr<Container> container);
    Containers& containers_;
    std::shared_ptr<Container> container_;
    bool tty_ = false;
    bool finished_ = false;
  };
  std::unique_ptr<PendingAttach> prepare_attach(const std::string& reference);
  void resize(const std::string& reference, uint16_t rows, uint16_t columns);
  // The steps of its start, as its monitor recorded them (runtime/timeline.h). Error{conflict} if it does not run.
  nlohmann::json timeline(const std::string& reference);
  ExitWait wait(const std::string& reference, WaitCondition condition);

  // --- files ---
  // The root directory as the container sees it. One that does not run is kept from starting until
  // the visit is over.
  void visit_root(const std::string& reference, const RootVisit& visit);
  // What it changed in its image's files: a layer's tar, without what the engine itself put there.
  // `pause`: nothing is written meanwhile.
  void pack_changes(const std::string& reference, bool pause,
                    const std::function<bool(std::string_view)>& sink);
  // The same as a list, by path.
  std::vector<FileChange> list_changes(const std::string& reference);

  // --- volumes ---
  Volumes& volumes() { return volumes_; }
  std::vector<std::string> users_of_volume(const std::string& name) const;  // ids of containers
  void remove_volume(const std::string& name);                              // see Volumes::remove

  // --- networks ---
  // `settings` is Docker's EndpointSettings, normalised. Error{forbidden} where it is connected
  // already, or cannot be.
  void connect_network(const std::string& reference, const Network& network,
                       const nlohmann::json& settings);
  // `force`: also where the container is gone.
  void disconnect_network(const std::string& reference, const Network& network, bool force);

  // --- looking ---
  ContainerSnapshot snapshot(const std::string& reference) const;
  std::vector<ContainerSnapshot> list() const;  // newest first
  std::shared_ptr<Container> get(const std::string& reference) const;
  // By name, id or prefix of an id.
  std::shared_ptr<Container> find(std::string_view reference) const {
    return index_.find(reference);
  }
  std::shared_ptr<Container> find_by_id(const std::string& id) const {
    return index_.find_by_id(id);
  }
  const Launcher& launcher() const { return launcher_; }
  Networks& networks() { return services_.networks; }
  image::ImageStore& images() { return services_.images; }
  // Which containers were made from an image, and the layers that any stands on.
  image::ImageUsers image_users() const;

  void publish(const ContainerRecord& record, const std::string& action,
               std::map<std::string, std::string> attributes = {});

  // Who keeps the execs wants to hear of their end, and of the end of their container.
  struct ExecHandlers {
    std::function<void(const std::string& exec_id, int exit_code)> exited;
    std::function<void(const std::string& container_id)> container_ended;
    std::function<void(const std::string& container_id)> container_removed;
    // Recovery: what the files of a running container say of its execs.
    std::function<void(const std::string& container_id, const runtime::ExecRecord&)> found;
  };
  void set_exec_handlers(ExecHandlers handlers) { exec_handlers_ = std::move(handlers); }

  // --- health ---
  // Called with the id of each container that starts, and of each that ended.
  struct RunHandlers {
    std::function<void(const std::string& container_id)> started;
    std::function<void(const std::string& container_id)> ended;
  };
  void set_run_handlers(RunHandlers handlers) { run_handlers_ = std::move(handlers); }
  // Of the run that began at `started_at`. Returns in how many nanoseconds the next check is due;
  // nullopt: that run is over.
  std::optional<int64_t> record_health(const std::string& id, sys::Timestamp started_at,
                                       HealthResult result);

 private:
  // containers.cc
  ContainerRecord plan(const nlohmann::json& body, const std::string& id,
                       const std::string& platform, std::vector<std::string>& warnings);
  std::string choose_name(const std::string& wanted, const std::string& id);
  std::string expect_joinable(const std::string& mode) const;
  std::string find_joinable(const std::string& mode) const;
  void expect_container(const std::string& reference) const;
  void save(Container& container);
  void save_soon(std::shared_ptr<Container> container);

  // containers_attach.cc
  std::shared_ptr<MonitorClient> expect_monitor(const std::shared_ptr<Container>& container);

  // containers_networks.cc
  void save_networking(const std::shared_ptr<Container>& container, ContainerRecord& record,
                       const nlohmann::json& networking);
  void plug_in(const ContainerSnapshot& now, const Network& network,
               const nlohmann::json& settings);
  void pull_out(const ContainerSnapshot& now, const Network& network);

  // containers_volumes.cc
  std::vector<Volumes::Hold> make_mounts(ContainerRecord& record);
  void fill_volumes(const ContainerRecord& record);
  struct SharedVolume {
    Volume volume;
    VolumeSource source;
  };
  std::optional<SharedVolume> find_shared(const MountPoint& mount) const;
  void mount_volumes(const ContainerRecord& record);
  void recover_volumes();
  void remove_anonymous_volumes(const ContainerRecord& record);
  void publish_volumes(const ContainerRecord& record, const std::string& action);

  // containers_start.cc
  void start_locked(const std::shared_ptr<Container>& container);
  static void expect_startable(Container& container, const std::string& reference);
  static void await_automatic_removal(Container& container);
  JoinedContainers join_containers(const ContainerRecord& record) const;
  void join_user_namespace(const ContainerRecord& record, const ContainerSnapshot& other,
                           JoinedContainers& joined) const;
  void link_containers(const ContainerRecord& record, JoinedContainers& joined) const;
  std::vector<ParkedAttach> take_parked(Container& container,
                                        const std::shared_ptr<MonitorClient>& client);
  void record_start(const std::shared_ptr<Container>& container, Launcher::Launched launched);
  void record_failure(const std::shared_ptr<Container>& container, const std::string& message,
                      int exit_code);

  // containers_stop.cc
  bool signal_process(const std::shared_ptr<Container>& container, int number);
  void stop_container(const std::shared_ptr<Container>& container, std::optional<int64_t> seconds,
                      const std::string& signal);
  void end_by_force(const std::shared_ptr<Container>& container);
  void thaw_if_paused(const std::shared_ptr<Container>& container);

  // containers_end.cc
  // Holds the container's `operation`; what was deferred meanwhile is done afterwards.
  class Operation {
   public:
    Operation(Containers& containers, std::shared_ptr<Container> container);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

   private:
    Containers& containers_;
    std::shared_ptr<Container> container_;
    std::unique_lock<std::mutex> lock_;
  };
  void defer(const std::shared_ptr<Container>& container, std::function<void()> job);
  void run_deferred(const std::shared_ptr<Container>& container);
  void on_event(const std::string& id, const MonitorEvent& event);
  void on_gone(const std::string& id, const MonitorClient* client);
  void on_exit(const std::shared_ptr<Container>& container, const runtime::ExitRecord& record);
  void settle_lost_monitor(const std::shared_ptr<Container>& container);
  void clean_up_soon(const std::shared_ptr<Container>& container);
  void watch_monitor(const std::shared_ptr<Container>& container,
                     std::shared_ptr<MonitorClient> client);
  void await_unmounted(Container& container);
  void clean_up_locked(Container& container);
  void remove_locked(const std::shared_ptr<Container>& container, bool volumes);
  void remove_automatically(const std::shared_ptr<Container>& container);
  void take_up(const std::string& id);
  void restart_now(const std::string& id);

  // containers_recovery.cc
  void recover_container(ContainerTable::Row row);
  void recover_run(const std::shared_ptr<Container>& container,
                   const std::optional<runtime::ContainerState>& started,
                   const std::optional<runtime::ExitRecord>& ended);
  bool is_paused(const Container& container) const;
  void adopt_running(const std::shared_ptr<Container>& container,
                     std::shared_ptr<MonitorClient> client);
  void finish_ended(const std::shared_ptr<Container>& container);
  void remove_orphans(const std::set<std::string>& known);
  void start_by_policy();

  Services services_;
  Launcher launcher_;
  Volumes volumes_;
  VolumeMounts volume_mounts_;
  ContainerTable table_;
  ContainerIndex index_;
  MachineLimits machine_;
  ExecHandlers exec_handlers_;
  RunHandlers run_handlers_;
  std::map<std::string, sys::Process> found_monitors_;  // during recover()
  // Last, so that their threads end before what they work on.
  WorkQueue recorder_;  // writes states into the database
  WorkQueue reaper_;    // cleans up behind runs, removes
  std::unique_ptr<Restarts> restarts_;
  std::unique_ptr<Monitors> monitors_;
};

}  // namespace ctr::daemon
