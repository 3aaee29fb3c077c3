// ctr volume: create, ls, rm. (inspect and prune are with their like.)
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/create_request.h"
#include "cli/document.h"
#include "cli/filter.h"
#include "cli/format.h"

namespace ctr::cli {

namespace {

struct CreateOptions {
  std::string name;
  std::string driver = "local";
  std::vector<std::string> labels;
  std::vector<std::string> driver_options;
};

void create_volume(Context& context, const CreateOptions& options) {
  nlohmann::json request = {{"Name", options.name},
                            {"Driver", options.driver},
                            {"DriverOpts", key_values(options.driver_options, "-o, --opt")},
                            {"Labels", key_values(options.labels, "--label")}};
  nlohmann::json answer = context.client().post_json("/volumes/create", request);
  context.out_line(answer.at("Name").get<std::string>());
}

constexpr Heading headings[] = {
    {"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}, {"Mountpoint", "MOUNTPOINT"},
    {"Scope", "SCOPE"},   {"Labels", "LABELS"},    {"Label", ""},
    {"Size", "SIZE"},     {"Links", "LINKS"}};

struct ListOptions {
  bool quiet = false;
  std::vector<std::string> filters;
  std::string format;
};

Json volume_row(const Json& volume) {
  const Json& labels = member(volume, "Labels");
  std::vector<std::string> texts;
  for (auto label = labels.begin(); labels.is_object() && label != labels.end(); ++label)
    texts.push_back(label.key() + "=" + label->get<std::string>());
  return {{"Driver", text_member(volume, "Driver")},
          {"Name", text_member(volume, "Name")},
          {"Mountpoint", text_member(volume, "Mountpoint")},
          {"Scope", text_member(volume, "Scope")},
          {"Labels", fmt::format("{}", fmt::join(texts, ","))},
          {"Label", labels.is_object() ? labels : Json::object()},
          {"Size", "N/A"},
          {"Links", "N/A"}};
}

void list_volumes(Context& context, const ListOptions& options) {
  ListFormat format(options.quiet ? "{{.Name}}" : options.format, "{{.Driver}}\t{{.Name}}");
  Query query;
  if (std::string filters = filters_json(options.filters); !filters.empty())
    query.add("filters", filters);
  Json answer = parse_document(context.client().call({.target = "/volumes" + query.text()}).body);
  std::vector<Json> rows;
  if (const Json& volumes = member(answer, "Volumes"); volumes.is_array())
    for (const Json& volume : volumes) rows.push_back(volume_row(volume));
  context.out(format.print(headings, rows));
}

struct RemoveOptions {
  bool force = false;
  std::vector<std::string> names;
};

void remove_volumes(Context& context, const RemoveOptions& options) {
  context.exit_code = for_each_operand(context, options.names, [&](const std::string& name) {
    context.client().remove("/volumes/" + percent_encode(name) + (options.force ? "?force=1" : ""));
    context.out_line(name);
  });
}

}  // namespace

void add_volume_create(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = parent.add_subcommand(name, "Create a volume");
  command->add_option("-d,--driver", options->driver, "Volume driver: local is the only one")
      ->type_name("DRIVER");
  command->add_option("--label", options->labels, "Set a label")->type_name("KEY=VALUE");
  command
      ->add_option("-o,--opt", options->driver_options,
                   "What to mount instead of a directory: type=nfs, device=…, o=…")
      ->type_name("KEY=VALUE");
  command->add_option("VOLUME", options->name);
  command->callback([&context, options] { create_volume(context, *options); });
}

void add_volume_ls(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = parent.add_subcommand(name, "List volumes");
  command
      ->add_option("-f,--filter", options->filters,
                   "Show only those that match, as dangling=true, label=x, name=x")
      ->type_name("FILTER");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("-q,--quiet", options->quiet, "Only display names");
  command->callback([&context, options] { list_volumes(context, *options); });
}

void add_volume_rm(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = parent.add_subcommand(name, "Remove volumes that no container uses");
  command->add_flag("-f,--force", options->force, "One that is not there is as good as removed");
  command->add_option("VOLUME", options->names)->required();
  command->callback([&context, options] { remove_volumes(context, *options); });
}

}  // namespace ctr::cli
