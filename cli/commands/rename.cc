#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"

namespace ctr::cli {

void add_rename(CLI::App& parent, Context& context, std::string name) {
  auto old_name = std::make_shared<std::string>();
  auto new_name = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand(name, "Give a container another name");
  command->add_option("CONTAINER", *old_name)->required();
  command->add_option("NEW_NAME", *new_name)->required();
  command->callback([&context, old_name, new_name] {
    if (new_name->empty())
      throw sys::Error(sys::ErrorKind::invalid_argument, "the new name must not be empty");
    context.client().post(
        container_target(*old_name, "/rename" + Query().add("name", *new_name).text()));
  });
}

}  // namespace ctr::cli
