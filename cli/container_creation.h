// Creating a container as `run` and `create` do: with the pull before or after, the cidfile and the
// daemon's warnings.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/create_request.h"

namespace ctr::cli {

// Declares the options, and that image and command are operands.
void declare_creation(CLI::App* command, ContainerOptions& options);

// The operands' and options' request. Throws sys::Error.
CreatePlan plan_from_command_line(const Context& context, const ContainerOptions& options,
                                  bool detach);

// Returns the new container's id. Throws sys::Error; then there is no container and no cidfile.
std::string create_container(Context& context, const ContainerOptions& options,
                             const CreatePlan& plan);

}  // namespace ctr::cli
