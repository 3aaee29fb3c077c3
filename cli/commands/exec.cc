#include <CLI/App.hpp>

#include <thread>

#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/json_member.h"

namespace ctr::cli {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// How long the daemon may be away, or slow to see that a process ended.
constexpr auto patience = 60s;

struct Options {
  bool detach = false;
  bool interactive = false;
  bool tty = false;
  bool privileged = false;
  std::string user;
  std::string workdir;
  std::string detach_keys;
  std::vector<std::string> env;
  std::vector<std::string> env_files;
};

Streams streams_of(const Options& options) {
  if (options.detach) return {};
  return {.input = options.interactive, .output = true, .error = true};
}

json plan_exec(const Options& options, const std::vector<std::string>& command) {
  Streams streams = streams_of(options);
  json body = {
      {"Tty", options.tty},
      {"AttachStdin", streams.input},
      {"AttachStdout", streams.output},
      {"AttachStderr", streams.error},
      {"Privileged", options.privileged},
      {"Cmd", command},
      {"Env", collect_environment(options.env_files, options.env, process_surroundings())}};
  if (!options.user.empty()) body["User"] = options.user;
  if (!options.workdir.empty()) body["WorkingDir"] = options.workdir;
  if (!options.detach_keys.empty()) body["DetachKeys"] = options.detach_keys;
  return body;
}

// The exit code of an exec whose stream has ended; a restarting daemon is waited for.
int wait_for_exec(Client& client, const std::string& target) {
  auto start = std::chrono::steady_clock::now();
  for (auto pause = 1ms;; pause = std::min(pause * 2, std::chrono::milliseconds(200))) {
    bool late = std::chrono::steady_clock::now() - start > patience;
    try {
      json answer = client.get_json(target);
      int64_t code = int_member(answer, "ExitCode", -1);
      if (!bool_member(answer, "Running") && code >= 0) return static_cast<int>(code);
      if (late)
        throw sys::Error(
            sys::ErrorKind::unavailable,
            "the stream ended, but the process still runs; its exit code is not known");
    } catch (const ConnectionError& error) {
      if (!error.transient() || late) throw;
    }
    std::this_thread::sleep_for(pause);
  }
}

int exec_attached(Context& context, const Options& options, const std::string& id) {
  Client& client = context.client();
  std::string target = "/exec/" + percent_encode(id);
  Streams streams = streams_of(options);
  SessionOptions session;
  session.input = streams.input;
  session.tty = options.tty;
  session.resize_target = target + "/resize";
  session.detach_keys = options.detach_keys;
  SignalInbox signals(session);
  std::string body = fmt::format(R"({{"Detach":false,"Tty":{},"ConsoleSize":{}}})", options.tty,
                                 options.tty ? console_size_json() : "null");
  HijackedStream stream = client.hijack(target + "/start", body);
  Session::End end = Session(client, session, signals).run(std::move(stream), nullptr);
  if (end == Session::End::detached) {
    context.notice_line("read escape sequence");
    return 0;
  }
  client.set_answer_timeout(0ms);
  return wait_for_exec(client, target + "/json");
}

int exec(Context& context, const Options& options) {
  if (context.operands.size() < 2)
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("'{0}' needs a container and a command: {0} web ls -l", context.command));
  parse_detach_keys(options.detach_keys);
  require_terminal(streams_of(options), options.tty);
  std::vector<std::string> command(context.operands.begin() + 1, context.operands.end());
  json created = context.client().post_json(container_target(context.operands.front(), "/exec"),
                                            plan_exec(options, command));
  std::string id = string_member(created, "Id");
  if (id.empty()) throw sys::Error(sys::ErrorKind::unavailable, "the daemon's answer has no Id");
  if (!options.detach) return exec_attached(context, options, id);
  context.client().post_json("/exec/" + percent_encode(id) + "/start",
                             {{"Detach", true}, {"Tty", options.tty}});
  return 0;
}

int exec_and_map_errors(Context& context, const Options& options) {
  try {
    return exec(context, options);
  } catch (const ApiError& error) {
    // A shell expects to learn by the code that there is no such command.
    int code = start_failure_exit_code(error.what());
    context.report(error);
    return code == 125 ? 1 : code;
  }
}

}  // namespace

void add_exec(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand(name, "Run one more command in a running container");
  takes_operands(command, "CONTAINER COMMAND [ARG...]");
  command->add_flag("-d,--detach", options->detach, "Let it run in the background");
  command->add_flag("-i,--interactive", options->interactive, "Pass on standard input");
  command->add_flag("-t,--tty", options->tty, "Give it a terminal");
  command->add_option("-e,--env", options->env, "Set an environment variable")
      ->option_text("NAME=VALUE");
  command->add_option("--env-file", options->env_files, "Read environment variables from a file")
      ->option_text("FILE");
  command->add_option("-u,--user", options->user, "Run as this user (name or id, and group)")
      ->option_text("USER[:GROUP]");
  command->add_option("-w,--workdir", options->workdir, "Directory to run it in")
      ->option_text("DIRECTORY");
  command->add_flag("--privileged", options->privileged, "Give it all capabilities");
  command
      ->add_option("--detach-keys", options->detach_keys,
                   "Keys that leave the command running (ctrl-p,ctrl-q)")
      ->option_text("KEYS");
  command->callback(
      [&context, options] { context.exit_code = exec_and_map_errors(context, *options); });
}

}  // namespace ctr::cli
