#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"

namespace ctr::cli {

void add_unpause(CLI::App& parent, Context& context, std::string name) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command = parent.add_subcommand(name, "Let the processes of paused containers go on");
  command->add_option("CONTAINER", *names)->required();
  command->callback([&context, names] {
    context.exit_code = for_each_operand(context, *names, [&](const std::string& container) {
      context.client().post(container_target(container, "/unpause"));
      context.out_line(container);
      context.flush();
    });
  });
}

}  // namespace ctr::cli
