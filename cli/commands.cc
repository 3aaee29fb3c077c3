#include "cli/commands.h"

namespace ctr::cli {

namespace {

constexpr std::string_view running = "Run and control containers";

}  // namespace

const std::vector<CommandRow>& command_table() {
  static const std::vector<CommandRow> table = {
      // group, name, function, heading in `ctr --help`
      {"", "stop", add_stop, running},         {"", "restart", add_restart, running},
      {"", "kill", add_kill, running},         {"", "rm", add_rm, running},
      {"", "wait", add_wait, running},         {"", "pause", add_pause, running},
      {"", "unpause", add_unpause, running},   {"", "rename", add_rename, running},
      {"container", "stop", add_stop, ""},     {"container", "restart", add_restart, ""},
      {"container", "kill", add_kill, ""},     {"container", "rm", add_rm, ""},
      {"container", "remove", add_rm, ""},     {"container", "wait", add_wait, ""},
      {"container", "pause", add_pause, ""},   {"container", "unpause", add_unpause, ""},
      {"container", "rename", add_rename, ""},
  };
  return table;
}

const std::vector<CommandGroup>& command_groups() {
  static const std::vector<CommandGroup> groups = {
      {"container", "Everything about containers: ls, run, rm, …"},
      {"image", "Everything about images: ls, pull, rm, …"},
      {"system", "The daemon itself: info, events"},
  };
  return groups;
}

}  // namespace ctr::cli
