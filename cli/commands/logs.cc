// ctr logs: what a container has written, and with -f what it goes on to write.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <ctime>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/stream_demux.h"
#include "cli/timeframe.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

struct LogsOptions {
  bool details = false;
  bool follow = false;
  bool timestamps = false;
  std::string since;
  std::string until;
  std::string tail = "all";
  std::string container;
};

std::string logs_query(const LogsOptions& options) {
  Query query;
  query.add("stdout", true).add("stderr", true);
  if (options.details) query.add("details", true);
  if (options.follow) query.add("follow", true);
  if (options.timestamps) query.add("timestamps", true);
  int64_t now = std::time(nullptr);
  if (!options.since.empty()) query.add("since", parse_point_in_time(options.since, now));
  if (!options.until.empty()) query.add("until", parse_point_in_time(options.until, now));
  query.add("tail", options.tail);
  return query.text();
}

// The answer says whether it has frames; daemons before API 1.42 do not, and are asked.
bool is_framed(Context& context, const std::string& container, const ResponseHead& head) {
  std::string type = head.header("content-type").value_or("");
  if (type == "application/vnd.docker.multiplexed-stream") return true;
  if (type == "application/vnd.docker.raw-stream") return false;
  Json answer = parse_document(context.client().call({.target = container + "/json"}).body);
  return !flag_member(member(answer, "Config"), "Tty");
}

void write_output(Context& context, OutputStream stream, std::string_view text) {
  bool is_error = stream == OutputStream::standard_error;
  try {
    sys::write_all(is_error ? STDERR_FILENO : STDOUT_FILENO, text, "standard output");
  } catch (const sys::Error& error) {
    // `ctr logs -f x | head`: nobody reads any more.
    if (error.error_number() == EPIPE) throw Exit{context.exit_code};
    throw;
  }
}

void show_logs(Context& context, const LogsOptions& options) {
  std::string container = "/containers/" + percent_encode(options.container);
  BodyStream body =
      context.client().open_stream({.target = container + "/logs" + logs_query(options)});
  bool framed = is_framed(context, container, body.head());
  StreamDemux demux(
      [&](OutputStream stream, std::string_view text) { write_output(context, stream, text); });
  std::array<char, 64 << 10> buffer;
  while (size_t size = body.read(buffer.data(), buffer.size())) {
    std::string_view data(buffer.data(), size);
    if (framed)
      demux.feed(data);
    else
      write_output(context, OutputStream::standard_output, data);
  }
  if (demux.incomplete())
    throw sys::Error(sys::ErrorKind::unavailable, "the daemon's stream of logs was cut off");
}

}  // namespace

void add_logs(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* command = parent.add_subcommand(name, "Fetch the logs of a container");
  command->add_option("CONTAINER", options->container)->required();
  command->add_flag("--details", options->details, "Show extra details provided to logs");
  command->add_flag("-f,--follow", options->follow, "Follow log output");
  command
      ->add_option("--since", options->since,
                   "Show logs since a time (2026-01-31T10:00:00) or a duration ago (42m)")
      ->type_name("TIME");
  command
      ->add_option("-n,--tail", options->tail, "Number of lines to show from the end of the logs")
      ->type_name("LINES");
  command->add_flag("-t,--timestamps", options->timestamps, "Show timestamps");
  command
      ->add_option("--until", options->until,
                   "Show logs before a time (2026-01-31T10:00:00) or a duration ago (42m)")
      ->type_name("TIME");
  command->callback([&context, options] { show_logs(context, *options); });
}

}  // namespace ctr::cli
