#include "daemon/monitor_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds reply_patience{10'000};
// There are other ways than the monitor.
constexpr milliseconds signal_patience{3'000};
// An exec clones, joins and resolves users on a machine that may be busy.
constexpr milliseconds exec_patience{60'000};

sys::ErrorKind kind_of(const std::string& name) {
  using sys::ErrorKind;
  static constexpr std::array names{std::pair{"invalid_argument", ErrorKind::invalid_argument},
                                    std::pair{"not_found", ErrorKind::not_found},
                                    std::pair{"conflict", ErrorKind::conflict},
                                    std::pair{"forbidden", ErrorKind::forbidden}};
  for (const auto& [text, kind] : names)
    if (name == text) return kind;
  return ErrorKind::internal;
}

json attach_json(const runtime::AttachOptions& options) {
  return json::parse(runtime::to_json(options));
}

}  // namespace

struct MonitorClient::Reply {
  json body;
  std::vector<sys::UniqueFd> descriptors;
};

MonitorClient::MonitorClient(sys::UniqueFd socket) : socket_(std::move(socket)) {
  // A monitor that is stopped must not stop our threads for ever.
  timeval patience{10, 0};
  sys::check(::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience),
             "setsockopt SO_SNDTIMEO");
}

void MonitorClient::send(const json& message, const std::vector<int>& descriptors) {
  std::lock_guard lock(send_mutex_);
  sys::send_message(socket_.get(), dump_json(message), descriptors);
}

void MonitorClient::send_begin(const std::string& program, const std::string& directory,
                               const std::string& config_json, const std::string& spec_json) {
  send({{"type", "begin"}, {"program", program}, {"directory", directory}}, {});
  std::lock_guard lock(send_mutex_);
  sys::send_message(socket_.get(), config_json);
  sys::send_message(socket_.get(), spec_json);
}

void MonitorClient::send_attach(const sys::UniqueFd& client,
                                const runtime::AttachOptions& options) {
  json message = attach_json(options);
  message["type"] = "attach";
  message["seq"] = 0;  // nobody waits for the reply
  send(message, {client.get()});
}

void MonitorClient::send_start() {
  send({{"type", "start"}}, {});
}

MonitorClient::Started MonitorClient::wait_until_started(milliseconds patience) {
  int64_t deadline = sys::monotonic_now() + patience.count() * 1'000'000;
  while (!started_ && !failure_) {
    int64_t left = (deadline - sys::monotonic_now()) / 1'000'000;
    pollfd item{socket_.get(), POLLIN, 0};
    int ready = left <= 0 ? 0
                          : sys::check(sys::retry_on_signal([&] {
                                         return ::poll(&item, 1, static_cast<int>(left));
                                       }),
                                       "poll");
    if (ready == 0)
      throw sys::Error(sys::ErrorKind::unavailable,
                       "the container's monitor did not start it in time");
    const bool more = read([this](const MonitorEvent& event) { pending_events_.push_back(event); });
    if (!more && !started_ && !failure_)
      throw sys::Error(sys::ErrorKind::internal, "the container's monitor ended before the start");
  }
  if (failure_) throw StartFailure(*failure_);
  return *started_;
}

bool MonitorClient::read(const EventHandler& handle_event) {
  bool more = reader_.read_some(socket_.get()) == sys::MessageReader::Progress::more;
  while (std::optional<sys::Message> message = reader_.take()) handle(std::move(*message), handle_event);
  return more;
}

void MonitorClient::handle(sys::Message received, const EventHandler& handle_event) {
  const std::string& text = received.text;
  json message = json::parse(text, nullptr, false);
  if (!message.is_object()) return;
  try {
    std::string type = message.value("type", "");
    if (type == "reply") {
      std::lock_guard lock(mutex_);
      auto waiting = replies_.find(message.value("seq", uint64_t{0}));
      if (waiting == replies_.end()) return;
      waiting->second = Received{text, std::move(received.descriptors)};
      replied_.notify_all();
    } else if (type == "started") {
      started_ = Started{message.at("pid").get<int>(), message.at("started_at").get<int64_t>()};
    } else if (type == "failed") {
      failure_ = std::make_unique<StartFailure>(kind_of(message.value("kind", "")),
                                                message.value("message", ""),
                                                message.value("exit_code", 125));
    } else if (type == "exited") {
      MonitorEvent event;
      event.exit = runtime::parse_exit_record(text);
      handle_event(event);
    } else if (type == "oom") {
      MonitorEvent event;
      event.kind = MonitorEvent::Kind::oom;
      handle_event(event);
    } else if (type == "exec_exited") {
      MonitorEvent event;
      event.kind = MonitorEvent::Kind::exec_exited;
      event.exec_id = message.at("exec_id").get<std::string>();
      event.exit_code = message.at("exit_code").get<int>();
      handle_event(event);
    }
    // Other types are a newer monitor's: what they tell is also in its files.
  } catch (const json::exception& error) {
    throw sys::Error(sys::ErrorKind::internal,
                     fmt::format("malformed message from a monitor: {}", error.what()));
  }
}

MonitorClient::Reply MonitorClient::request(json message, const std::vector<int>& descriptors,
                                            milliseconds patience) {
  uint64_t sequence = 0;
  {
    std::lock_guard lock(mutex_);
    if (gone_) throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
    sequence = next_sequence_++;
    replies_[sequence] = std::nullopt;
  }
  message["seq"] = sequence;
  try {
    send(message, descriptors);
  } catch (const sys::Error& error) {
    std::lock_guard lock(mutex_);
    replies_.erase(sequence);
    if (error.error_number() == EPIPE || error.error_number() == ECONNRESET)
      throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
    throw;
  }
  std::unique_lock lock(mutex_);
  bool answered =
      replied_.wait_for(lock, patience, [&] { return gone_ || replies_[sequence].has_value(); });
  std::optional<Received> received = std::move(replies_[sequence]);
  replies_.erase(sequence);
  if (received) return {json::parse(received->text), std::move(received->descriptors)};
  if (answered) throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
  throw sys::Error(sys::ErrorKind::unavailable, "the container's monitor does not answer");
}

namespace {

void expect_success(const json& reply) {
  if (reply.contains("error"))
    throw sys::Error(kind_of(reply.value("kind", "")), reply.value("error", ""));
}

}  // namespace

void MonitorClient::attach(const sys::UniqueFd& client, const runtime::AttachOptions& options) {
  json message = attach_json(options);
  message["type"] = "attach";
  expect_success(request(std::move(message), {client.get()}, reply_patience).body);
}

int MonitorClient::exec(const ExecRequest& wanted) {
  json message{{"type", "exec"},
               {"exec_id", wanted.exec_id},
               {"process", json::parse(wanted.process_json)},
               {"attach", nullptr}};
  std::vector<int> descriptors;
  if (wanted.client != nullptr) {
    message["attach"] = attach_json(wanted.attach);
    descriptors.push_back(wanted.client->get());
  }
  json reply = request(std::move(message), descriptors, exec_patience).body;
  if (reply.contains("error"))
    throw StartFailure(kind_of(reply.value("kind", "")), reply.value("error", ""),
                       std::max(reply.value("exit_code", 126), 126));  // 125 is a run's
  return reply.value("pid", 0);
}

void MonitorClient::resize(const std::string& exec_id, uint16_t rows, uint16_t columns) {
  expect_success(
      request({{"type", "resize"}, {"exec_id", exec_id}, {"rows", rows}, {"columns", columns}}, {},
              reply_patience)
          .body);
}

std::pair<sys::UniqueFd, sys::UniqueFd> MonitorClient::name_sockets() {
  Reply reply = request({{"type", "name_sockets"}}, {}, reply_patience);
  expect_success(reply.body);
  if (reply.descriptors.size() != 2)
    throw sys::Error(sys::ErrorKind::internal, "the monitor sent no name sockets");
  return {std::move(reply.descriptors[0]), std::move(reply.descriptors[1])};
}

void MonitorClient::signal(int number) {
  expect_success(request({{"type", "signal"}, {"signal", number}}, {}, signal_patience).body);
}

json MonitorClient::timeline() {
  json reply = request({{"type", "timeline"}}, {}, reply_patience).body;
  expect_success(reply);
  return std::move(reply["timeline"]);
}

void MonitorClient::synchronize() noexcept {
  try {
    // Whatever the answer: it comes behind what was said before.
    request({{"type", "ping"}}, {}, milliseconds(2'000));
  } catch (const std::exception&) {
    // Gone or stuck: then nothing more will be known.
  }
}

void MonitorClient::fail_requests() {
  std::lock_guard lock(mutex_);
  gone_ = true;
  replied_.notify_all();
}

std::shared_ptr<MonitorClient> find_monitor(const std::string& directory) {
  try {
    return std::make_shared<MonitorClient>(sys::connect_unix(directory + "/control.sock"));
  } catch (const sys::Error& error) {
    // No socket, or nobody behind it: the monitor is gone.
    if (error.error_number() == ENOENT || error.error_number() == ECONNREFUSED) return nullptr;
    throw;
  }
}

}  // namespace ctr::daemon
