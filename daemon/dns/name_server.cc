#include "daemon/dns/name_server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "daemon/dns/upstream.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon::dns {

namespace {

constexpr int64_t server_patience = 2'000'000'000;  // nanoseconds, for each resolver
constexpr size_t forward_limit = 1024;              // questions that wait for resolvers
constexpr int connection_limit = 32;                // TCP connections
constexpr int datagrams_at_once = 64;               // of one container, before the others' turn
constexpr size_t servers_limit = 3;                 // as resolv.conf(5) has it

std::vector<std::string> host_servers() {
  std::vector<std::string> servers =
      parse_nameservers(sys::find_file("/etc/resolv.conf", 1 << 20).value_or(""));
  if (servers.size() > servers_limit) servers.resize(servers_limit);
  return servers;
}

uint16_t random_id() {
  return static_cast<uint16_t>(std::stoul(sys::random_hex(2), nullptr, 16));
}

}  // namespace

// A container with its sockets.
struct NameServer::Subject {
  std::string container_id;
  sys::UniqueFd udp;
  sys::UniqueFd tcp;
};

// A question that was passed on.
struct NameServer::Forward {
  std::shared_ptr<Subject> subject;
  Query query;
  std::string message;  // as it goes out, under an id of ours
  std::string client;   // sockaddr of who asked
  std::vector<std::string> servers;
  sys::UniqueFd socket;
  int64_t deadline = 0;  // monotonic
  bool done = false;
};

std::vector<std::string> parse_nameservers(const std::string& resolv_conf) {
  std::vector<std::string> servers;
  std::istringstream lines(resolv_conf);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, server;
    if (words >> word >> server && word == "nameserver") servers.push_back(server);
  }
  return servers;
}

NameServer::NameServer(Ask ask)
    : ask_(std::move(ask)),
      wake_(sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "dns");
}

NameServer::~NameServer() {
  stop();
}

void NameServer::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  // Connections hold what they need themselves, but not ask_.
  while (*connections_ > 0) ::usleep(10'000);
}

void NameServer::add(const std::string& container_id, sys::UniqueFd udp, sys::UniqueFd tcp) {
  sys::set_nonblocking(udp.get(), true);
  sys::set_nonblocking(tcp.get(), true);
  {
    std::lock_guard lock(mutex_);
    wanted_[container_id] =
        std::make_shared<Subject>(Subject{container_id, std::move(udp), std::move(tcp)});
    changed_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
}

void NameServer::remove(const std::string& container_id) {
  {
    std::lock_guard lock(mutex_);
    if (wanted_.erase(container_id) == 0) return;
    changed_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
}

void NameServer::take_changes() {
  std::lock_guard lock(mutex_);
  if (!std::exchange(changed_, false)) return;
  subjects_.clear();
  for (const auto& [id, subject] : wanted_) subjects_.push_back(subject);
}

int NameServer::next_wait() const {
  int64_t next = INT64_MAX;
  for (const Forward& forward : forwards_) next = std::min(next, forward.deadline);
  if (next == INT64_MAX) return -1;
  return static_cast<int>(
      std::clamp<int64_t>((next - sys::monotonic_now()) / 1'000'000 + 1, 0, 60'000));
}

void NameServer::run() {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    take_changes();
    std::vector<pollfd> items{{wake_.get(), POLLIN, 0}};
    for (const auto& subject : subjects_) {
      items.push_back({subject->udp.get(), POLLIN, 0});
      items.push_back({subject->tcp.get(), POLLIN, 0});
    }
    const size_t first_forward = items.size();
    std::vector<Forward*> waiting;
    for (Forward& forward : forwards_) {
      items.push_back({forward.socket.get(), POLLIN, 0});
      waiting.push_back(&forward);
    }
    if (::poll(items.data(), items.size(), next_wait()) < 0) continue;
    eventfd_t count = 0;
    if (items[0].revents != 0) (void)::eventfd_read(wake_.get(), &count);
    try {
      for (size_t i = 0; i < subjects_.size(); ++i) {
        if (items[1 + 2 * i].revents != 0) serve_udp(*subjects_[i]);
        if (items[2 + 2 * i].revents != 0) accept_tcp(*subjects_[i]);
      }
      for (size_t i = 0; i < waiting.size(); ++i)
        if (items[first_forward + i].revents != 0) take_answer(*waiting[i]);
      expire();
    } catch (const std::exception& error) {
      log_error("name server", {{"error", error.what()}});
    }
  }
}

void NameServer::serve_udp(Subject& subject) {
  std::string buffer(message_limit, '\0');
  for (int i = 0; i < datagrams_at_once; ++i) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    ssize_t size = ::recvfrom(subject.udp.get(), buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return;
    answer_udp(subject, buffer.substr(0, static_cast<size_t>(size)),
               std::string(reinterpret_cast<const char*>(&from), length));
  }
}

namespace {

void send_to(int socket, const std::string& message, const std::string& client) {
  (void)::sendto(socket, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(client.data()),
                 static_cast<socklen_t>(client.size()));
}

std::string failure(const Query& query, Rcode rcode) {
  return make_answer(query, {.rcode = rcode}, plain_udp_limit);
}

std::vector<std::string> servers_for(const Knowledge& knowledge) {
  if (!knowledge.may_ask_outside) return {};
  return knowledge.resolvers.empty() ? host_servers() : knowledge.resolvers;
}

}  // namespace

void NameServer::answer_udp(Subject& subject, const std::string& message,
                            const std::string& client) {
  std::optional<ParsedQuery> parsed = parse_query(message);
  if (!parsed) return;
  const Query& query = parsed->query;
  if (parsed->problem != Rcode::no_error)
    return send_to(subject.udp.get(), failure(query, parsed->problem), client);
  Knowledge knowledge = ask_(subject.container_id, query);
  if (knowledge.answer)
    return send_to(subject.udp.get(), make_answer(query, *knowledge.answer, query.udp_limit),
                   client);
  forward(subject, query, message, client, servers_for(knowledge));
}

void NameServer::forward(Subject& subject, const Query& query, const std::string& message,
                         const std::string& client, std::vector<std::string> servers) {
  std::reverse(servers.begin(), servers.end());  // the next one is the last
  Forward waiting{.subject = nullptr,
                  .query = query,
                  .message = message,
                  .client = client,
                  .servers = std::move(servers),
                  .socket = {}};
  for (const auto& known : subjects_)
    if (known.get() == &subject) waiting.subject = known;
  if (forwards_.size() >= forward_limit || !try_next(waiting)) return fail(waiting);
  forwards_.push_back(std::move(waiting));
}

// Each resolver is asked from a port and under an id that nobody can guess.
bool NameServer::try_next(Forward& forward) {
  while (!forward.servers.empty()) {
    std::string server = std::move(forward.servers.back());
    forward.servers.pop_back();
    std::optional<sys::UniqueFd> socket = connect_udp(server);
    if (!socket) continue;
    set_message_id(forward.message, random_id());
    if (::send(socket->get(), forward.message.data(), forward.message.size(), MSG_NOSIGNAL) < 0)
      continue;
    forward.socket = std::move(*socket);
    forward.deadline = sys::monotonic_now() + server_patience;
    return true;
  }
  return false;
}

void NameServer::take_answer(Forward& forward) {
  std::string answer(message_limit, '\0');
  ssize_t size = ::recv(forward.socket.get(), answer.data(), answer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) {  // nobody is there: the next one may be
    if (!try_next(forward)) fail(forward);
    return;
  }
  answer.resize(static_cast<size_t>(size));
  const bool ours =
      message_id(answer) == message_id(forward.message) && answers_question(answer, forward.query);
  if (!ours) return;  // somebody guesses, or is late
  set_message_id(answer, forward.query.id);
  send_to(forward.subject->udp.get(), answer, forward.client);
  forward.done = true;
}

void NameServer::fail(Forward& forward) {
  if (forward.subject)
    send_to(forward.subject->udp.get(), failure(forward.query, Rcode::server_failure),
            forward.client);
  forward.done = true;
}

void NameServer::expire() {
  const int64_t now = sys::monotonic_now();
  for (Forward& forward : forwards_)
    if (!forward.done && now >= forward.deadline && !try_next(forward)) fail(forward);
  forwards_.remove_if([](const Forward& forward) { return forward.done; });
}

namespace {

std::string answer_tcp(const NameServer::Ask& ask, const std::string& container_id,
                       const std::string& message) {
  std::optional<ParsedQuery> parsed = parse_query(message);
  if (!parsed) return "";
  const Query& query = parsed->query;
  if (parsed->problem != Rcode::no_error) return failure(query, parsed->problem);
  Knowledge knowledge = ask(container_id, query);
  if (knowledge.answer) return make_answer(query, *knowledge.answer, message_limit);
  std::string outgoing = message;
  set_message_id(outgoing, random_id());
  for (const std::string& server : servers_for(knowledge)) {
    std::optional<std::string> answer = exchange_tcp(server, outgoing);
    if (!answer || message_id(*answer) != message_id(outgoing) || !answers_question(*answer, query))
      continue;
    set_message_id(*answer, query.id);
    return *answer;
  }
  return failure(query, Rcode::server_failure);
}

void serve_connection(const sys::UniqueFd& socket, const NameServer::Ask& ask,
                      const std::string& container_id) {
  const timeval patience{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  while (std::optional<std::string> message = read_tcp_message(socket.get())) {
    std::string answer = answer_tcp(ask, container_id, *message);
    if (answer.empty() || !write_tcp_message(socket.get(), answer)) return;
  }
}

}  // namespace

void NameServer::accept_tcp(Subject& subject) {
  sys::UniqueFd socket(::accept4(subject.tcp.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  if (*connections_ >= connection_limit) return;  // closed: the client tries again
  ++*connections_;
  std::thread([socket = std::move(socket), ask = ask_, id = subject.container_id,
               count = connections_] {
    try {
      serve_connection(socket, ask, id);
    } catch (const std::exception& error) {
      log_warn("name server", {{"container", id}, {"error", error.what()}});
    }
    --*count;
  }).detach();
}

}  // namespace ctr::daemon::dns
