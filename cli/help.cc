#include "cli/help.h"

#include <algorithm>

#include "cli/commands.h"

namespace ctr::cli {

namespace {

struct Line {
  std::string left;
  std::string right;
};

std::string two_columns(const std::vector<Line>& lines, size_t widest_allowed) {
  size_t width = 0;
  for (const Line& line : lines)
    if (line.left.size() <= widest_allowed) width = std::max(width, line.left.size());
  std::string text;
  for (const Line& line : lines) {
    if (line.left.size() > width)
      text += fmt::format("  {}\n  {:{}}   {}\n", line.left, "", width, line.right);
    else
      text += fmt::format("  {:{}}   {}\n", line.left, width, line.right);
  }
  return text;
}

std::string description_of(const CommandRow& row, Context& context) {
  return declare(row, context).app.get_description();
}

// "-e, --env LIST" or "    --rm".
std::string option_text(const CLI::Option& option) {
  const auto& shorts = option.get_snames();
  const auto& longs = option.get_lnames();
  std::string text = shorts.empty() ? "    " : "-" + shorts.front();
  if (!longs.empty()) text += (shorts.empty() ? "--" : ", --") + longs.front();
  bool takes_value = option.get_items_expected_max() > 0;
  std::string type = option.get_option_text().empty() ? "" : option.get_option_text();
  if (takes_value) text += " " + (type.empty() ? option.get_type_name() : type);
  return text;
}

std::vector<std::string> option_groups(const CLI::App& app) {
  std::vector<std::string> groups;
  for (const CLI::Option* option : app.get_options()) {
    const std::string& group = option->get_group();
    if (option->get_positional() || group.empty()) continue;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

std::string options_text(const CLI::App& app) {
  std::string text;
  for (const std::string& group : option_groups(app)) {
    std::vector<Line> lines;
    for (const CLI::Option* option : app.get_options())
      if (!option->get_positional() && option->get_group() == group)
        lines.push_back({option_text(*option), option->get_description()});
    text += fmt::format("\n{}:\n{}", group, two_columns(lines, 34));
  }
  return text;
}

std::string positional_text(const CLI::Option& option) {
  std::string name = option.get_name(true, false);
  bool repeats = option.get_items_expected_max() > 1;
  std::string text = option.get_required() ? name : "[" + name + (repeats ? "..." : "") + "]";
  if (option.get_required() && repeats) text += " [" + name + "...]";
  return text;
}

}  // namespace

std::string usage_line(const CLI::App& app, std::string_view command) {
  std::string line = fmt::format("{} [OPTIONS]", command);
  if (!app.get_footer().empty() && app.get_prefix_command()) return line + " " + app.get_footer();
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional()) line += " " + positional_text(*option);
  return line;
}

std::string command_help(const CLI::App& app, std::string_view command) {
  return fmt::format("Usage:  {}\n\n{}\n{}", usage_line(app, command), app.get_description(),
                     options_text(app));
}

std::string root_help(const CLI::App& global_options) {
  Context context;
  std::string text =
      "Usage:  ctr [OPTIONS] COMMAND\n\nRuns containers: programs with their own files, processes "
      "and network.\n";
  std::vector<std::string_view> headings;
  for (const CommandRow& row : command_table())
    if (!row.heading.empty() &&
        std::find(headings.begin(), headings.end(), row.heading) == headings.end())
      headings.push_back(row.heading);
  for (std::string_view heading : headings) {
    std::vector<Line> lines;
    for (const CommandRow& row : command_table())
      if (row.heading == heading)
        lines.push_back({std::string(row.name), description_of(row, context)});
    text += fmt::format("\n{}:\n{}", heading, two_columns(lines, 20));
  }
  std::vector<Line> groups;
  for (const CommandGroup& group : command_groups())
    groups.push_back({std::string(group.name), std::string(group.description)});
  text += fmt::format("\nManagement commands:\n{}", two_columns(groups, 20));
  text += options_text(global_options);
  return text +
         "\n'ctr COMMAND --help' tells more about one command.\n"
         "To begin:  ctr run hello-world     ctr run -it alpine sh     ctr ps -a\n";
}

std::string group_help(std::string_view group) {
  Context context;
  std::vector<Line> lines;
  for (const CommandRow& row : command_table())
    if (row.group == group) lines.push_back({std::string(row.name), description_of(row, context)});
  return fmt::format(
      "Usage:  ctr {0} COMMAND\n\nCommands:\n{1}\n'ctr {0} COMMAND --help' tells more "
      "about one command.\n",
      group, two_columns(lines, 20));
}

}  // namespace ctr::cli
