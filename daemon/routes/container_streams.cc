// attach, logs, wait, resize.
#include <poll.h>
#include <sys/socket.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/query_time.h"
#include "daemon/log_reader.h"
#include "daemon/routes/containers.h"
#include "daemon/routes/stream_frame.h"
#include "daemon/routes/terminal_size.h"
#include "daemon/websocket.h"
#include "daemon/websocket_relay.h"
#include "runtime/sys/error.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr std::string_view raw_type = "application/vnd.docker.raw-stream";
constexpr std::string_view framed_type = "application/vnd.docker.multiplexed-stream";

std::optional<uint64_t> read_tail(const Exchange& exchange) {
  std::string text = exchange.query("tail").value_or("");
  if (text.empty() || text == "all") return std::nullopt;
  uint64_t lines = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), lines);
  // Docker takes what is no number, and negative ones, for all.
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return lines;
}

LogSelection read_selection(const Exchange& exchange) {
  LogSelection selection{.stdout_stream = exchange.query_bool("stdout"),
                         .stderr_stream = exchange.query_bool("stderr"),
                         .tail = read_tail(exchange),
                         .since = parse_query_time("since", exchange.query("since").value_or("")),
                         .until = parse_query_time("until", exchange.query("until").value_or(""))};
  if (!selection.stdout_stream && !selection.stderr_stream)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "Bad parameters: you must choose at least one stream");
  return selection;
}

void stream_logs(Exchange& exchange, Containers& containers) {
  std::shared_ptr<Container> container = containers.get(exchange.parameter("id"));
  LogSelection selection = read_selection(exchange);
  ContainerSnapshot now = containers.snapshot(container->id);
  if (now.record.host.log_type == "none")
    throw sys::Error(sys::ErrorKind::unsupported,
                     "configured logging driver does not support reading");
  bool follow = exchange.query_bool("follow");
  bool timestamps = exchange.query_bool("timestamps");
  bool details = exchange.query_bool("details");
  bool framed = !now.record.config.tty;
  std::string path = containers.launcher().log_path(container->id);
  ContainerWatch watch(*container);
  auto stream = exchange.respond_stream(
      200, framed && exchange.version() >= ApiVersion{1, 42} ? framed_type : raw_type);
  LogSink sink = [&](const LogRecord& record) {
    std::string text = log_record_prefix(record, timestamps, details) + record.text;
    return stream->write(framed ? frame(record.is_stderr, text) : text);
  };
  if (!follow) return read_log(path, selection, sink);
  LogFollow following;
  following.writer_ended = [&] {
    watch.drain();
    std::lock_guard lock(container->mutex);
    return container->removed || !container->live.state.running();
  };
  following.wake_on = {{stream->descriptor(), POLLRDHUP, 0}, {watch.descriptor(), POLLIN, 0}};
  follow_log(path, selection, following, sink, [&] { return !stream->client_gone(); });
}

// attach?logs=1: what was printed before, in the form of what follows.
void replay_log(const sys::UniqueFd& socket, const std::string& path,
                const runtime::AttachOptions& options) {
  LogSelection selection{.stdout_stream = options.stdout_stream,
                         .stderr_stream = options.stderr_stream};
  read_log(path, selection, [&](const LogRecord& record) {
    return send_all(socket.get(),
                    options.framed ? frame(record.is_stderr, record.text) : record.text);
  });
}

void attach(Exchange& exchange, Containers& containers) {
  std::string reference = exchange.parameter("id");
  runtime::AttachOptions options{.stdin_stream = exchange.query_bool("stdin"),
                                 .stdout_stream = exchange.query_bool("stdout"),
                                 .stderr_stream = exchange.query_bool("stderr"),
                                 .framed = true,
                                 .detach_keys = exchange.query("detachKeys").value_or(""),
                                 .preread = {}};
  bool logs = exchange.query_bool("logs");
  bool stream = exchange.query_bool("stream");
  std::unique_ptr<Containers::PendingAttach> pending = containers.prepare_attach(reference);
  options.framed = !pending->tty();
  std::string log = containers.launcher().log_path(pending->container_id());
  HijackedConnection connection =
      exchange.hijack(options.framed && exchange.version() >= ApiVersion{1, 42});
  options.preread = std::move(connection.preread);
  if (logs) replay_log(connection.socket, log, options);
  if (stream) pending->finish(std::move(connection.socket), std::move(options));
}

// Who asks for a websocket and does not speak it would wait for ever.
std::string expect_websocket(const Exchange& exchange) {
  const std::optional<std::string> key = exchange.header("Sec-WebSocket-Key");
  if (!key || exchange.header("Sec-WebSocket-Version").value_or("") != "13")
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "the request is no websocket handshake (of version 13)");
  return websocket_accept(*key);
}

// Never framed by stream, as Docker's: a browser's terminal shows one.
void attach_websocket(Exchange& exchange, Containers& containers) {
  const std::string accept = expect_websocket(exchange);
  runtime::AttachOptions options{.stdin_stream = exchange.query_bool("stdin"),
                                 .stdout_stream = exchange.query_bool("stdout"),
                                 .stderr_stream = exchange.query_bool("stderr"),
                                 .framed = false,
                                 .detach_keys = exchange.query("detachKeys").value_or(""),
                                 .preread = {}};
  std::unique_ptr<Containers::PendingAttach> pending =
      containers.prepare_attach(exchange.parameter("id"));
  const std::string log = containers.launcher().log_path(pending->container_id());
  auto [ours, theirs] = sys::socket_pair(SOCK_STREAM);
  HijackedConnection client = exchange.hijack_websocket(accept);
  if (exchange.query_bool("logs"))
    read_log(log, {.stdout_stream = options.stdout_stream, .stderr_stream = options.stderr_stream},
             [&](const LogRecord& record) {
               return send_all(client.socket.get(),
                               websocket_frame(WebSocketKind::binary, record.text));
             });
  if (exchange.query_bool("stream"))
    pending->finish(std::move(theirs), std::move(options));
  else
    theirs.reset();
  relay_websocket(std::move(client), std::move(ours));
}

WaitCondition read_condition(const Exchange& exchange) {
  std::string text = exchange.query("condition").value_or("");
  if (text.empty() || text == "not-running") return WaitCondition::not_running;
  if (text == "next-exit") return WaitCondition::next_exit;
  if (text == "removed") return WaitCondition::removed;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid condition: \"{}\"", text));
}

void wait(Exchange& exchange, Containers& containers) {
  ExitWait waiting = containers.wait(exchange.parameter("id"), read_condition(exchange));
  // The header at once: the client starts the container when it has seen it.
  auto stream = exchange.respond_stream(200, "application/json");
  while (true) {
    if (std::optional<WaitResult> result = waiting.poll()) {
      json error = result->error.empty() ? json(nullptr) : json{{"Message", result->error}};
      stream->write(dump_json({{"StatusCode", result->exit_code}, {"Error", error}}) + "\n");
      return;
    }
    if (stream->client_gone()) return;
    pollfd items[2] = {{waiting.descriptor(), POLLIN, 0}, {stream->descriptor(), POLLRDHUP, 0}};
    sys::check(sys::retry_on_signal([&] { return ::poll(items, 2, -1); }), "poll");
  }
}

void resize(Exchange& exchange, Containers& containers) {
  auto [rows, columns] = read_terminal_size(exchange);
  containers.resize(exchange.parameter("id"), rows, columns);
  exchange.respond_empty(200);
}

}  // namespace

void add_container_stream_routes(Router& router, Containers& containers) {
  auto add = [&](const char* method, const char* pattern, void (*handler)(Exchange&, Containers&)) {
    router.add(method, pattern,
               [&containers, handler](Exchange& exchange) { handler(exchange, containers); });
  };
  add("GET", "/containers/{id}/logs", stream_logs);
  add("POST", "/containers/{id}/attach", attach);
  add("GET", "/containers/{id}/attach/ws", attach_websocket);
  add("POST", "/containers/{id}/wait", wait);
  add("POST", "/containers/{id}/resize", resize);
}

}  // namespace ctr::daemon
