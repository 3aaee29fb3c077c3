#include <unistd.h>

#include <CLI/App.hpp>

#include "cli/attachment.h"
#include "cli/commands.h"

namespace ctr::cli {

namespace {

struct Options {
  std::string container;
  std::string detach_keys;
  bool no_stdin = false;
  bool sig_proxy = true;
};

void check_state(const ContainerFacts& facts) {
  auto refuse = [](const char* why) { throw sys::Error(sys::ErrorKind::conflict, why); };
  if (!facts.running)
    refuse("you cannot attach to a stopped container, start it first: 'ctr start -ai' does both");
  if (facts.paused) refuse("you cannot attach to a paused container, unpause it first");
  if (facts.restarting) refuse("you cannot attach to a restarting container, wait until it runs");
}

// A shell prints its prompt again only when its terminal changes: so it changes, before the session
// gives it its right size.
void provoke_redraw(Client& client, const ContainerFacts& facts) {
  std::optional<TerminalSize> size = find_terminal_size(STDOUT_FILENO);
  if (!facts.tty || !size) return;
  Query query = Query().add("h", int64_t{size->rows} + 1).add("w", int64_t{size->columns} + 1);
  try {
    client.post(container_target(facts.id, "/resize" + query.text()));
  } catch (const ApiError&) {
    // It may just have ended: the session shows that.
  }
}

int attach(Context& context, const Options& options) {
  Client& client = context.client();
  ContainerFacts facts = inspect_container(client, options.container);
  check_state(facts);
  Streams streams{.input = facts.open_stdin && !options.no_stdin, .output = true, .error = true};
  require_terminal(streams, facts.tty);
  SessionOptions session =
      container_session(facts.id, streams, facts.tty, options.sig_proxy, options.detach_keys);
  HijackedStream stream = client.hijack(attach_target(facts.id, streams, options.detach_keys));
  SignalInbox signals(session);
  ExitWait wait(client, facts.id, ExitWait::Condition::not_running);
  provoke_redraw(client, facts);
  Session::End end = Session(client, session, signals).run(std::move(stream), &wait);
  return session_exit_code(context, end, wait);
}

}  // namespace

void add_attach(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      parent.add_subcommand(name, "Connect this terminal to a running container's first process");
  command
      ->add_option("--detach-keys", options->detach_keys,
                   "Keys that leave the container running (ctrl-p,ctrl-q)")
      ->option_text("KEYS");
  command->add_flag("--no-stdin", options->no_stdin, "Do not pass on standard input");
  command->add_flag("--sig-proxy", options->sig_proxy,
                    "Pass signals on to the process, where it has no terminal (true)");
  command->add_option("CONTAINER", options->container)->required();
  command->callback([&context, options] { context.exit_code = attach(context, *options); });
}

}  // namespace ctr::cli
