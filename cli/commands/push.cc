// ctr push: an image to the registry that its name names.
#include <unistd.h>

#include <CLI/App.hpp>

#include "cli/commands.h"
#include "cli/image_pull.h"
#include "cli/progress.h"

namespace ctr::cli {

namespace {

struct PushOptions {
  std::string image;
  bool quiet = false;
  bool all_tags = false;
  bool disable_content_trust = true;
};

void push(Context& context, const PushOptions& options) {
  ImageName image = parse_image_name(options.image, false);
  if (!image.digest.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "cannot push a digest reference");
  if (options.all_tags && !image.tag.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "tag can't be used with --all-tags/-a");
  if (image.tag.empty() && !options.all_tags) {
    image.tag = "latest";
    if (!options.quiet) context.out_line("Using default tag: latest");
  }
  Query query;
  if (!image.tag.empty()) query.add("tag", image.tag);
  Request request{
      .method = "POST",
      .target = "/images/" + percent_encode_path(image.full_repository()) + "/push" + query.text()};
  add_registry_auth(context, image.domain, request);
  context.flush();
  BodyStream stream = context.client().open_stream(request);
  if (options.quiet) {
    show_progress(stream, nullptr);
    return context.out_line(image.full());
  }
  ProgressDisplay display(STDOUT_FILENO);
  show_progress(stream, &display);
}

}  // namespace

void add_push(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PushOptions>();
  CLI::App* command = parent.add_subcommand(name, "Upload an image to a registry");
  command->add_flag("-q,--quiet", options->quiet, "Print only the image's name");
  command->add_flag("-a,--all-tags", options->all_tags, "Push all tags of the repository");
  command->add_flag("--disable-content-trust", options->disable_content_trust)->group("");
  command->add_option("IMAGE", options->image)->required();
  command->callback([&context, options] { push(context, *options); });
}

}  // namespace ctr::cli
