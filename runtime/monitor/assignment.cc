#include "runtime/monitor/assignment.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/spec_json.h"
#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

using Json = nlohmann::json;

std::string expect_frame(int connection, sys::MessageReader& reader, const char* what) {
  std::optional<sys::Message> message = reader.receive(connection);
  if (!message)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("the daemon ended before it sent {}", what));
  return std::move(message->text);
}

}  // namespace

std::optional<Assignment> receive_assignment(int connection, sys::MessageReader& reader) {
  std::optional<sys::Message> message = reader.receive(connection);
  if (!message) return std::nullopt;
  Json begin = Json::parse(message->text, nullptr, false);
  if (!begin.is_object() || begin.value("type", "") != "begin")
    throw sys::Error(sys::ErrorKind::invalid_argument, "expected 'begin'");
  Assignment assignment;
  assignment.program = begin.value("program", "");
  assignment.directory = begin.value("directory", "");
  assignment.config = parse_monitor_config(expect_frame(connection, reader, "the configuration"));
  assignment.spec_text = expect_frame(connection, reader, "the specification");
  assignment.spec = parse_spec(assignment.spec_text);
  return assignment;
}

void set_command_line(int count, char** arguments, const std::string& program,
                      const std::string& argument) {
  char* begin = arguments[0];
  char* end = arguments[count - 1] + std::strlen(arguments[count - 1]) + 1;
  const std::string line = program + '\0' + argument + '\0';
  const auto room = static_cast<size_t>(end - begin);
  if (line.size() > room) return;
  // The kernel shows the bytes up to the last terminator that it gave us: it has to stay one.
  std::memset(begin, 0, room);
  std::memcpy(begin, line.data(), line.size());
}

}  // namespace ctr::runtime
