// Further processes in running containers: POST /containers/{id}/exec and what follows. In memory
// only; what a daemon must know of execs that outlive it, their monitors wrote down. Owned by
// ctrd's main, beside Containers. Runs in: ctrd. Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/containers.h"

namespace ctr::daemon {

// A value: one exec as inspect tells it.
struct ExecSession {
  std::string id;
  std::string container_id;
  ExecConfig config;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::string detach_keys;
  bool started = false;
  bool running = false;
  bool launching = false;  // whether it comes to run is not known yet
  std::optional<int> exit_code;
  int pid = 0;
  int64_t ended = 0;  // monotonic
};

class ExecSessions {
 public:
  // Takes the container's exec events.
  explicit ExecSessions(Containers& containers);

  // Error{conflict} unless the container runs; Error{invalid_argument} for a body that is no exec.
  std::string create(const std::string& container, const nlohmann::json& body);
  // Error{not_found} "No such exec instance: x".
  ExecSession get(const std::string& id) const;
  std::vector<std::string> ids_of(const std::string& container_id) const;

  struct Start {
    bool detach = false;
    bool tty = false;
    uint16_t rows = 0;
    uint16_t columns = 0;
  };
  // Claims the exec: nobody else can start it. Error{conflict} if it was started before or its
  // container does not run. Returns what the client's stream will be like.
  ExecSession begin(const std::string& id, const Start& start);
  // Runs what was begun; without a client it is detached. Throws StartFailure: a client has then
  // been told on its stream already.
  enum class Output { as_terminal_says, raw };  // raw: without frames, with or without a terminal
  void run(const std::string& id, const sys::UniqueFd* client, const std::string& preread,
           Output output = Output::as_terminal_says);
  // Of what was begun and will not be run: its client has gone.
  void abandon(const std::string& id);
  // SIGKILL to its process, if it runs.
  void kill(const std::string& id);
  void resize(const std::string& id, uint16_t rows, uint16_t columns);

  // As POST /exec/{id}/json's answer. Waits until what the monitor has said so far is known.
  nlohmann::json inspect(const std::string& id);

 private:
  std::shared_ptr<MonitorClient> expect_running(const std::string& container_id) const;
  void set_ended(const std::string& id, int exit_code, bool publish);
  void end_all(const std::string& container_id);
  void forget(const std::string& container_id);
  void adopt(const std::string& container_id, const runtime::ExecRecord& record);
  void forget_old();

  void settle(const std::string& id);
  void wait_until_settled(const std::string& id);

  Containers& containers_;
  mutable std::mutex mutex_;
  std::condition_variable settled_;  // a session is not launching any more
  std::map<std::string, ExecSession> sessions_;
};

}  // namespace ctr::daemon
