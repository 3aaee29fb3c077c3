// What `stop` and `restart` have in common: the signal and the time to end.
#pragma once

#include <CLI/App.hpp>

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ctr::cli {

struct StopOptions {
  std::vector<std::string> names;
  std::optional<int> seconds;  // -1: wait for ever
  std::string signal;
};

inline void add_stop_options(CLI::App* command, StopOptions& options) {
  command
      ->add_option("-t,--timeout,--time", options.seconds,
                   "Seconds to wait before the container is killed; -1 waits for ever")
      ->option_text("SECONDS");
  command->add_option("-s,--signal", options.signal, "Signal to send first")->option_text("SIGNAL");
  command->add_option("CONTAINER", options.names)->required();
}

inline std::string stop_query(const StopOptions& options) {
  Query query;
  if (options.seconds) query.add("t", *options.seconds);
  if (!options.signal.empty()) query.add("signal", options.signal);
  return query.text();
}

}  // namespace ctr::cli
