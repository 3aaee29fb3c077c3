// What the daemon's process is like, set up before the first thread and the first file.
#pragma once

#include <functional>
#include <string>

namespace ctr::daemon {

// No core dumps and no ptrace by others (P11), no SIGPIPE, files 0755 at most, as many descriptors
// as the kernel allows, memory given back: a daemon that idles is small. Blocks the signals that
// wait_for_stop() takes: threads made later inherit that.
void set_up_process();

// Throws Error{forbidden} "ctrd needs root …".
void expect_root();

// Blocks until SIGTERM or SIGINT; returns its name. SIGHUP calls `on_hangup`.
std::string wait_for_stop(const std::function<void()>& on_hangup);

// Tells systemd (Type=notify) how far we are: "READY=1", "STOPPING=1". Nothing without systemd.
void notify_systemd(const std::string& state);

}  // namespace ctr::daemon
