// ctr images, ctr image ls: the images there are.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <ctime>

#include "cli/commands.h"
#include "cli/commands/image_rows.h"
#include "cli/document.h"
#include "cli/filter.h"

namespace ctr::cli {

namespace {

struct ImagesOptions {
  bool all = false;
  bool digests = false;
  bool quiet = false;
  bool no_trunc = false;
  std::vector<std::string> filters;
  std::string format;
  std::string reference;
};

std::string default_table(const ImagesOptions& options) {
  return options.digests
             ? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
             : "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
}

void list_images(Context& context, ImagesOptions options) {
  bool only_ids = options.quiet && (options.format.empty() || options.format == "table");
  ListFormat format(only_ids ? "{{.ID}}" : options.format, default_table(options));
  if (!options.reference.empty()) options.filters.push_back("reference=" + options.reference);
  Query query;
  if (options.all) query.add("all", true);
  if (std::string filters = filters_json(options.filters); !filters.empty())
    query.add("filters", filters);
  Json images =
      parse_document(context.client().call({.target = "/images/json" + query.text()}).body);
  std::vector<Json> rows;
  for (const Json& image : images) {
    bool with_digests = options.digests || format.names("Digest");
    for (Json& row : image_rows(image, {!options.no_trunc, std::time(nullptr)}, with_digests))
      rows.push_back(std::move(row));
  }
  context.out(format.print(image_headings(), rows));
}

}  // namespace

void add_images(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<ImagesOptions>();
  CLI::App* command = parent.add_subcommand(name, "List images");
  command->add_option("REPOSITORY[:TAG]", options->reference, "Show only these");
  command->add_flag("-a,--all", options->all,
                    "Show all images (default hides intermediate images)");
  command->add_flag("--digests", options->digests, "Show digests");
  command
      ->add_option("-f,--filter", options->filters, "Show only those that match, as dangling=true")
      ->type_name("FILTER");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("--no-trunc", options->no_trunc, "Don't truncate output");
  command->add_flag("-q,--quiet", options->quiet, "Only show image IDs");
  command->callback([&context, options] { list_images(context, *options); });
}

}  // namespace ctr::cli
