// ctr stats: what containers take, anew each second.
#include <poll.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <chrono>
#include <list>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/commands/stats_rows.h"
#include "cli/document.h"
#include "cli/raw_terminal.h"

namespace ctr::cli {

namespace {

using namespace std::chrono_literals;

constexpr const char* default_table =
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}"
    "\t{{.PIDs}}";

struct StatsOptions {
  bool all = false;
  bool no_stream = false;
  bool no_trunc = false;
  std::string format;
  std::vector<std::string> names;
};

// One container's samples, as they come.
struct Subject {
  std::string asked;
  BodyStream stream;
  Json sample = nullptr;
  int samples = 0;
  bool ended = false;
};

class StatsView {
 public:
  StatsView(Context& context, const StatsOptions& options)
      : context_(context), options_(options), format_(options.format, default_table) {}

  void run() {
    for (const std::string& name : options_.names) watch(name);
    auto next = std::chrono::steady_clock::now();
    while (true) {
      if (options_.names.empty()) watch_new_ones();
      // The second sample is the first that can tell a share of the processor.
      read_until(next += 1s);
      if (options_.no_stream && !all_have(2) && !all_ended()) continue;
      show();
      if (options_.no_stream || (!options_.names.empty() && subjects_.empty())) return;
    }
  }

 private:
  void watch(const std::string& name) {
    subjects_.push_back({name, context_.client().open_stream(
                                   {.target = container_target(name, "/stats?stream=1")})});
  }

  void watch_new_ones() {
    Query query;
    if (options_.all) query.add("all", true);
    Json list =
        parse_document(context_.client().call({.target = "/containers/json" + query.text()}).body);
    for (const Json& container : list) {
      std::string id = text_member(container, "Id");
      bool known = std::any_of(subjects_.begin(), subjects_.end(),
                               [&](const Subject& subject) { return subject.asked == id; });
      if (known) continue;
      try {
        watch(id);
      } catch (const ApiError&) {
        // Removed between the two requests.
      }
    }
  }

  void read_until(std::chrono::steady_clock::time_point end) {
    while (true) {
      std::vector<pollfd> items;
      std::vector<Subject*> readers;
      for (Subject& subject : subjects_) {
        // What came with the answer's head is here already, and poll does not tell of it.
        if (!subject.ended && subject.stream.has_buffered()) read_sample(subject);
        if (subject.ended) continue;
        items.push_back({subject.stream.descriptor(), POLLIN, 0});
        readers.push_back(&subject);
      }
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      if (::poll(items.data(), items.size(), static_cast<int>(left.count())) <= 0) break;
      for (size_t i = 0; i < items.size(); ++i)
        if (items[i].revents != 0) read_sample(*readers[i]);
    }
    subjects_.remove_if([](const Subject& subject) { return subject.ended; });
  }

  void read_sample(Subject& subject) {
    do {
      std::optional<std::string> line = subject.stream.read_line();
      if (!line) {
        subject.ended = true;
        return;
      }
      subject.sample = parse_document(*line);
      ++subject.samples;
    } while (subject.stream.has_buffered());
  }

  bool all_have(int count) const {
    return std::all_of(subjects_.begin(), subjects_.end(),
                       [&](const Subject& subject) { return subject.samples >= count; });
  }
  bool all_ended() const { return subjects_.empty(); }

  void show() {
    std::vector<Json> rows;
    for (const Subject& subject : subjects_)
      rows.push_back(stats_row(subject.asked, subject.sample, !options_.no_trunc));
    std::string text = format_.print(stats_headings(), rows);
    // On a terminal in place: home, and what is left of longer lines and of the lines below goes.
    if (!options_.no_stream && is_terminal(STDOUT_FILENO)) {
      std::string placed = "\033[H";
      for (char c : text) placed += c == '\n' ? std::string("\033[K\n") : std::string(1, c);
      text = placed + "\033[J";
    }
    context_.out(text);
    context_.flush();
  }

  Context& context_;
  const StatsOptions& options_;
  ListFormat format_;
  std::list<Subject> subjects_;
};

}  // namespace

void add_stats(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App* command = parent.add_subcommand(name, "Display what containers take, anew each second");
  command->add_flag("-a,--all", options->all, "Show all containers (default shows just running)");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("--no-stream", options->no_stream, "Show one result and end");
  command->add_flag("--no-trunc", options->no_trunc, "Don't truncate output");
  command->add_option("CONTAINER", options->names);
  command->callback([&context, options] { StatsView(context, *options).run(); });
}

}  // namespace ctr::cli
