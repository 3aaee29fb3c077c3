#include "cli/commands.h"

namespace ctr::cli {

namespace {

constexpr std::string_view running = "Run and control containers";
constexpr std::string_view looking = "Look at containers";
constexpr std::string_view images = "Images";
constexpr std::string_view daemon = "The daemon";

}  // namespace

const std::vector<CommandRow>& command_table() {
  static const std::vector<CommandRow> table = {
      // group, name, function, heading in `ctr --help`
      {"", "run", add_run, running},
      {"", "create", add_create, running},
      {"", "start", add_start, running},
      {"", "stop", add_stop, running},
      {"", "restart", add_restart, running},
      {"", "kill", add_kill, running},
      {"", "rm", add_rm, running},
      {"", "exec", add_exec, running},
      {"", "attach", add_attach, running},
      {"", "wait", add_wait, running},
      {"", "pause", add_pause, running},
      {"", "unpause", add_unpause, running},
      {"", "rename", add_rename, running},
      {"", "update", add_update, running},
      {"container", "run", add_run, ""},
      {"container", "create", add_create, ""},
      {"container", "start", add_start, ""},
      {"container", "stop", add_stop, ""},
      {"container", "restart", add_restart, ""},
      {"container", "kill", add_kill, ""},
      {"container", "rm", add_rm, ""},
      {"container", "remove", add_rm, ""},
      {"container", "exec", add_exec, ""},
      {"container", "attach", add_attach, ""},
      {"container", "wait", add_wait, ""},
      {"container", "pause", add_pause, ""},
      {"container", "unpause", add_unpause, ""},
      {"container", "rename", add_rename, ""},
      {"container", "update", add_update, ""},
      {"", "ps", add_ps, looking},
      {"", "logs", add_logs, looking},
      {"", "inspect", add_inspect, looking},
      {"", "top", add_top, looking},
      {"", "stats", add_stats, looking},
      {"", "port", add_port, looking},
      {"", "pull", add_pull, images},
      {"", "images", add_images, images},
      {"", "rmi", add_rmi, images},
      {"", "tag", add_tag, images},
      {"", "history", add_history, images},
      {"", "events", add_events, daemon},
      {"", "info", add_info, daemon},
      {"", "version", add_version, daemon},
      {"container", "ls", add_ps, ""},
      {"container", "list", add_ps, ""},
      {"container", "ps", add_ps, ""},
      {"container", "logs", add_logs, ""},
      {"container", "inspect", add_container_inspect, ""},
      {"container", "top", add_top, ""},
      {"container", "stats", add_stats, ""},
      {"container", "port", add_port, ""},
      {"container", "prune", add_container_prune, ""},
      {"image", "pull", add_pull, ""},
      {"image", "ls", add_images, ""},
      {"image", "list", add_images, ""},
      {"image", "rm", add_rmi, ""},
      {"image", "remove", add_rmi, ""},
      {"image", "tag", add_tag, ""},
      {"image", "history", add_history, ""},
      {"image", "inspect", add_image_inspect, ""},
      {"image", "prune", add_image_prune, ""},
      {"system", "df", add_system_df, ""},
      {"system", "events", add_events, ""},
      {"system", "info", add_info, ""},
      // for the build and for shells
      {"", "generate-man", add_generate_man, ""},
      {"", "generate-completion", add_generate_completion, ""},
      {"", "__complete", add_complete, ""},
  };
  return table;
}

DeclaredCommand declare(const CommandRow& row, Context& context) {
  auto parent = std::make_unique<CLI::App>();
  // Commands inherit both. "-h" stays free: it is run's --hostname.
  parent->set_help_flag("--help", "Print what the command does and its options");
  parent->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  row.add(*parent, context, std::string(row.name));
  CLI::App& app = *parent->get_subcommand(std::string(row.name));
  return {std::move(parent), app};
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
