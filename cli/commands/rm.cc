#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"

namespace ctr::cli {

namespace {

struct RemoveOptions {
  std::vector<std::string> names;
  bool force = false;
  bool volumes = false;
  bool link = false;
};

void remove_container(Context& context, const RemoveOptions& options, const std::string& name) {
  Query query;
  if (options.force) query.add("force", true);
  if (options.volumes) query.add("v", true);
  if (options.link) query.add("link", true);
  // Only the name of a container may begin with "/", that of a link contains it.
  std::string plain = !options.link && name.starts_with("/") ? name.substr(1) : name;
  try {
    context.client().remove(container_target(plain, query.text()));
  } catch (const ApiError& error) {
    if (!options.force || error.status() != 404) throw;
    // "It shall not be there": it is not. Scripts rely on that being no failure.
    context.error_line(error.what());
    return;
  }
  context.out_line(name);
  context.flush();
}

}  // namespace

void add_rm(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = parent.add_subcommand(name, "Delete containers and what they wrote");
  command->add_flag("-f,--force", options->force, "Kill running ones first");
  command->add_flag("-v,--volumes", options->volumes, "Delete their anonymous volumes too");
  command->add_flag("-l,--link", options->link, "Delete the link of this name, not the container");
  command->add_option("CONTAINER", options->names)->required();
  command->callback([&context, options] {
    context.exit_code = for_each_operand(context, options->names, [&](const std::string& each) {
      remove_container(context, *options, each);
    });
  });
}

}  // namespace ctr::cli
