// Answers the containers of user-defined networks: the names of their neighbours itself, all others
// as the host's resolvers do. The sockets (127.0.0.11 port 53 inside each container) belong to the
// monitors, which lend them: while no daemon runs, questions wait in them. UDP is one thread's
// loop; a TCP connection is a short thread of its own. Owned by Engine. Runs in: ctrd.
//
// Nobody outside can ask: the sockets are bound to the loopback of a container's own namespace.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/dns/message.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon::dns {

// What is known of the one who asks and of a name.
struct Knowledge {
  std::optional<Answer> answer;        // nullopt: not ours to know
  bool may_ask_outside = true;         // false: all its networks are internal
  std::vector<std::string> resolvers;  // of the container (--dns); empty: the host's
};

class NameServer {
 public:
  // Called on the server's threads for each question.
  using Ask = std::function<Knowledge(const std::string& container_id, const Query& query)>;

  explicit NameServer(Ask ask);
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  // A container's sockets: `udp` bound, `tcp` listening. Those of an earlier run are closed.
  void add(const std::string& container_id, sys::UniqueFd udp, sys::UniqueFd tcp);
  void remove(const std::string& container_id);
  void stop();

 private:
  struct Subject;
  struct Forward;

  void run();
  void serve_udp(Subject& subject);
  void answer_udp(Subject& subject, const std::string& message, const std::string& client);
  void accept_tcp(Subject& subject);
  void forward(Subject& subject, const Query& query, const std::string& message,
               const std::string& client, std::vector<std::string> servers);
  bool try_next(Forward& forward);
  void take_answer(Forward& forward);
  void fail(Forward& forward);
  void expire();
  int next_wait() const;
  void take_changes();

  Ask ask_;
  sys::UniqueFd wake_;  // an eventfd
  std::mutex mutex_;    // of what follows
  std::map<std::string, std::shared_ptr<Subject>> wanted_;
  bool changed_ = false;
  bool stopping_ = false;
  // The thread's own.
  std::vector<std::shared_ptr<Subject>> subjects_;
  std::list<Forward> forwards_;
  std::shared_ptr<std::atomic<int>> connections_ = std::make_shared<std::atomic<int>>(0);
  std::thread thread_;
};

// Addresses of the "nameserver" lines of resolv.conf(5). Pure.
std::vector<std::string> parse_nameservers(const std::string& resolv_conf);

}  // namespace ctr::daemon::dns
