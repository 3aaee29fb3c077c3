// ctr ps, ctr container ls: the containers there are.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <ctime>

#include "cli/commands.h"
#include "cli/commands/container_rows.h"
#include "cli/document.h"
#include "cli/filter.h"

namespace ctr::cli {

namespace {

struct PsOptions {
  bool all = false;
  bool quiet = false;
  bool size = false;
  bool latest = false;
  bool no_trunc = false;
  int last = -1;
  std::vector<std::string> filters;
  std::string format;
};

std::string default_table(const PsOptions& options) {
  std::string table =
      "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
  return options.size ? table + "\t{{.Size}}" : table;
}

std::string list_query(const PsOptions& options, const ListFormat& format) {
  Query query;
  if (options.all) query.add("all", true);
  int limit = options.latest && options.last == -1 ? 1 : options.last;
  if (limit > 0) query.add("limit", limit);
  // Sizes are counted file by file: only where they are shown.
  bool json = options.format == "json";
  if (options.size || (!json && format.uses("Size"))) query.add("size", true);
  if (std::string filters = filters_json(options.filters); !filters.empty())
    query.add("filters", filters);
  return query.text();
}

void list_containers(Context& context, const PsOptions& options) {
  if (options.quiet && !options.format.empty())
    context.notice_line(
        "WARNING: Ignoring custom format, because both --format and --quiet are set.");
  ListFormat format(options.quiet ? "{{.ID}}" : options.format, default_table(options));
  std::string target = "/containers/json" + list_query(options, format);
  Json containers = parse_document(context.client().call({.target = target}).body);
  std::vector<Json> rows;
  for (const Json& container : containers)
    rows.push_back(container_row(container, {!options.no_trunc, std::time(nullptr)}));
  context.out(format.print(container_headings(), rows));
}

}  // namespace

void add_ps(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PsOptions>();
  CLI::App* command = parent.add_subcommand(name, "List containers");
  command->add_flag("-a,--all", options->all, "Show all containers (default shows just running)");
  command
      ->add_option("-f,--filter", options->filters, "Show only those that match, as status=exited")
      ->type_name("FILTER");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command
      ->add_option("-n,--last", options->last, "Show the N last created containers, in any state")
      ->type_name("N");
  command->add_flag("-l,--latest", options->latest,
                    "Show the latest created container, in any state");
  command->add_flag("--no-trunc", options->no_trunc, "Don't truncate output");
  command->add_flag("-q,--quiet", options->quiet, "Only display container IDs");
  command->add_flag("-s,--size", options->size, "Display total file sizes");
  command->callback([&context, options] { list_containers(context, *options); });
}

}  // namespace ctr::cli
