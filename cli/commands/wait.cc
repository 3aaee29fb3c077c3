#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit_wait.h"
#include "cli/session.h"

namespace ctr::cli {

void add_wait(CLI::App& parent, Context& context, std::string name) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      parent.add_subcommand(name, "Wait until containers end, then print their exit codes");
  command->add_option("CONTAINER", *names)->required();
  command->callback([&context, names] {
    context.exit_code = for_each_operand(context, *names, [&](const std::string& container) {
      // The same loop as for run: it outlives restarts of the daemon.
      SessionOptions options;
      SignalInbox signals(options);
      ExitWait wait(context.client(), container, ExitWait::Condition::not_running);
      Session(context.client(), options, signals).run(std::nullopt, &wait);
      context.out_line(std::to_string(*wait.exit_code()));
      context.flush();
    });
  });
}

}  // namespace ctr::cli
