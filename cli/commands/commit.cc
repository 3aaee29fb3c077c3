// ctr commit and ctr diff: what a container changed, as an image and as a list.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/commands/image_rows.h"
#include "cli/document.h"

namespace ctr::cli {

namespace {

struct CommitOptions {
  std::string container, reference, author, message;
  std::vector<std::string> changes;
  bool pause = true;
};

void commit(Context& context, const CommitOptions& options) {
  auto [repository, tag] = split_tag(options.reference);
  Query query;
  query.add("container", options.container).add("repo", repository).add("tag", tag);
  query.add("comment", options.message).add("author", options.author).add("pause", options.pause);
  for (const std::string& change : options.changes) query.add("changes", change);
  nlohmann::json answer =
      context.client().post_json("/commit" + query.text(), nlohmann::json::object());
  context.out_line(answer.at("Id").get<std::string>());
}

void show_changes(Context& context, const std::string& container) {
  Json changes = parse_document(
      context.client().call({.target = container_target(container, "/changes")}).body);
  if (!changes.is_array()) return;
  for (const Json& change : changes) {
    constexpr std::string_view letters = "CAD";
    auto kind = static_cast<size_t>(number_member(change, "Kind"));
    context.out_line(fmt::format("{} {}", kind < letters.size() ? letters[kind] : '?',
                                 text_member(change, "Path")));
  }
}

}  // namespace

void add_commit(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<CommitOptions>();
  CLI::App* command = parent.add_subcommand(name, "Make an image of a container's changes");
  command->add_option("-a,--author", options->author, "Author, such as \"Jo Doe <jo@example.org>\"")
      ->type_name("TEXT");
  command->add_option("-c,--change", options->changes, "Apply a Dockerfile's instruction")
      ->type_name("INSTRUCTION");
  command->add_option("-m,--message", options->message, "Set the comment of the image")
      ->type_name("TEXT");
  command->add_flag("-p,--pause", options->pause, "Pause the container meanwhile (true)");
  command->add_option("CONTAINER", options->container)->required();
  command->add_option("REPOSITORY[:TAG]", options->reference);
  command->callback([&context, options] { commit(context, *options); });
}

void add_diff(CLI::App& parent, Context& context, std::string name) {
  auto container = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand(
      name, "List what a container changed in its files (A added, C changed, D deleted)");
  command->add_option("CONTAINER", *container)->required();
  command->callback([&context, container] { show_changes(context, *container); });
}

}  // namespace ctr::cli
