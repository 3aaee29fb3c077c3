// ctr tag, ctr image tag: one more name for an image.
#include <CLI/App.hpp>

#include "cli/commands.h"
#include "cli/commands/image_rows.h"

namespace ctr::cli {

namespace {

struct TagOptions {
  std::string source;
  std::string target;
};

void tag_image(Context& context, const TagOptions& options) {
  if (options.target.find('@') != std::string::npos)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("\"{}\" has a digest: a tag's name cannot", options.target));
  auto [repository, tag] = split_tag(options.target);
  Query query;
  query.add("repo", repository).add("tag", tag.empty() ? "latest" : tag);
  context.client().post("/images/" + percent_encode_path(options.source) + "/tag" + query.text());
}

}  // namespace

void add_tag(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<TagOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE");
  command->add_option("SOURCE_IMAGE[:TAG]", options->source)->required();
  command->add_option("TARGET_IMAGE[:TAG]", options->target)->required();
  command->callback([&context, options] { tag_image(context, *options); });
}

}  // namespace ctr::cli
