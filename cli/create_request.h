// From the options of `run` and `create` to the body of POST /containers/create. Pure: the same
// command line and surroundings give the same request.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/attachment.h"
#include "cli/container_options.h"
#include "cli/environment.h"

namespace ctr::cli {

struct CreatePlan {
  std::string image;  // as typed
  std::string body;   // JSON text: Config with HostConfig and NetworkingConfig in it
  Streams streams;    // what run attaches to
};

// `operands` are the image and its command. Throws sys::Error{invalid_argument, unsupported}.
CreatePlan plan_create(const ContainerOptions& options, const std::vector<std::string>& operands,
                       bool detach, const Surroundings& surroundings);

// The parts: each writes into the request what its options say.
void plan_resources(const ContainerOptions& options, nlohmann::json& host_config);
void plan_restart(const ContainerOptions& options, nlohmann::json& host_config);
void plan_network(const ContainerOptions& options, nlohmann::json& config,
                  nlohmann::json& host_config);
void plan_files(const ContainerOptions& options, const Surroundings& surroundings,
                nlohmann::json& config, nlohmann::json& host_config);
void plan_isolation(const ContainerOptions& options, const Surroundings& surroundings,
                    nlohmann::json& host_config);

// "key=value" options as an object of texts; `flag` is for errors.
nlohmann::json key_values(const std::vector<std::string>& texts, std::string_view flag);

}  // namespace ctr::cli
