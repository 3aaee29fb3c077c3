// The shape of Docker's Config, HostConfig and NetworkingConfig: every field's name, type and
// default, as data. A request is brought into that shape once, when it arrives: names in any case
// become the canonical ones (Go's rule), what is missing or null gets Docker's default, unknown
// fields are dropped, a wrong type is an error. What comes out is stored and echoed by inspect.
// Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ctr::daemon::api {

// `request` may be null: then all is default. Throw Error{invalid_argument} "invalid JSON: field
// HostConfig.Memory must be a whole number".
nlohmann::json normalise_config(const nlohmann::json& request);
nlohmann::json normalise_host_config(const nlohmann::json& request);
nlohmann::json normalise_networking_config(const nlohmann::json& request);
nlohmann::json normalise_endpoint(const nlohmann::json& request);  // one of its EndpointsConfig
// The body of an exec's creation.
nlohmann::json normalise_exec_config(const nlohmann::json& request);

// Only those fields of HostConfig that `request` has, canonical: what `update` changes.
nlohmann::json normalise_update(const nlohmann::json& request);

}  // namespace ctr::daemon::api
