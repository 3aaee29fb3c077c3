// The only JSON of the runtime: config.json of the OCI runtime specification, with what is ours under
// the key "ctr" (overlay, interfaces, compiled filter …), which other runtimes ignore.
#pragma once

#include <string>
#include <string_view>

#include "runtime/spec.h"

namespace ctr::runtime {

std::string to_json(const ContainerSpec& spec);
std::string process_to_json(const Process& process);

// Throw Error{invalid_argument} that names the field: "config.json: process.user.uid: expected a
// number". Unknown keys are ignored, as the specification wants it.
ContainerSpec parse_spec(std::string_view text);
Process parse_process(std::string_view text);
Resources parse_resources(std::string_view text);  // what linux.resources holds

}  // namespace ctr::runtime
