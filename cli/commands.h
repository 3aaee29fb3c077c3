// Every command there is: one table (commands.cc) from which the command line, the help and the
// suggestions for typos are made.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace ctr::cli {

using AddCommand = void (*)(CLI::App& parent, Context& context, std::string name);

struct CommandRow {
  // "" for `ctr run`, "container" for `ctr container run`.
  std::string_view group;
  std::string_view name;
  AddCommand add;
  // Under which heading `ctr --help` lists it; empty: it works but is not listed (aliases).
  std::string_view heading;
};

struct CommandGroup {
  std::string_view name;
  std::string_view description;
};

const std::vector<CommandRow>& command_table();

// One command as its file declares it: to be parsed, described, or completed.
struct DeclaredCommand {
  std::unique_ptr<CLI::App> parent;
  CLI::App& app;
};
DeclaredCommand declare(const CommandRow& row, Context& context);

const std::vector<CommandGroup>& command_groups();

// commands/*.cc, one each.
void add_attach(CLI::App& parent, Context& context, std::string name);
void add_commit(CLI::App& parent, Context& context, std::string name);
void add_diff(CLI::App& parent, Context& context, std::string name);
void add_export(CLI::App& parent, Context& context, std::string name);
void add_import(CLI::App& parent, Context& context, std::string name);
void add_load(CLI::App& parent, Context& context, std::string name);
void add_save(CLI::App& parent, Context& context, std::string name);
void add_cp(CLI::App& parent, Context& context, std::string name);
void add_create(CLI::App& parent, Context& context, std::string name);
void add_exec(CLI::App& parent, Context& context, std::string name);
void add_kill(CLI::App& parent, Context& context, std::string name);
void add_pause(CLI::App& parent, Context& context, std::string name);
void add_login(CLI::App& parent, Context& context, std::string name);
void add_logout(CLI::App& parent, Context& context, std::string name);
void add_push(CLI::App& parent, Context& context, std::string name);
void add_pull(CLI::App& parent, Context& context, std::string name);
void add_rename(CLI::App& parent, Context& context, std::string name);
void add_restart(CLI::App& parent, Context& context, std::string name);
void add_rm(CLI::App& parent, Context& context, std::string name);
void add_run(CLI::App& parent, Context& context, std::string name);
void add_stats(CLI::App& parent, Context& context, std::string name);
void add_update(CLI::App& parent, Context& context, std::string name);
void add_start(CLI::App& parent, Context& context, std::string name);
void add_stop(CLI::App& parent, Context& context, std::string name);
void add_unpause(CLI::App& parent, Context& context, std::string name);
void add_wait(CLI::App& parent, Context& context, std::string name);
// those that show things
void add_container_inspect(CLI::App& parent, Context& context, std::string name);
void add_container_prune(CLI::App& parent, Context& context, std::string name);
void add_events(CLI::App& parent, Context& context, std::string name);
void add_history(CLI::App& parent, Context& context, std::string name);
void add_image_inspect(CLI::App& parent, Context& context, std::string name);
void add_image_prune(CLI::App& parent, Context& context, std::string name);
void add_images(CLI::App& parent, Context& context, std::string name);
void add_info(CLI::App& parent, Context& context, std::string name);
void add_inspect(CLI::App& parent, Context& context, std::string name);
void add_logs(CLI::App& parent, Context& context, std::string name);
void add_port(CLI::App& parent, Context& context, std::string name);
void add_ps(CLI::App& parent, Context& context, std::string name);
void add_rmi(CLI::App& parent, Context& context, std::string name);
void add_system_df(CLI::App& parent, Context& context, std::string name);
void add_tag(CLI::App& parent, Context& context, std::string name);
void add_timeline(CLI::App& parent, Context& context, std::string name);
void add_top(CLI::App& parent, Context& context, std::string name);
void add_version(CLI::App& parent, Context& context, std::string name);
void add_network_connect(CLI::App& parent, Context& context, std::string name);
void add_network_create(CLI::App& parent, Context& context, std::string name);
void add_network_disconnect(CLI::App& parent, Context& context, std::string name);
void add_network_inspect(CLI::App& parent, Context& context, std::string name);
void add_network_ls(CLI::App& parent, Context& context, std::string name);
void add_network_prune(CLI::App& parent, Context& context, std::string name);
void add_network_rm(CLI::App& parent, Context& context, std::string name);
void add_system_prune(CLI::App& parent, Context& context, std::string name);
void add_volume_create(CLI::App& parent, Context& context, std::string name);
void add_volume_inspect(CLI::App& parent, Context& context, std::string name);
void add_volume_ls(CLI::App& parent, Context& context, std::string name);
void add_volume_prune(CLI::App& parent, Context& context, std::string name);
void add_volume_rm(CLI::App& parent, Context& context, std::string name);
void add_complete(CLI::App& parent, Context& context, std::string name);
void add_generate_completion(CLI::App& parent, Context& context, std::string name);
void add_generate_man(CLI::App& parent, Context& context, std::string name);

}  // namespace ctr::cli
