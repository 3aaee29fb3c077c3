// One call of ctr-runtime: what stands before the verb, the verb, and what stands behind it. Every verb
// is one file in verbs/ with one function; verbs.cc has the one table of them.
#pragma once

#include <string>
#include <vector>

#include "runtime/oci/log.h"
#include "runtime/oci/options.h"

namespace ctr::runtime::oci {

struct GlobalOptions {
  std::string root;        // where the containers' directories lie
  std::string log_path;    // empty: standard error
  std::string log_format = "text";
  bool debug = false;
  bool systemd_cgroup = false;
  std::string cgroup_manager = "cgroupfs";  // crun's way to say the same
  std::string rootless = "auto";
  bool version = false;
};

// Ends a call from anywhere with this exit code; what there was to say has been said.
struct Exit {
  int code;
};

struct Verb;

class Invocation {
 public:
  Invocation(const GlobalOptions& options, const Verb& called, const Log& call_log,
             std::vector<std::string> rest)
      : globals(options), verb(called), log(call_log), words(std::move(rest)) {}

  const GlobalOptions& globals;
  const Verb& verb;
  const Log& log;
  const std::vector<std::string> words;  // behind the verb

  // Fills the options' targets and returns the operands. Prints the help and throws Exit{0} for
  // --help; UsageError for fewer than `least` or more than `most` operands.
  std::vector<std::string> parse(const Options& options, size_t least, size_t most) const;
};

struct Verb {
  const char* name;
  const char* operands;  // "CONTAINER [SIGNAL]"
  const char* summary;   // "send a signal to a container's first process"
  const char* details;   // more of it, or ""
  int (*run)(const Invocation&);
  const char* failure;   // stands before the message of an error
  int failure_code;
  bool starts_processes = false;  // in containers: from a protected program only
};

const std::vector<Verb>& verbs();

// Everything to standard output.
void print(std::string_view text);

int run_checkpoint(const Invocation&);
int run_create(const Invocation&);
int run_delete(const Invocation&);
int run_events(const Invocation&);
int run_exec(const Invocation&);
int run_features(const Invocation&);
int run_kill(const Invocation&);
int run_list(const Invocation&);
int run_pause(const Invocation&);
int run_ps(const Invocation&);
int run_restore(const Invocation&);
int run_resume(const Invocation&);
int run_run(const Invocation&);
int run_spec(const Invocation&);
int run_start(const Invocation&);
int run_state(const Invocation&);
int run_update(const Invocation&);

}  // namespace ctr::runtime::oci
