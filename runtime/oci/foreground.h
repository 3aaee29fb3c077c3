// Staying with a process: `run` and `exec` without --detach pass on signals and, where the process has
// a terminal, what is typed and shown, and end as it ends.
#pragma once

#include <signal.h>

#include "runtime/sys/process.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime::oci {

class Foreground {
 public:
  // Before the launch: from here on signals wait for wait_for() instead of ending us. With
  // `reaps_orphans`, what the process leaves behind becomes our child and is reaped.
  explicit Foreground(bool reaps_orphans);
  ~Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

  // Returns when the process, a child of ours, has ended and its terminal (empty: none) is drained.
  sys::ExitStatus wait_for(sys::Process& process, sys::UniqueFd terminal);

 private:
  // The signal that came; 0 if it was none that concerns the process.
  int take_signal(const sys::Process& process);

  sigset_t old_mask_{};
  sys::UniqueFd signals_;
};

}  // namespace ctr::runtime::oci
