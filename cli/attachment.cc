#include "cli/attachment.h"

#include <unistd.h>

#include "cli/json_member.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

bool flag(const json& object, const char* part, const char* name) {
  return bool_member(object_member(object, part), name);
}

}  // namespace

ContainerFacts inspect_container(Client& client, const std::string& name) {
  json answer = client.get_json(container_target(name, "/json"));
  ContainerFacts facts;
  facts.id = string_member(answer, "Id");
  if (facts.id.empty())
    throw sys::Error(sys::ErrorKind::unavailable, "the daemon's answer has no Id");
  facts.tty = flag(answer, "Config", "Tty");
  facts.open_stdin = flag(answer, "Config", "OpenStdin");
  facts.running = flag(answer, "State", "Running");
  facts.paused = flag(answer, "State", "Paused");
  facts.restarting = flag(answer, "State", "Restarting");
  facts.auto_remove = flag(answer, "HostConfig", "AutoRemove");
  return facts;
}

std::string attach_target(std::string_view id, const Streams& streams,
                          const std::string& detach_keys) {
  parse_detach_keys(detach_keys);
  Query query;
  query.add("stream", true);
  if (streams.input) query.add("stdin", true);
  if (streams.output) query.add("stdout", true);
  if (streams.error) query.add("stderr", true);
  if (!detach_keys.empty()) query.add("detachKeys", detach_keys);
  return container_target(id, "/attach" + query.text());
}

void require_terminal(const Streams& streams, bool tty) {
  if (streams.input && tty && !is_terminal(STDIN_FILENO))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "the input device is not a TTY: -t together with -i needs a terminal; leave "
                     "out -t where input comes from a file or a pipe");
}

SessionOptions container_session(const std::string& id, const Streams& streams, bool tty,
                                 bool pass_signals, const std::string& detach_keys) {
  SessionOptions options;
  options.input = streams.input;
  options.tty = tty;
  options.pass_signals = pass_signals;
  options.resize_target = container_target(id, "/resize");
  options.kill_target = container_target(id, "/kill");
  options.detach_keys = detach_keys;
  return options;
}

int session_exit_code(Context& context, Session::End end, const ExitWait& wait) {
  if (end == Session::End::detached) {
    context.notice_line("read escape sequence");
    return 0;
  }
  if (!wait.error().empty()) {
    context.error_line(wait.error());
    return *wait.exit_code() == 0 ? 125 : *wait.exit_code();
  }
  return *wait.exit_code();
}

int start_failure_exit_code(std::string_view message) {
  auto says = [message](std::string_view part) {
    return message.find(part) != std::string_view::npos;
  };
  if (says("executable file not found") || says("no such file or directory")) return 127;
  if (says("permission denied") || says("is a directory") || says("exec format error")) return 126;
  return 125;
}

std::string console_size_json() {
  std::optional<TerminalSize> size = find_terminal_size(STDOUT_FILENO);
  if (!size) return "null";
  return fmt::format("[{},{}]", size->rows, size->columns);
}

}  // namespace ctr::cli
