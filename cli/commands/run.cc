#include <poll.h>

#include <CLI/App.hpp>

#include <chrono>

#include "cli/attachment.h"
#include "cli/commands.h"
#include "cli/container_creation.h"

namespace ctr::cli {

namespace {

using namespace std::chrono_literals;

// How long the removal of a container that could not be started is waited for (--rm).
constexpr auto removal_patience = 10s;

struct RunOptions {
  ContainerOptions container;
  bool detach = false;
  bool sig_proxy = true;
  std::string detach_keys;
};

// The container could not be started: says why, once it is gone if it shall not stay.
int report_failed_start(Context& context, ExitWait* wait, bool remove, const ApiError& error) {
  context.report(error);
  auto start = std::chrono::steady_clock::now();
  try {
    while (wait && remove && !wait->exit_code() && !wait->daemon_away() &&
           std::chrono::steady_clock::now() - start < removal_patience) {
      pollfd poll{wait->descriptor(), POLLIN, 0};
      ::poll(&poll, 1, 100);
      wait->advance();
    }
  } catch (const sys::Error&) {
    // It is gone already.
  }
  return start_failure_exit_code(error.what());
}

int run_attached(Context& context, const RunOptions& options, const CreatePlan& plan,
                 const std::string& id) {
  Client& client = context.client();
  bool remove = options.container.remove;
  SessionOptions session = container_session(id, plan.streams, options.container.tty,
                                             options.sig_proxy, options.detach_keys);
  HijackedStream stream = client.hijack(attach_target(id, plan.streams, options.detach_keys));
  ExitWait wait(client, id, remove ? ExitWait::Condition::removed : ExitWait::Condition::next_exit);
  // From here on signals are the container's.
  SignalInbox signals(session);
  try {
    client.post(container_target(id, "/start"));
  } catch (const ApiError& error) {
    return report_failed_start(context, &wait, remove, error);
  }
  Session::End end = Session(client, session, signals).run(std::move(stream), &wait);
  return session_exit_code(context, end, wait);
}

int run_detached(Context& context, const std::string& id) {
  try {
    context.client().post(container_target(id, "/start"));
  } catch (const ApiError& error) {
    return report_failed_start(context, nullptr, false, error);
  }
  context.out_line(id);
  return 0;
}

int run(Context& context, const RunOptions& options) {
  context.failure_exit_code = 125;
  CreatePlan plan = plan_from_command_line(context, options.container, options.detach);
  parse_detach_keys(options.detach_keys);
  require_terminal(plan.streams, options.container.tty);
  std::string id = create_container(context, options.container, plan);
  return options.detach ? run_detached(context, id) : run_attached(context, options, plan, id);
}

}  // namespace

void add_run(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = parent.add_subcommand(name, "Make a container from an image and start it");
  command->add_flag("-d,--detach", options->detach, "Let it run in the background, print its id");
  declare_creation(command, options->container);
  command->add_flag("--sig-proxy", options->sig_proxy,
                    "Pass signals on to the process, where it has no terminal (true)");
  command
      ->add_option("--detach-keys", options->detach_keys,
                   "Keys that leave the container running (ctrl-p,ctrl-q)")
      ->option_text("KEYS");
  command->callback([&context, options] { context.exit_code = run(context, *options); });
}

}  // namespace ctr::cli
