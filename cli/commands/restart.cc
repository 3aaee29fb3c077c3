#include <CLI/App.hpp>

#include "cli/commands.h"
#include "cli/commands/stopping.h"

namespace ctr::cli {

void add_restart(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<StopOptions>();
  CLI::App* command = parent.add_subcommand(name, "Stop containers and start them again");
  add_stop_options(command, *options);
  command->callback([&context, options] {
    context.exit_code = for_each_operand(context, options->names, [&](const std::string& each) {
      context.client().post(container_target(each, "/restart" + stop_query(*options)));
      context.out_line(each);
      context.flush();
    });
  });
}

}  // namespace ctr::cli
