#include <unistd.h>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/image_pull.h"

namespace ctr::cli {

namespace {

struct Options {
  std::string image;
  std::string platform;
  bool quiet = false;
  bool all_tags = false;
  bool disable_content_trust = true;  // accepted for old scripts; there is none to disable
};

void pull(Context& context, const Options& options) {
  if (options.all_tags)
    throw sys::Error(sys::ErrorKind::unsupported,
                     "--all-tags is not supported: pull the tags you need, one by one");
  bool tag_given = true;
  ImageName image = parse_image_name(options.image, false);
  if (image.tag.empty() && image.digest.empty()) {
    tag_given = false;
    image.tag = "latest";
  }
  if (!tag_given && !options.quiet) context.out_line("Using default tag: latest");
  pull_image(context, image,
             {.platform = options.platform, .quiet = options.quiet, .progress_fd = STDOUT_FILENO});
  context.out_line(image.full());
}

}  // namespace

void add_pull(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand(name, "Download an image from a registry");
  command->add_flag("-q,--quiet", options->quiet, "Print only the image's name");
  command
      ->add_option("--platform", options->platform,
                   "Choose the image for another platform, such as linux/arm64")
      ->option_text("OS/ARCH");
  command->add_flag("-a,--all-tags", options->all_tags, "Download every tag (not supported)");
  command->add_flag("--disable-content-trust", options->disable_content_trust)->group("");
  command->add_option("IMAGE", options->image)->required();
  command->callback([&context, options] { pull(context, *options); });
}

}  // namespace ctr::cli
