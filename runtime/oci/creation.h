// What create and run have in common: from a bundle to a container that is ready to begin.
#pragma once

#include <optional>
#include <string>

#include "runtime/launch.h"
#include "runtime/oci/container_directory.h"
#include "runtime/oci/handover.h"
#include "runtime/oci/invocation.h"
#include "runtime/security/seccomp.h"

namespace ctr::runtime::oci {

struct CreationOptions {
  std::string bundle;  // empty: the current directory
  std::string config;  // empty: config.json of the bundle
  std::string console_socket;
  std::string pid_file;
  std::string pidfd_socket;
  std::optional<int64_t> preserved_descriptors;
  bool no_pivot = false;
  bool no_new_keyring = false;

  void declare(Options& options);
};

// Who lets the container's program begin.
enum class Starter {
  we,     // run: we do, and it is a child of ours until we end
  later,  // create: another call, `start`
};

// Each part undoes itself: destroyed before release(), nothing of the container is left.
struct PreparedContainer {
  ContainerDirectory directory;
  PendingContainer pending;
  sys::UniqueFd terminal;  // of a container whose terminal nobody else was given
  bool own_pid_namespace = true;

  // It is there to stay: somebody will delete it.
  void release();
};

PreparedContainer prepare_container(const Invocation& invocation, const std::string& id,
                                    const CreationOptions& options, const Inherited& inherited,
                                    Starter starter, bool detached);

// The filter of a container's processes; nullopt: it has none.
std::optional<CompiledFilter> compile_filter(const ContainerSpec& spec);

// Whether somebody will be there to hold the terminal. Error{invalid_argument} says what to do.
void check_console(bool terminal, bool detached, const std::string& console_socket);

// Gives the terminal to who listens at the socket. Without one it is returned.
sys::UniqueFd hand_over_terminal(sys::UniqueFd terminal, const std::string& console_socket);

}  // namespace ctr::runtime::oci
