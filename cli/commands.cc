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
      {"", "cp", add_cp, running},
      {"", "commit", add_commit, running},
      {"", "export", add_export, running},
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
      {"container", "cp", add_cp, ""},
      {"container", "commit", add_commit, ""},
      {"container", "export", add_export, ""},
      {"container", "diff", add_diff, ""},
      {"", "ps", add_ps, looking},
      {"", "logs", add_logs, looking},
      {"", "inspect", add_inspect, looking},
      {"", "top", add_top, looking},
      {"", "timeline", add_timeline, looking},
      {"", "stats", add_stats, looking},
      {"", "port", add_port, looking},
      {"", "diff", add_diff, looking},
      {"", "pull", add_pull, images},
      {"", "push", add_push, images},
      {"", "login", add_login, images},
      {"", "logout", add_logout, images},
      {"", "images", add_images, images},
      {"", "rmi", add_rmi, images},
      {"", "tag", add_tag, images},
      {"", "save", add_save, images},
      {"", "load", add_load, images},
      {"", "import", add_import, images},
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
      {"container", "timeline", add_timeline, ""},
      {"container", "stats", add_stats, ""},
      {"container", "port", add_port, ""},
      {"container", "prune", add_container_prune, ""},
      {"image", "pull", add_pull, ""},
      {"image", "push", add_push, ""},
      {"image", "ls", add_images, ""},
      {"image", "list", add_images, ""},
      {"image", "rm", add_rmi, ""},
      {"image", "remove", add_rmi, ""},
      {"image", "tag", add_tag, ""},
      {"image", "save", add_save, ""},
      {"image", "load", add_load, ""},
      {"image", "import", add_import, ""},
      {"image", "history", add_history, ""},
      {"image", "inspect", add_image_inspect, ""},
      {"image", "prune", add_image_prune, ""},
      {"network", "create", add_network_create, ""},
      {"network", "ls", add_network_ls, ""},
      {"network", "list", add_network_ls, ""},
      {"network", "inspect", add_network_inspect, ""},
      {"network", "connect", add_network_connect, ""},
      {"network", "disconnect", add_network_disconnect, ""},
      {"network", "rm", add_network_rm, ""},
      {"network", "remove", add_network_rm, ""},
      {"network", "prune", add_network_prune, ""},
      {"volume", "create", add_volume_create, ""},
      {"volume", "ls", add_volume_ls, ""},
      {"volume", "list", add_volume_ls, ""},
      {"volume", "inspect", add_volume_inspect, ""},
      {"volume", "rm", add_volume_rm, ""},
      {"volume", "remove", add_volume_rm, ""},
      {"volume", "prune", add_volume_prune, ""},
      {"system", "df", add_system_df, ""},
      {"system", "events", add_events, ""},
      {"system", "info", add_info, ""},
      {"system", "prune", add_system_prune, ""},
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
      {"network", "Networks: create, ls, connect, rm, …"},
      {"volume", "Volumes: create, ls, rm, …"},
      {"system", "The daemon itself: info, events, df, prune"},
  };
  return groups;
}

}  // namespace ctr::cli
