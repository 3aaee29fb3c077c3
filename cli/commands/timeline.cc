// ctr timeline: the steps of a container's start, and what each took.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/table.h"

namespace ctr::cli {

namespace {

// The steps of the host's side are named after whose they are; the others are the container's own.
bool is_hosts(const std::string& step) {
  return step.starts_with("monitor: ") || step.starts_with("launch: ");
}

std::string milliseconds(int64_t microseconds) {
  return fmt::format("{}.{:03}", microseconds / 1000, microseconds % 1000);
}

// Both sides work at the same time: a step begins where the one before it on its own side ended. The
// container's first begins with the container, which is after the last of the host's.
std::string timeline_table(const Json& steps) {
  std::string table = "AT (ms)\tTOOK (ms)\tSIDE\tSTEP\n";
  int64_t host = 0, container = -1;
  for (const Json& step : steps) {
    const std::string name = text_member(step, "name");
    const int64_t at = number_member(step, "at");
    const bool hosts = is_hosts(name);
    if (!hosts && container < 0) container = host;
    int64_t& before = hosts ? host : container;
    table += fmt::format("{}\t{}\t{}\t{}\n", milliseconds(at), milliseconds(at - before),
                         hosts ? "host" : "container", name);
    before = at;
  }
  return table;
}

void show_timeline(Context& context, const std::string& container, bool as_json) {
  const std::string target = "/ctr/v1/containers/" + percent_encode(container) + "/timeline";
  const Json steps = parse_document(context.client().call({.target = target}).body);
  if (!steps.is_array())
    throw sys::Error(sys::ErrorKind::internal, "the daemon did not answer with a list of steps");
  if (as_json) return context.out_line(steps.dump());
  context.out(align_table(timeline_table(steps)));
}

struct TimelineOptions {
  std::string container;
  bool json = false;
};

}  // namespace

void add_timeline(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<TimelineOptions>();
  CLI::App* command = parent.add_subcommand(
      name, "Show the steps of a running container's start, and what each took");
  command->add_flag("--json", options->json, "As the daemon's answer: names, and microseconds since the first");
  command->add_option("CONTAINER", options->container)->required();
  command->callback([&context, options] { show_timeline(context, options->container, options->json); });
}

}  // namespace ctr::cli
