// ctr rmi, ctr image rm: take names from images, and images away that have none left.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/commands/image_rows.h"
#include "cli/document.h"

namespace ctr::cli {

namespace {

struct RmiOptions {
  bool force = false;
  bool no_prune = false;
  std::vector<std::string> platforms;
  std::vector<std::string> images;
};

std::string removal_query(const RmiOptions& options) {
  Query query;
  if (options.force) query.add("force", true);
  if (options.no_prune) query.add("noprune", true);
  for (const std::string& platform : options.platforms) query.add("platforms", platform);
  return query.text();
}

void remove_image(Context& context, const RmiOptions& options, const std::string& image) {
  std::string target = "/images/" + percent_encode_path(image) + removal_query(options);
  Json removed = parse_document(context.client().remove(target).body);
  for (const Json& step : removed) {
    if (std::string name = text_member(step, "Untagged"); !name.empty())
      context.out_line("Untagged: " + name);
    if (std::string id = text_member(step, "Deleted"); !id.empty())
      context.out_line("Deleted: " + id);
  }
}

int remove_images(Context& context, const RmiOptions& options) {
  int code = 0;
  for (const std::string& image : options.images) {
    try {
      remove_image(context, options, image);
    } catch (const sys::Error& error) {
      context.report(error);
      // With -f, one that is not there is as good as removed.
      bool as_good = options.force && error.kind() == sys::ErrorKind::not_found;
      if (!as_good) code = 1;
    }
  }
  return code;
}

}  // namespace

void add_rmi(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<RmiOptions>();
  CLI::App* command = parent.add_subcommand(name, "Remove one or more images");
  command->add_option("IMAGE", options->images)->required();
  command->add_flag("-f,--force", options->force, "Force removal of the image");
  command->add_flag("--no-prune", options->no_prune, "Do not delete untagged parents");
  command
      ->add_option("--platform", options->platforms,
                   "Remove only this platform's variant, as linux/amd64")
      ->type_name("PLATFORM");
  command->callback([&context, options] { context.exit_code = remove_images(context, *options); });
}

}  // namespace ctr::cli
