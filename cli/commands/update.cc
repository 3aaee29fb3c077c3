// ctr update: other limits, or another restart policy, for containers that exist.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/create_request.h"

namespace ctr::cli {

namespace {

struct UpdateOptions {
  ContainerOptions container;
  std::vector<std::string> names;
};

nlohmann::json update_request(const ContainerOptions& options) {
  nlohmann::json request = nlohmann::json::object();
  plan_resources(options, request);
  if (!options.restart.empty()) plan_restart(options, request);
  if (request.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "you must provide one or more flags when using this command");
  return request;
}

void update_containers(Context& context, const UpdateOptions& options) {
  const nlohmann::json request = update_request(options.container);
  context.exit_code = for_each_operand(context, options.names, [&](const std::string& name) {
    nlohmann::json answer = context.client().post_json(container_target(name, "/update"), request);
    context.out_line(name);
    if (answer.contains("Warnings") && answer["Warnings"].is_array())
      for (const nlohmann::json& warning : answer["Warnings"])
        context.warning_line(warning.get<std::string>());
  });
}

}  // namespace

void add_update(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Change limits or the restart policy of containers");
  declare_update_options(command, options->container);
  command->add_option("CONTAINER", options->names)->required();
  command->callback([&context, options] { update_containers(context, *options); });
}

}  // namespace ctr::cli
