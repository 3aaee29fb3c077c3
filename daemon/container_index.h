// Which containers there are, by id, prefix of an id, and name. Owned by Containers.
// Runs in: ctrd. Thread-safe; holds no container's lock.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/container.h"

namespace ctr::daemon {

class ContainerIndex {
 public:
  // By full id, name (with or without "/") or unambiguous prefix of an id, in this order. Throws
  // Error{invalid_argument} "multiple IDs found with provided prefix: x".
  std::shared_ptr<Container> find(std::string_view reference) const;
  // Throws Error{not_found} "No such container: x" instead.
  std::shared_ptr<Container> get(std::string_view reference) const;
  std::shared_ptr<Container> find_by_id(const std::string& id) const;
  std::vector<std::shared_ptr<Container>> list() const;  // newest first

  // Takes a name for an id. Throws Error{conflict} with Docker's text.
  void reserve_name(const std::string& name, const std::string& id);
  bool try_reserve_name(const std::string& name, const std::string& id);
  void release_name(const std::string& name, const std::string& id);

  void add(std::shared_ptr<Container> container);
  void remove(const std::string& id);  // and its names

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Container>, std::less<>> by_id_;
  std::map<std::string, std::string, std::less<>> names_;  // name → id
};

}  // namespace ctr::daemon
