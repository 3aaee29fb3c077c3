// ctr top: the processes of a container.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/table.h"

namespace ctr::cli {

namespace {

constexpr TableStyle style = {.least_width = 20, .padding = 3};

std::string line_of(const Json& cells) {
  std::vector<std::string> texts;
  if (cells.is_array())
    for (const Json& cell : cells) texts.push_back(cell.is_string() ? cell.get<std::string>() : "");
  return fmt::format("{}\n", fmt::join(texts, "\t"));
}

void show_processes(Context& context) {
  if (context.operands.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}' requires at least 1 argument", context.command));
  std::vector<std::string> ps_options(context.operands.begin() + 1, context.operands.end());
  Query query;
  if (!ps_options.empty()) query.add("ps_args", fmt::format("{}", fmt::join(ps_options, " ")));
  std::string target = "/containers/" + percent_encode(context.operands[0]) + "/top" + query.text();
  Json answer = parse_document(context.client().call({.target = target}).body);
  std::string table = line_of(member(answer, "Titles"));
  const Json& processes = member(answer, "Processes");
  if (processes.is_array())
    for (const Json& process : processes) table += line_of(process);
  context.out(align_table(table, style));
}

}  // namespace

void add_top(CLI::App& parent, Context& context, std::string name) {
  CLI::App* command = parent.add_subcommand(name, "Display the running processes of a container");
  takes_operands(command, "CONTAINER [ps OPTIONS]");
  command->callback([&context] { show_processes(context); });
}

}  // namespace ctr::cli
