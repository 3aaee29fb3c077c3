#include <CLI/App.hpp>

#include "cli/attachment.h"
#include "cli/commands.h"

namespace ctr::cli {

namespace {

struct Options {
  std::vector<std::string> names;
  std::string detach_keys;
  std::string checkpoint;
  bool attach = false;
  bool interactive = false;
  bool sig_proxy = true;
};

int start_attached(Context& context, const Options& options) {
  Client& client = context.client();
  ContainerFacts facts = inspect_container(client, options.names.front());
  Streams streams{.input = options.interactive && facts.open_stdin, .output = true, .error = true};
  require_terminal(streams, facts.tty);
  SessionOptions session =
      container_session(facts.id, streams, facts.tty, options.sig_proxy, options.detach_keys);
  HijackedStream stream = client.hijack(attach_target(facts.id, streams, options.detach_keys));
  // It may run already: then the exit is the next one all the same.
  ExitWait wait(client, facts.id,
                facts.auto_remove ? ExitWait::Condition::removed : ExitWait::Condition::next_exit);
  SignalInbox signals(session);
  client.post(container_target(facts.id, "/start"));
  Session::End end = Session(client, session, signals).run(std::move(stream), &wait);
  return session_exit_code(context, end, wait);
}

int start_all(Context& context, const Options& options) {
  return for_each_operand(context, options.names, [&](const std::string& name) {
    context.client().post(container_target(name, "/start"));
    context.out_line(name);
    context.flush();
  });
}

int start(Context& context, const Options& options) {
  if (!options.checkpoint.empty())
    throw sys::Error(sys::ErrorKind::unsupported, "--checkpoint is not supported: ctr keeps none");
  if (!options.attach && !options.interactive) return start_all(context, options);
  if (options.names.size() > 1)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "you cannot start and attach multiple containers at once");
  return start_attached(context, options);
}

}  // namespace

void add_start(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand(name, "Start containers that were created or ended");
  command->add_flag("-a,--attach", options->attach, "Show its output and pass signals on");
  command->add_flag("-i,--interactive", options->interactive, "Pass on standard input");
  command
      ->add_option("--detach-keys", options->detach_keys,
                   "Keys that leave the container running (ctrl-p,ctrl-q)")
      ->option_text("KEYS");
  command->add_flag("--sig-proxy", options->sig_proxy)->group("");
  command->add_option("--checkpoint", options->checkpoint)->group("");
  command->add_option("CONTAINER", options->names)->required();
  command->callback([&context, options] { context.exit_code = start(context, *options); });
}

}  // namespace ctr::cli
