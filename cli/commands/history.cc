// ctr history, ctr image history: how an image came to be, the newest layer first.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/format.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

constexpr size_t command_width = 45;
// Where an image does not say when a layer was made.
constexpr int64_t zero_time_seconds = -62135596800;

struct HistoryOptions {
  bool human = true;
  bool no_trunc = false;
  bool quiet = false;
  std::string format;
  std::string platform;
  std::string image;
};

constexpr Heading human_headings[] = {{"ID", "IMAGE"},
                                      {"CreatedSince", "CREATED"},
                                      {"CreatedAt", "CREATED AT"},
                                      {"CreatedBy", "CREATED BY"},
                                      {"Size", "SIZE"},
                                      {"Comment", "COMMENT"}};

Json history_row(const Json& layer, const HistoryOptions& options) {
  std::string id = text_member(layer, "Id"), command = text_member(layer, "CreatedBy");
  std::replace(command.begin(), command.end(), '\t', ' ');
  int64_t created = number_member(layer, "Created"), size = number_member(layer, "Size");
  bool known = created > zero_time_seconds;
  Json row;
  row["ID"] = options.no_trunc || !is_full_id(id) ? id : short_id(id);
  row["CreatedAt"] = local_rfc3339(created);
  std::string since = known ? human_duration(std::time(nullptr) - created) + " ago" : "N/A";
  row["CreatedSince"] = options.human ? since : local_rfc3339(created);
  row["CreatedBy"] = options.no_trunc ? command : ellipsis(command, command_width);
  row["Size"] = options.human ? human_size(static_cast<double>(size)) : std::to_string(size);
  row["Comment"] = text_member(layer, "Comment");
  return row;
}

void show_history(Context& context, const HistoryOptions& options) {
  bool only_ids = options.quiet && (options.format.empty() || options.format == "table");
  ListFormat format(only_ids ? "{{.ID}}" : options.format,
                    options.human
                        ? "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
                        : "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}");
  Query query;
  if (!options.platform.empty()) query.add("platform", options.platform);
  std::string target = "/images/" + percent_encode_path(options.image) + "/history" + query.text();
  Json layers = parse_document(context.client().call({.target = target}).body);
  std::vector<Json> rows;
  for (const Json& layer : layers) rows.push_back(history_row(layer, options));
  context.out(format.print(human_headings, rows));
}

}  // namespace

void add_history(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<HistoryOptions>();
  CLI::App* command = parent.add_subcommand(name, "Show the history of an image");
  command->add_option("IMAGE", options->image)->required();
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("-H,--human", options->human, "Print sizes and dates in human readable format");
  command->add_flag("--no-trunc", options->no_trunc, "Don't truncate output");
  command->add_option("--platform", options->platform, "Of this platform's image, as linux/amd64")
      ->type_name("PLATFORM");
  command->add_flag("-q,--quiet", options->quiet, "Only show image IDs");
  command->callback([&context, options] { show_history(context, *options); });
}

}  // namespace ctr::cli
