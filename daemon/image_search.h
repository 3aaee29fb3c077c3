// `docker search`: asks Docker Hub's index. Runs in: ctrd. Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <stop_token>
#include <string>

#include "daemon/api/filters.h"
#include "image/http_client.h"

namespace ctr::daemon {

class ImageSearch {
 public:
  explicit ImageSearch(const image::RegistryConfig& config) : http_(config) {}

  // GET /images/search's answer. Throws Error{invalid_argument} for what cannot be searched for,
  // Error{unavailable} if the index cannot be reached or answers nonsense.
  nlohmann::json search(const std::string& term, int64_t limit, const Filters& filters,
                        std::stop_token stop);

 private:
  image::HttpClient http_;
};

// The index's answer as Docker's API has it, filtered: is-official, is-automated, stars. Pure.
nlohmann::json search_results(const std::string& answer, const Filters& filters);

}  // namespace ctr::daemon
