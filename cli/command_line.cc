#include "cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/suggest.h"

namespace ctr::cli {

namespace {

// What Docker's client ends with for mistakes in options.
constexpr int usage_exit_code = 125;

void declare_global_options(CLI::App& app, Context& context, bool& version) {
  app.set_help_flag("--help", "Print what the command does and its options");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  GlobalOptions& options = context.options;
  app.add_option("-H,--host", options.host, "Socket of the daemon: unix:///run/ctr/ctrd.sock")
      ->option_text("SOCKET");
  app.add_option("--config", options.config_directory, "Directory of the client's configuration")
      ->option_text("DIRECTORY");
  app.add_flag("-D,--debug", options.debug, "Show the requests to the daemon on standard error");
  app.add_flag("-v,--version", version, "Print the version");
}

// Lets CLI11 convert and store what arrange_arguments sorted.
void parse_arranged(CLI::App& app, const ArrangedArguments& arranged) {
  for (CLI::Option* option : app.get_options([](CLI::Option* o) { return !o->get_positional(); }))
    option->allow_extra_args(false);
  std::vector<std::string> arguments = arranged.options;
  if (!app.get_prefix_command() && !arranged.operands.empty()) {
    arguments.push_back("--");
    arguments.insert(arguments.end(), arranged.operands.begin(), arranged.operands.end());
  }
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
}

const CommandRow* find_row(std::string_view group, std::string_view name) {
  for (const CommandRow& row : command_table())
    if (row.group == group && row.name == name) return &row;
  return nullptr;
}

bool is_group(std::string_view name) {
  for (const CommandGroup& group : command_groups())
    if (group.name == name) return true;
  return false;
}

std::vector<std::string> names_in(std::string_view group) {
  std::vector<std::string> names;
  for (const CommandRow& row : command_table())
    if (row.group == group) names.emplace_back(row.name);
  if (group.empty())
    for (const CommandGroup& each : command_groups()) names.emplace_back(each.name);
  return names;
}

int unknown_command(Context& context, std::string_view group, const std::string& name) {
  std::string prefix = group.empty() ? "ctr" : fmt::format("ctr {}", group);
  context.error_line(fmt::format("unknown command '{} {}'.{} 'ctr {}{}--help' lists the commands",
                                 prefix, name, did_you_mean(name, names_in(group)), group,
                                 group.empty() ? "" : " "));
  return 1;
}

int usage_error(Context& context, const CLI::App& app, std::string_view what, int code) {
  context.error_line(what);
  context.notice_line(fmt::format("Usage:  {}\nSee '{} --help'.", usage_line(app, context.command),
                                  context.command));
  return code;
}

// CLI11's words for what is wrong with operands and values, in ours.
int parse_error(Context& context, const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::RequiredError*>(&error))
    return usage_error(context, app, fmt::format("'{}' needs more arguments", context.command), 1);
  if (dynamic_cast<const CLI::ExtrasError*>(&error))
    return usage_error(context, app, fmt::format("'{}' got too many arguments", context.command),
                       1);
  return usage_error(context, app, error.what(), usage_exit_code);
}

int run_command(Context& context, const CommandRow& row, const std::vector<std::string>& rest) {
  DeclaredCommand command = declare(row, context);
  CLI::App& app = command.app;
  context.command = row.group.empty() ? fmt::format("ctr {}", row.name)
                                      : fmt::format("ctr {} {}", row.group, row.name);
  try {
    ArrangedArguments arranged = arrange_arguments(app, rest, app.get_prefix_command());
    if (arranged.help) {
      context.out(command_help(app, context.command));
      return 0;
    }
    context.operands = arranged.operands;
    parse_arranged(app, arranged);
    return context.exit_code;
  } catch (const UsageError& error) {
    return usage_error(context, app, error.what(), usage_exit_code);
  } catch (const CLI::ParseError& error) {
    return parse_error(context, app, error);
  }
}

// "help run" is "run --help"; "help" alone is "--help".
std::vector<std::string> without_help_command(std::vector<std::string> words) {
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.push_back("--help");
  return words;
}

int dispatch(Context& context, const CLI::App& global, std::vector<std::string> words) {
  words = without_help_command(std::move(words));
  if (words.empty() || words.front() == "--help") {
    context.out(root_help(global));
    return 0;
  }
  std::string name = words.front();
  words.erase(words.begin());
  if (const CommandRow* row = find_row("", name)) return run_command(context, *row, words);
  if (!is_group(name)) return unknown_command(context, "", name);
  words = without_help_command(std::move(words));
  if (words.empty() || words.front() == "--help" || words.front() == "-h") {
    context.out(group_help(name));
    return 0;
  }
  std::string verb = words.front();
  words.erase(words.begin());
  if (const CommandRow* row = find_row(name, verb)) return run_command(context, *row, words);
  return unknown_command(context, name, verb);
}

int run_arguments(Context& context, const std::vector<std::string>& arguments) {
  CLI::App global;
  bool version = false;
  declare_global_options(global, context, version);
  context.command = "ctr";
  ArrangedArguments arranged;
  try {
    arranged = arrange_arguments(global, arguments, true);
    ArrangedArguments only_options = arranged;
    only_options.operands.clear();
    parse_arranged(global, only_options);
  } catch (const UsageError& error) {
    context.error_line(fmt::format("{}; 'ctr --help' lists the options", error.what()));
    return usage_exit_code;
  }
  if (version) {
    context.out_line(fmt::format("ctr version {}", CTR_VERSION));
    return 0;
  }
  if (arranged.help) arranged.operands.insert(arranged.operands.begin(), "help");
  return dispatch(context, global, std::move(arranged.operands));
}

int run_and_report(Context& context, const std::vector<std::string>& arguments) {
  try {
    return run_arguments(context, arguments);
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const sys::Error& error) {
    context.report(error);
    return context.failure_exit_code;
  } catch (const std::exception& error) {
    context.error_line(fmt::format("internal error: {}; please report it", error.what()));
    return context.failure_exit_code;
  }
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments) {
  Context context;
  int code = run_and_report(context, arguments);
  try {
    context.flush();
  } catch (const Exit&) {
    return code;
  } catch (const sys::Error& error) {
    context.error_line(error.what());
    return code == 0 ? 1 : code;
  }
  return code;
}

}  // namespace ctr::cli
