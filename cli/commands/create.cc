#include <CLI/App.hpp>

#include "cli/commands.h"
#include "cli/container_creation.h"

namespace ctr::cli {

void add_create(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<ContainerOptions>();
  CLI::App* command = parent.add_subcommand(name, "Make a container without starting it");
  declare_creation(command, *options);
  command->callback([&context, options] {
    CreatePlan plan = plan_from_command_line(context, *options, false);
    context.out_line(create_container(context, *options, plan));
  });
}

}  // namespace ctr::cli
