#include "daemon/routes/exec.h"

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/logging.h"
#include "daemon/routes/stream_frame.h"
#include "daemon/routes/terminal_size.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

ExecSessions::Start read_start(const json& body) {
  JsonObject fields(body);
  ExecSessions::Start start{.detach = fields.boolean("Detach"), .tty = fields.boolean("Tty")};
  const json* size = fields.find("ConsoleSize");
  if (size == nullptr) return start;
  auto side = [&](size_t index) {
    const json& value = (*size)[index];
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > 65535)
      fields.fail("ConsoleSize", value, "[2]uint");
    return value.get<uint16_t>();
  };
  if (!size->is_array() || size->size() != 2) fields.fail("ConsoleSize", *size, "[2]uint");
  start.rows = side(0);
  start.columns = side(1);
  return start;
}

// The answer's head is sent, so that the stream is the place for it. As the monitor would say it.
void tell(int client, bool terminal, const sys::Error& error) {
  const std::string text = fmt::format(
      "OCI runtime exec failed: exec failed: unable to start container process: {}\n", error.what());
  try {
    sys::write_all(client, terminal ? text : frame(true, text), "the client");
  } catch (const sys::Error&) {
    // It has gone.
  }
}

void start(Exchange& exchange, ExecSessions& execs) {
  std::string id = exchange.parameter("id");
  ExecSessions::Start request = read_start(exchange.body_json());
  ExecSession session = execs.begin(id, request);
  if (request.detach) {
    try {
      execs.run(id, nullptr, "");
    } catch (const StartFailure& failure) {
      throw sys::Error(
          failure.kind() == sys::ErrorKind::internal ? sys::ErrorKind::internal
                                                     : sys::ErrorKind::invalid_argument,
          fmt::format("OCI runtime exec failed: exec failed: unable to start container "
                      "process: {}",
                      failure.what()));
    }
    return exchange.respond_empty(200);
  }
  HijackedConnection connection;
  try {
    connection = exchange.hijack(!session.config.tty && exchange.version() >= ApiVersion{1, 42});
  } catch (...) {
    execs.abandon(id);
    throw;
  }
  try {
    execs.run(id, &connection.socket, connection.preread);
  } catch (const StartFailure& error) {
    // The monitor told the client.
    log_debug("exec could not be started", {{"exec", id}, {"error", error.what()}});
  } catch (const sys::Error& error) {
    // The container's end came first.
    tell(connection.socket.get(), session.config.tty, error);
    log_debug("exec could not be started", {{"exec", id}, {"error", error.what()}});
  }
}

}  // namespace

void add_exec_routes(Router& router, ExecSessions& execs) {
  router.add("POST", "/containers/{id}/exec", [&execs](Exchange& exchange) {
    std::string id = execs.create(exchange.parameter("id"), exchange.body_json());
    exchange.respond_json(201, {{"Id", id}});
  });
  router.add("POST", "/exec/{id}/start", [&execs](Exchange& exchange) { start(exchange, execs); });
  router.add("POST", "/exec/{id}/resize", [&execs](Exchange& exchange) {
    auto [rows, columns] = read_terminal_size(exchange);
    execs.resize(exchange.parameter("id"), rows, columns);
    exchange.respond_empty(200);
  });
  router.add("GET", "/exec/{id}/json", [&execs](Exchange& exchange) {
    exchange.respond_json(200, execs.inspect(exchange.parameter("id")));
  });
}

}  // namespace ctr::daemon
