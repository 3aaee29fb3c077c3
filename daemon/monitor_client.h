// ctrd's end of a connection to one container's monitor (runtime/monitor_protocol.h). Until it is
// given to Monitors, the thread that starts the container reads it; from then on the watcher's
// thread does, and any thread may send requests. Runs in: ctrd. Thread-safe but for read() and
// wait_until_started().
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/monitor_protocol.h"
#include "runtime/sys/error.h"
#include "runtime/sys/process.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

// What a monitor tells by itself.
struct MonitorEvent {
  enum class Kind { exited, oom, exec_exited };
  Kind kind = Kind::exited;
  runtime::ExitRecord exit;  // exited
  std::string exec_id;       // exec_exited
  int exit_code = 0;         // exec_exited
};

// A process that never ran: with Docker's exit code for it, 126, 127, or 125 for our own fault.
class StartFailure : public sys::Error {
 public:
  StartFailure(sys::ErrorKind kind, const std::string& message, int exit_code)
      : Error(kind, message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

class MonitorClient {
 public:
  explicit MonitorClient(sys::UniqueFd socket);

  int descriptor() const { return socket_.get(); }

  // --- the start: one thread alone ---
  struct Started {
    int pid = 0;
    sys::Timestamp started_at = 0;
  };
  // Whose it is, before anything else.
  void send_begin(const std::string& program, const std::string& directory,
                  const std::string& config_json, const std::string& spec_json);
  void send_attach(const sys::UniqueFd& client, const runtime::AttachOptions& options);
  void send_start();
  // Throws StartFailure if the container could not be started, Error{unavailable} if the monitor
  // did not answer in time, Error{internal} if it died.
  Started wait_until_started(std::chrono::milliseconds patience);

  // --- requests; each waits for its reply. Error{conflict} once the monitor is gone,
  //     Error{unavailable} if it does not answer ---
  void attach(const sys::UniqueFd& client, const runtime::AttachOptions& options);
  struct ExecRequest {
    std::string exec_id;
    std::string process_json;
    const sys::UniqueFd* client = nullptr;  // null: detached
    runtime::AttachOptions attach;
  };
  int exec(const ExecRequest& request);  // the pid; throws StartFailure
  void resize(const std::string& exec_id, uint16_t rows, uint16_t columns);
  // The container's own name server's: bound by UDP, listening by TCP.
  std::pair<sys::UniqueFd, sys::UniqueFd> name_sockets();
  void signal(int number);
  // When each step of the start was done: timeline.h's array.
  nlohmann::json timeline();
  // Returns when everything that the monitor said up to now was read, or nobody answers.
  void synchronize() noexcept;

  // --- the watcher ---
  // Reads what is there (or waits for it); false at the end of the stream. Each event is handled before what came
  // behind it is looked at: whoever waits for a reply finds done what was said before.
  using EventHandler = std::function<void(const MonitorEvent&)>;
  bool read(const EventHandler& handle_event);
  // Events that came along with the answer to the start.
  std::vector<MonitorEvent> take_pending() { return std::move(pending_events_); }
  // No reply will come any more.
  void fail_requests();

 private:
  struct Reply;
  struct Received {
    std::string text;
    std::vector<sys::UniqueFd> descriptors;
  };

  Reply request(nlohmann::json message, const std::vector<int>& descriptors,
                std::chrono::milliseconds patience);
  void send(const nlohmann::json& message, const std::vector<int>& descriptors);
  void handle(sys::Message message, const EventHandler& handle_event);

  sys::UniqueFd socket_;
  sys::MessageReader reader_;
  std::optional<Started> started_;
  std::unique_ptr<StartFailure> failure_;
  std::vector<MonitorEvent> pending_events_;

  std::mutex send_mutex_;
  std::mutex mutex_;
  std::condition_variable replied_;
  uint64_t next_sequence_ = 1;
  std::map<uint64_t, std::optional<Received>> replies_;  // of requests that wait
  bool gone_ = false;
};

// The monitor of the container whose directory this is; nullopt if none listens there.
std::shared_ptr<MonitorClient> find_monitor(const std::string& directory);

}  // namespace ctr::daemon
