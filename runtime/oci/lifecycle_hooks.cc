#include "runtime/oci/lifecycle_hooks.h"

#include <exception>

#include "runtime/spec_json.h"
#include "runtime/sys/error.h"

namespace ctr::runtime::oci {

namespace {

// Each by itself: one that fails does not keep the others from running.
void run_each(const std::vector<Hook>& hooks, const char* kind, const std::string& state,
              const Log& log) {
  for (const Hook& hook : hooks) {
    try {
      run_hooks({hook}, kind, state);
    } catch (const std::exception& error) {
      log.warning(error.what());
    }
  }
}

void run_late_hooks(const ContainerDirectory& directory, const Log& log, const char* kind,
                    std::vector<Hook> Hooks::*member, const char* status, bool is_running) {
  ContainerSpec spec;
  ContainerRecord record;
  try {
    // Given up before it was written: then there was never a process, nor anything to tell of.
    spec = parse_spec(directory.read_config());
    record = directory.read_record();
  } catch (const sys::Error&) {
    return;
  }
  run_each(spec.hooks.*member, kind,
           hook_state_json(spec, {record.id, record.bundle}, status, is_running ? record.pid : 0),
           log);
}

}  // namespace

void run_poststart_hooks(const ContainerDirectory& directory, const Log& log) {
  run_late_hooks(directory, log, "poststart", &Hooks::poststart, "running", true);
}

void run_poststop_hooks(const ContainerDirectory& directory, const Log& log) {
  run_late_hooks(directory, log, "poststop", &Hooks::poststop, "stopped", false);
}

}  // namespace ctr::runtime::oci
