#include "cli/exit_wait.h"

#include <poll.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

namespace ctr::cli {

namespace {

constexpr size_t answer_limit = 1 << 20;

const char* condition_text(ExitWait::Condition condition) {
  switch (condition) {
    case ExitWait::Condition::not_running:
      return "not-running";
    case ExitWait::Condition::next_exit:
      return "next-exit";
    case ExitWait::Condition::removed:
      return "removed";
  }
  return "";
}

void wait_for_input(int socket) {
  pollfd poll{socket, POLLIN, 0};
  sys::check(sys::retry_on_signal([&] { return ::poll(&poll, 1, -1); }), "poll");
}

// Bytes that are there: empty if none are, nullopt at the end of the connection.
std::optional<std::string> receive_now(int socket) {
  char data[4096];
  ssize_t got =
      sys::retry_on_signal([&] { return ::recv(socket, data, sizeof data, MSG_DONTWAIT); });
  if (got > 0) return std::string(data, static_cast<size_t>(got));
  if (got < 0 && errno == EAGAIN) return std::string();
  return std::nullopt;
}

}  // namespace

ExitWait::ExitWait(Client& client, std::string container, Condition condition)
    : client_(client), container_(std::move(container)), condition_(condition) {
  send_request();
  while (!exit_code_ && !find_head_end(received_)) {
    wait_for_input(socket_.get());
    advance();
    // Nothing has happened yet that would have to be saved through a restart of the daemon.
    if (resumed_) throw ConnectionError("the connection to the daemon was lost; try again", true);
  }
}

void ExitWait::send_request() {
  received_.clear();
  std::string query = Query().add("condition", condition_text(condition_)).text();
  socket_ = client_.begin({.method = "POST",
                           .target = container_target(container_, "/wait" + query),
                           .body = {},
                           .headers = {}});
}

void ExitWait::advance() {
  if (exit_code_) return;
  try {
    if (!socket_) send_request();
  } catch (const ConnectionError& error) {
    if (!error.transient()) throw;
    return;
  }
  std::optional<std::string> data = receive_now(socket_.get());
  if (data) {
    received_ += *data;
    if (received_.size() > answer_limit)
      throw sys::Error(sys::ErrorKind::too_large, "the daemon's answer is too large");
    try_parse();
    return;
  }
  // The daemon went away. The container goes on; it may have ended by the time the next daemon
  // answers, so that "the next exit" could be one that never comes.
  socket_.reset();
  resumed_ = true;
  if (condition_ == Condition::next_exit) condition_ = Condition::not_running;
}

void ExitWait::try_parse() {
  std::optional<size_t> end = find_head_end(received_);
  // The head alone, as it comes while the container runs.
  if (!end || *end == received_.size()) return;
  ResponseHead head = parse_response_head(std::string_view(received_).substr(0, *end - 2));
  BodyReader reader(head, received_.substr(*end));
  std::string body;
  char data[1024];
  bool dry = false;
  auto source = [&dry](char*, size_t) -> size_t {
    dry = true;
    return 0;
  };
  try {
    while (size_t got = reader.read(data, sizeof data, source)) body.append(data, got);
  } catch (const sys::Error&) {
    // Only what has not come yet is missing: the next call sees more.
    if (!dry) throw;
  }
  // The object is whole before the last chunk says so; a daemon may hold that one back.
  nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (head.status >= 400 && (reader.complete() || parsed.is_object())) {
    std::string message = api_error_message(head.status, body);
    if (resumed_ && head.status == 404)
      message =
          "the container ended and was removed while the daemon was away; its exit code is "
          "not known";
    throw ApiError(head.status, message);
  }
  if (parsed.is_object()) finish(body);
}

void ExitWait::finish(const std::string& body) {
  nlohmann::json answer = parse_body(body);
  auto code = answer.find("StatusCode");
  if (code == answer.end() || !code->is_number_integer())
    throw sys::Error(sys::ErrorKind::unavailable, "the daemon's answer has no StatusCode");
  exit_code_ = code->get<int>();
  if (auto error = answer.find("Error"); error != answer.end() && error->is_object())
    if (auto message = error->find("Message"); message != error->end() && message->is_string())
      error_ = message->get<std::string>();
  socket_.reset();
}

}  // namespace ctr::cli
