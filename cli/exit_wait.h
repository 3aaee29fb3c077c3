// Waits for a container's exit code while other things go on, and through restarts of the daemon.
#pragma once

#include <optional>
#include <string>

#include "cli/client.h"

namespace ctr::cli {

class ExitWait {
 public:
  enum class Condition { not_running, next_exit, removed };

  // Sends the request and returns once the daemon has begun to wait (its header came), so that no
  // exit after this is missed. Throws ApiError, ConnectionError.
  ExitWait(Client& client, std::string container, Condition condition);

  // To poll(2) for POLLIN, then call advance(); -1 while the daemon is away: then call advance()
  // every now and then.
  int descriptor() const { return socket_.get(); }
  // Never blocks for long. Throws sys::Error if the answer is an error, or if the container is
  // gone.
  void advance();
  // Set once the container ended.
  const std::optional<int>& exit_code() const { return exit_code_; }
  const std::string& error() const { return error_; }  // why it never ran, in the daemon's words
  bool daemon_away() const { return !socket_; }

 private:
  void send_request();
  void try_parse();
  void finish(const std::string& body);

  Client& client_;
  std::string container_;
  Condition condition_;
  bool resumed_ = false;  // the daemon went away once
  sys::UniqueFd socket_;
  std::string received_;
  std::optional<int> exit_code_;
  std::string error_;
};

}  // namespace ctr::cli
