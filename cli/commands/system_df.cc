// ctr system df: what takes room, and how much of it would come back.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <ctime>

#include "cli/commands.h"
#include "cli/commands/disk_usage.h"
#include "cli/commands/image_rows.h"
#include "cli/document.h"
#include "cli/format.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

struct DfOptions {
  bool verbose = false;
  std::string format;
};

constexpr Heading usage_headings[] = {{"Type", "TYPE"},
                                      {"TotalCount", "TOTAL"},
                                      {"Active", "ACTIVE"},
                                      {"Size", "SIZE"},
                                      {"Reclaimable", "RECLAIMABLE"}};

void show_summary(Context& context, const Json& answer, const std::string& format) {
  std::vector<Json> rows;
  for (const DiskUsage& usage : disk_usage(answer))
    rows.push_back({{"Type", usage.type},
                    {"TotalCount", std::to_string(usage.count)},
                    {"Active", std::to_string(usage.active)},
                    {"Size", human_size(static_cast<double>(usage.size), 4)},
                    {"Reclaimable", describe_reclaimable(usage)}});
  ListFormat list(format, "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}");
  context.out(list.print(usage_headings, rows));
}

std::string images_table(const Json& images, int64_t now) {
  std::vector<Json> rows;
  // An image counts once, by its first name.
  for (const Json& image : images) rows.push_back(image_rows(image, {true, now}, false).front());
  return ListFormat("",
                    "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
                    "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}")
      .print(image_headings(), rows);
}

std::string containers_table(const Json& containers, int64_t now) {
  std::vector<Json> rows;
  for (const Json& container : containers) {
    Json row = container_row(container, {true, now});
    row["Size"] = human_size(static_cast<double>(number_member(container, "SizeRw")));
    rows.push_back(std::move(row));
  }
  return ListFormat("",
                    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
                    "{{.RunningFor}}\t{{.Status}}\t{{.Names}}")
      .print(container_headings(), rows);
}

std::string volumes_table(const Json& volumes) {
  static constexpr Heading headings[] = {
      {"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}};
  std::vector<Json> rows;
  for (const Json& volume : volumes) {
    const Json& usage = member(volume, "UsageData");
    int64_t size = number_member(usage, "Size");
    rows.push_back({{"Name", text_member(volume, "Name")},
                    {"Links", std::to_string(number_member(usage, "RefCount"))},
                    {"Size", size < 0 ? "N/A" : human_size(static_cast<double>(size), 4)}});
  }
  return ListFormat("", "{{.Name}}\t{{.Links}}\t{{.Size}}").print(headings, rows);
}

Json list_of(const Json& answer, std::string_view name) {
  const Json& list = member(answer, name);
  return list.is_array() ? list : Json::array();
}

void show_details(Context& context, const Json& answer) {
  int64_t now = std::time(nullptr);
  context.out("Images space usage:\n\n" + images_table(list_of(answer, "Images"), now));
  context.out("\nContainers space usage:\n\n" +
              containers_table(list_of(answer, "Containers"), now));
  context.out("\nLocal Volumes space usage:\n\n" + volumes_table(list_of(answer, "Volumes")));
  context.out_line("\nBuild cache usage: " +
                   human_size(static_cast<double>(disk_usage(answer).back().size), 4));
}

void show_disk_usage(Context& context, const DfOptions& options) {
  if (options.verbose && !options.format.empty() && options.format != "table")
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "'system df --verbose' takes no --format: its tables are fixed");
  Json answer = parse_document(context.client().call({.target = "/system/df"}).body);
  if (options.verbose) return show_details(context, answer);
  show_summary(context, answer, options.format);
}

}  // namespace

void add_system_df(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<DfOptions>();
  CLI::App* command = parent.add_subcommand(name, "Show disk usage");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("-v,--verbose", options->verbose, "Show detailed information on space usage");
  command->callback([&context, options] { show_disk_usage(context, *options); });
}

}  // namespace ctr::cli
