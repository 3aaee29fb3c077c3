// Names of containers: which are allowed, and two words for those who give none.
// Pure; runs in: ctrd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ctr::daemon {

// Docker's rule: at least two of [a-zA-Z0-9_.-], the first alphanumeric; one leading "/" is
// allowed.
bool is_valid_container_name(std::string_view name);

// The name without its leading "/". Throws Error{invalid_argument} with Docker's text (R22).
std::string parse_container_name(std::string_view name);

// "brave_kepler": two words picked by `random`; with `attempt` above zero a digit is added, so that
// a host with very many containers still finds a free one.
std::string two_word_name(uint64_t random, unsigned attempt);

}  // namespace ctr::daemon
