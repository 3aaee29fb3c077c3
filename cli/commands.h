// Every command there is: one table (commands.cc) from which the command line, the help and the
// suggestions for typos are made.
#pragma once

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
const std::vector<CommandGroup>& command_groups();

// commands/*.cc, one each.
void add_attach(CLI::App& parent, Context& context, std::string name);
void add_create(CLI::App& parent, Context& context, std::string name);
void add_exec(CLI::App& parent, Context& context, std::string name);
void add_kill(CLI::App& parent, Context& context, std::string name);
void add_pause(CLI::App& parent, Context& context, std::string name);
void add_pull(CLI::App& parent, Context& context, std::string name);
void add_rename(CLI::App& parent, Context& context, std::string name);
void add_restart(CLI::App& parent, Context& context, std::string name);
void add_rm(CLI::App& parent, Context& context, std::string name);
void add_run(CLI::App& parent, Context& context, std::string name);
void add_start(CLI::App& parent, Context& context, std::string name);
void add_stop(CLI::App& parent, Context& context, std::string name);
void add_unpause(CLI::App& parent, Context& context, std::string name);
void add_wait(CLI::App& parent, Context& context, std::string name);

}  // namespace ctr::cli
