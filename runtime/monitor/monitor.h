// The monitor of one container: launches it, holds its terminal, log and clients, and reports its
// end. It outlives the daemon; what it writes into its directory is the truth about the container.
// See monitor_protocol.h for the directory and the messages. runs in: ctr-monitor, one process a
// container, one thread.
#pragma once

#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "runtime/launch.h"
#include "runtime/monitor/assignment.h"
#include "runtime/monitor/name_sockets.h"
#include "runtime/monitor/session.h"
#include "runtime/monitor_protocol.h"
#include "runtime/spec.h"
#include "runtime/sys/socket.h"

namespace ctr::runtime {

class Monitor {
 public:
  // `connection` is the daemon that spawned us; `reader` may hold what it said already.
  Monitor(Assignment assignment, CgroupLayout layout, sys::UniqueFd connection,
          sys::MessageReader reader);
  ~Monitor();

  // Runs the container from its start to its end. Returns the exit status of the monitor itself.
  int run();

 private:
  struct Connection {
    sys::UniqueFd socket;
    sys::MessageReader reader;
    bool ended = false;
  };
  struct Exec {
    std::string id;
    sys::Process process;
    std::unique_ptr<Session> session;
    bool running = true;
    int exit_code = 0;
    bool held = false;  // has ended, and cannot be reaped yet: see look_at_held()
  };

  bool wait_for_start();
  void launch_container();
  void write_specification();
  void report_failure(const sys::Error& error, const std::string& stage, int exit_code);
  void serve();
  void wait_for_events(PollSet& set);
  void watch_connections(PollSet& set);
  void watch_execs(PollSet& set);
  void read_connection(Connection& connection);
  void accept_daemon();
  void handle(Connection& connection, sys::Message message);
  void dispatch(const nlohmann::json& request, sys::Message& message, nlohmann::json& reply,
                std::vector<int>& descriptors);
  void open_name_server(pid_t pid);
  std::vector<int> lend_name_sockets();
  void attach(const nlohmann::json& request, sys::Message& message);
  void start_exec(const nlohmann::json& request, sys::Message& message, nlohmann::json& reply);
  void end_exec(Exec& exec);
  bool holds_any() const;
  void look_at_held();
  void sweep_execs();
  void signal_container(int number);
  void resize(const nlohmann::json& request);
  void notice_oom();
  void look_for_oom_kill();
  void container_ended();
  void linger();
  bool end_streams();
  void write_file(const std::string& name, const std::string& content);
  void broadcast(const nlohmann::json& event);
  void send(Connection& connection, const nlohmann::json& message,
            const std::vector<int>& descriptors = {});

  Timeline timeline_;  // begins when the monitor knows whose it is
  std::string directory_;
  MonitorConfig config_;
  ContainerSpec spec_;
  std::string spec_text_;  // until it is written down
  CgroupLayout cgroup_layout_;
  std::optional<CompiledFilter> filter_;
  LogWriter log_;
  Session session_;
  std::list<Connection> connections_;
  sys::UniqueFd listener_;
  Cgroup cgroup_;
  sys::Process process_;
  // Held so that the kernel takes the container's mounts down when everybody has been told of its
  // end: it waits for RCU meanwhile, and a dying process cannot be waited for until that is over.
  sys::UniqueFd mount_namespace_;
  std::optional<NameSockets> name_sockets_;
  std::list<Exec> execs_;
  sys::UniqueFd oom_events_;
  uint64_t oom_kills_ = 0;
  int oom_looks_ = 0;  // how often to look for a kill that was announced and is not counted yet
  bool held_ = false;  // the container's first process, as Exec::held
  bool ended_ = false;
};

}  // namespace ctr::runtime
