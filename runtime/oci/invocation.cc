#include "runtime/oci/invocation.h"

#include <unistd.h>

#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

constexpr int failed = 1;
constexpr int exec_failed = 255;  // what runc's exec ends with when it is not the process's own code

std::string verb_help(const Verb& verb, const Options& options) {
  const std::string list = options.help();
  return fmt::format("Usage: ctr-runtime [GLOBAL OPTIONS] {}{}{}{}\n\n{}.\n{}{}{}", verb.name,
                     list.empty() ? "" : " [OPTIONS]", *verb.operands == 0 ? "" : " ",
                     verb.operands, verb.summary, verb.details, list.empty() ? "" : "\nOptions:\n",
                     list);
}

std::string count_text(const Verb& verb, size_t least, size_t most) {
  const bool is_exact = least == most;
  return fmt::format("ctr-runtime: \"{}\" requires {} {} argument(s); see 'ctr-runtime {} --help'",
                     verb.name, is_exact ? "exactly" : "a minimum of", least, verb.name);
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = {
      {"checkpoint", "CONTAINER", "Write a running container to disk: not supported", "",
       run_checkpoint, "", failed},
      {"create", "CONTAINER", "Make a container, whose program waits for 'start'",
       "The program and everything around it stand in config.json of the bundle.\n", run_create,
       "ctr-runtime create failed: ", failed, true},
      {"delete", "CONTAINER", "Take away a container that has ended, or was never started", "",
       run_delete, "", failed},
      {"events", "CONTAINER", "Show what a container uses, and when it runs out of memory",
       "One JSON object a line, until the container ends.\n", run_events, "", failed},
      {"exec", "CONTAINER [COMMAND [ARG...]]", "Run one more process in a container", "", run_exec,
       "exec failed: ", exec_failed, true},
      {"features", "", "Tell what this runtime can do, as JSON", "", run_features, "", failed},
      {"kill", "CONTAINER [SIGNAL]",
       "Send a signal, SIGTERM if none is named, to a container's first process", "", run_kill, "",
       failed},
      {"list", "", "List the containers below --root", "", run_list, "", failed},
      {"pause", "CONTAINER", "Stop all processes of a container where they are", "", run_pause, "",
       failed},
      {"ps", "CONTAINER [PS OPTION...]", "List the processes of a container", "", run_ps, "",
       failed},
      {"restore", "CONTAINER", "Go on with a checkpoint: not supported", "", run_restore, "",
       failed},
      {"resume", "CONTAINER", "Let the processes of a paused container run again", "", run_resume,
       "", failed},
      {"run", "CONTAINER", "Make and start a container, and stay until it ends",
       "The exit code is that of its program. The program stands in config.json of the bundle.\n",
       run_run, "ctr-runtime run failed: ", failed, true},
      {"spec", "", "Write a config.json to begin with", "", run_spec, "", failed},
      {"start", "CONTAINER", "Let the program of a created container begin", "", run_start, "",
       failed},
      {"state", "CONTAINER", "Tell the state of a container, as JSON", "", run_state, "", failed},
      {"update", "CONTAINER", "Change the limits of a container that runs", "", run_update, "",
       failed},
  };
  return table;
}

std::vector<std::string> Invocation::parse(const Options& options, size_t least,
                                           size_t most) const {
  Options::Parsed parsed;
  try {
    parsed = options.parse(words);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}; see 'ctr-runtime {} --help'", error.what(), verb.name));
  }
  if (parsed.help) {
    print(verb_help(verb, options));
    throw Exit{0};
  }
  if (parsed.operands.size() < least || parsed.operands.size() > most)
    throw UsageError(count_text(verb, least, most));
  return std::move(parsed.operands);
}

void print(std::string_view text) {
  sys::write_all(STDOUT_FILENO, text, "standard output");
}

}  // namespace ctr::runtime::oci
