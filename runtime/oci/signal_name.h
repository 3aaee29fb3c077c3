// Signals as a command line names them.
#pragma once

#include <string>

namespace ctr::runtime::oci {

// "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3"; Error{invalid_argument} `unknown signal "FOO"`. Pure.
int parse_signal_name(const std::string& text);

}  // namespace ctr::runtime::oci
