// ctr container|image|network|volume|system prune: what nobody uses goes.
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

void prune_volumes(Context& context, PruneOptions options) {
  std::string_view warning = options.all
                                 ? "This will remove all volumes that no container uses."
                                 : "This will remove anonymous volumes that no container uses.";
  if (!options.force && !is_wanted(context, warning)) return;
  if (options.all) options.filters.push_back("all=true");
  Json answer =
      parse_document(context.client().post(prune_target("/volumes/prune", options.filters)).body);
  std::vector<std::string> names = texts_member(answer, "VolumesDeleted");
  if (!names.empty()) context.out(fmt::format("Deleted Volumes:\n{}\n\n", fmt::join(names, "\n")));
  print_reclaimed(context, answer);
}

void prune_networks(Context& context, const PruneOptions& options) {
  std::string_view warning = "This will remove all custom networks that no container uses.";
  if (!options.force && !is_wanted(context, warning)) return;
  Json answer =
      parse_document(context.client().post(prune_target("/networks/prune", options.filters)).body);
  std::vector<std::string> names = texts_member(answer, "NetworksDeleted");
  if (!names.empty()) context.out(fmt::format("Deleted Networks:\n{}\n\n", fmt::join(names, "\n")));
}

// As Docker: containers, networks and images, in the order in which one frees the next.
void prune_system(Context& context, const PruneOptions& options, bool volumes) {
  std::string warning = fmt::format(
      "This will remove:\n  - all stopped containers\n  - all networks not used by at least one "
      "container\n{}  - {}\n",
      volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
      options.all ? "all images without at least one container associated to them"
                  : "all dangling images");
  if (!options.force && !is_wanted(context, warning)) return;
  PruneOptions unasked = options;
  unasked.force = true;
  prune_containers(context, unasked);
  prune_networks(context, unasked);
  PruneOptions anonymous = unasked;
  anonymous.all = false;
  if (volumes) prune_volumes(context, anonymous);
  prune_images(context, unasked);
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

void add_volume_prune(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PruneOptions>();
  CLI::App* command = add_prune(parent, name, "Remove unused anonymous volumes", options);
  command->add_flag("-a,--all", options->all, "Remove all unused volumes, named ones, too");
  command->callback([&context, options] { prune_volumes(context, *options); });
}

void add_network_prune(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PruneOptions>();
  add_prune(parent, name, "Remove all unused networks", options)->callback([&context, options] {
    prune_networks(context, *options);
  });
}

void add_system_prune(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PruneOptions>();
  auto volumes = std::make_shared<bool>(false);
  CLI::App* command = add_prune(parent, name, "Remove what nobody uses", options);
  command->add_flag("-a,--all", options->all, "Remove all unused images, not just dangling ones");
  command->add_flag("--volumes", *volumes, "Remove anonymous volumes, too");
  command->callback([&context, options, volumes] { prune_system(context, *options, *volumes); });
}

}  // namespace ctr::cli
