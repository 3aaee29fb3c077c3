#include <CLI/App.hpp>

#include "cli/commands.h"
#include "cli/commands/stopping.h"

namespace ctr::cli {

void add_stop(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<StopOptions>();
  CLI::App* command = parent.add_subcommand(
      name, "Ask containers to end (SIGTERM), and end them after a while (SIGKILL)");
  add_stop_options(command, *options);
  command->callback([&context, options] {
    context.exit_code = for_each_operand(context, options->names, [&](const std::string& each) {
      context.client().post(container_target(each, "/stop" + stop_query(*options)));
      context.out_line(each);
      context.flush();
    });
  });
}

}  // namespace ctr::cli
