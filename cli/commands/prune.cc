// ctr container prune and ctr image prune: what nobody uses goes.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/filter.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

struct PruneOptions {
  bool all = false;
  bool force = false;
  std::vector<std::string> filters;
};

// One line from standard input, without asking for more than it holds.
std::string read_answer() {
  std::string answer;
  char c = 0;
  while (answer.size() < 100 &&
         sys::retry_on_signal([&] { return ::read(STDIN_FILENO, &c, 1); }) == 1)
    if (c == '\n')
      break;
    else
      answer += c;
  return answer;
}

bool is_wanted(Context& context, std::string_view warning) {
  context.out(fmt::format("WARNING! {}\nAre you sure you want to continue? [y/N] ", warning));
  context.flush();
  std::string answer = read_answer();
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string prune_target(std::string_view path, const std::vector<std::string>& filters) {
  Query query;
  if (std::string json = filters_json(filters); !json.empty()) query.add("filters", json);
  return std::string(path) + query.text();
}

void print_reclaimed(Context& context, const Json& answer) {
  auto size = static_cast<double>(number_member(answer, "SpaceReclaimed"));
  context.out_line("Total reclaimed space: " + human_size(size, 4));
}

void prune_containers(Context& context, const PruneOptions& options) {
  if (!options.force && !is_wanted(context, "This will remove all stopped containers.")) return;
  Json answer = parse_document(
      context.client().post(prune_target("/containers/prune", options.filters)).body);
  std::vector<std::string> ids = texts_member(answer, "ContainersDeleted");
  if (!ids.empty()) context.out(fmt::format("Deleted Containers:\n{}\n\n", fmt::join(ids, "\n")));
  print_reclaimed(context, answer);
}

void prune_images(Context& context, PruneOptions options) {
  std::string_view warning =
      options.all ? "This will remove all images without at least one container associated to them."
                  : "This will remove all dangling images.";
  if (!options.force && !is_wanted(context, warning)) return;
  options.filters.push_back(options.all ? "dangling=false" : "dangling=true");
  Json answer =
      parse_document(context.client().post(prune_target("/images/prune", options.filters)).body);
  const Json& deleted = member(answer, "ImagesDeleted");
  if (deleted.is_array() && !deleted.empty()) {
    context.out_line("Deleted Images:");
    for (const Json& step : deleted) {
      std::string name = text_member(step, "Untagged");
      context.out_line(name.empty() ? "deleted: " + text_member(step, "Deleted")
                                    : "untagged: " + name);
    }
    context.out("\n");
  }
  print_reclaimed(context, answer);
}

CLI::App* add_prune(CLI::App& parent, const std::string& name, const std::string& description,
                    const std::shared_ptr<PruneOptions>& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("--filter", options->filters, "Only those that match, as until=24h")
      ->type_name("FILTER");
  command->add_flag("-f,--force", options->force, "Do not prompt for confirmation");
  return command;
}

}  // namespace

void add_container_prune(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PruneOptions>();
  add_prune(parent, name, "Remove all stopped containers", options)->callback([&context, options] {
    prune_containers(context, *options);
  });
}

void add_image_prune(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PruneOptions>();
  CLI::App* command = add_prune(parent, name, "Remove unused images", options);
  command->add_flag("-a,--all", options->all, "Remove all unused images, not just dangling ones");
  command->callback([&context, options] { prune_images(context, *options); });
}

}  // namespace ctr::cli
