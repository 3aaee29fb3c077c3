// ctr events, ctr system events: what happens, as it happens.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

#include "cli/commands.h"
#include "cli/commands/inspect_schema.h"
#include "cli/document.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/human.h"
#include "cli/timeframe.h"

namespace ctr::cli {

namespace {

struct EventsOptions {
  std::vector<std::string> filters;
  std::string format;
  std::string since;
  std::string until;
};

std::string events_query(const EventsOptions& options) {
  Query query;
  int64_t now = std::time(nullptr);
  if (!options.since.empty()) query.add("since", parse_point_in_time(options.since, now));
  if (!options.until.empty()) query.add("until", parse_point_in_time(options.until, now));
  if (std::string filters = filters_json(options.filters); !filters.empty())
    query.add("filters", filters);
  return query.text();
}

// "2026-11-14T22:13:20.123456789Z container create <id> (image=alpine, name=web)"
std::string event_line(const Json& event) {
  const Json& actor = member(event, "Actor");
  int64_t nanoseconds = number_member(event, "timeNano");
  if (nanoseconds == 0) nanoseconds = number_member(event, "time") * 1'000'000'000;
  std::vector<std::string> attributes;
  const Json& pairs = member(actor, "Attributes");
  if (pairs.is_object())
    for (const auto& [name, value] : pairs.items())
      attributes.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : ""));
  std::sort(attributes.begin(), attributes.end());
  std::string line =
      fmt::format("{} {} {} {}", local_rfc3339_nano(nanoseconds), text_member(event, "Type"),
                  text_member(event, "Action"), text_member(actor, "ID"));
  if (!attributes.empty()) line += fmt::format(" ({})", fmt::join(attributes, ", "));
  return line;
}

void show_events(Context& context, const EventsOptions& options) {
  std::optional<Template> format;
  if (!options.format.empty()) format = parse_object_format(options.format);
  BodyStream body = context.client().open_stream({.target = "/events" + events_query(options)});
  while (std::optional<std::string> line = body.read_line()) {
    if (line->empty()) continue;
    Json event = parse_document(*line);
    context.out_line(format ? format->execute(Value(std::move(event)), api_schema)
                            : event_line(event));
    if (!body.has_buffered()) context.flush();
  }
}

}  // namespace

void add_events(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<EventsOptions>();
  CLI::App* command = parent.add_subcommand(name, "Get real time events from the server");
  command->add_option("-f,--filter", options->filters, "Show only those that match, as event=die")
      ->type_name("FILTER");
  command->add_option("--format", options->format, "Format output: 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command
      ->add_option("--since", options->since,
                   "Show all events since a time or a duration ago (10m)")
      ->type_name("TIME");
  command->add_option("--until", options->until, "End at this time, or this duration ago")
      ->type_name("TIME");
  command->callback([&context, options] { show_events(context, *options); });
}

}  // namespace ctr::cli
