// One place where a repository is reached, and the order in which places are tried. Internal to
// Repository (registry_client.cc, repository_push.cc).
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "image/registry_client.h"
#include "image/registry_error.h"
#include "image/registry_session.h"

namespace ctr::image {

struct Repository::Site {
  RegistrySession session;
  std::atomic<bool> given_up{false};

  Site(HttpClient& http, const RegistryConfig& config, Endpoint endpoint, std::string scope,
       Credentials credentials)
      : session(http, config, std::move(endpoint), std::move(scope), std::move(credentials)) {}

  mutable std::mutex mutex;
  std::string failure_text;  // of the last request that failed

  std::string last_failure() const;
  // Notes the failure. Whether the next site is to be tried after this failure.
  bool falls_back(const sys::Error& failure);
};

template <class Work>
auto Repository::at_first_that_works(Work work, const std::function<bool()>& may_repeat) {
  for (size_t i = 0; i + 1 < sites_.size(); ++i) {
    if (sites_[i]->given_up) continue;
    try {
      return work(sites_[i]->session);
    } catch (const sys::Error& failure) {
      if (!sites_[i]->falls_back(failure) || !may_repeat()) throw;
    }
  }
  return work(sites_.back()->session);
}

}  // namespace ctr::image
