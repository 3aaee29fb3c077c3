#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"

namespace ctr::cli {

namespace {

struct KillOptions {
  std::vector<std::string> names;
  std::string signal = "KILL";
};

}  // namespace

void add_kill(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<KillOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Send a signal to containers; SIGKILL, which ends them");
  command->add_option("-s,--signal", options->signal, "Name or number of the signal")
      ->option_text("SIGNAL");
  command->add_option("CONTAINER", options->names)->required();
  command->callback([&context, options] {
    std::string query = Query().add("signal", options->signal).text();
    context.exit_code = for_each_operand(context, options->names, [&](const std::string& each) {
      context.client().post(container_target(each, "/kill" + query));
      context.out_line(each);
      context.flush();
    });
  });
}

}  // namespace ctr::cli
