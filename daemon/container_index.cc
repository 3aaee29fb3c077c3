#include "daemon/container_index.h"

#include <algorithm>

#include "runtime/sys/error.h"

namespace ctr::daemon {

std::shared_ptr<Container> ContainerIndex::find(std::string_view reference) const {
  std::lock_guard lock(mutex_);
  if (auto exact = by_id_.find(reference); exact != by_id_.end()) return exact->second;
  std::string_view name = reference;
  if (!name.empty() && name[0] == '/') name.remove_prefix(1);
  if (auto named = names_.find(name); named != names_.end()) {
    auto container = by_id_.find(named->second);
    // A name is reserved a moment before its container is there.
    return container == by_id_.end() ? nullptr : container->second;
  }
  if (reference.empty()) return nullptr;
  auto first = by_id_.lower_bound(reference);
  if (first == by_id_.end() || !first->first.starts_with(reference)) return nullptr;
  auto second = std::next(first);
  if (second != by_id_.end() && second->first.starts_with(reference))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("multiple IDs found with provided prefix: {}", reference));
  return first->second;
}

std::shared_ptr<Container> ContainerIndex::get(std::string_view reference) const {
  if (reference.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "invalid name or ID supplied: \"\"");
  std::shared_ptr<Container> container = find(reference);
  if (!container)
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("No such container: {}", reference.substr(0, 300)));
  return container;
}

std::shared_ptr<Container> ContainerIndex::find_by_id(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Container>> ContainerIndex::list() const {
  std::vector<std::shared_ptr<Container>> all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, container] : by_id_) all.push_back(container);
  }
  // The time of creation never changes: it may be read without the container's lock.
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->record.created > b->record.created; });
  return all;
}

bool ContainerIndex::try_reserve_name(const std::string& name, const std::string& id) {
  std::lock_guard lock(mutex_);
  return names_.emplace(name, id).second;
}

void ContainerIndex::reserve_name(const std::string& name, const std::string& id) {
  std::lock_guard lock(mutex_);
  auto [taken, inserted] = names_.emplace(name, id);
  if (inserted) return;
  throw sys::Error(
      sys::ErrorKind::conflict,
      fmt::format("Conflict. The container name \"/{}\" is already in use by container \"{}\". You "
                  "have to remove (or rename) that container to be able to reuse that name.",
                  name, taken->second));
}

void ContainerIndex::release_name(const std::string& name, const std::string& id) {
  std::lock_guard lock(mutex_);
  auto named = names_.find(name);
  if (named != names_.end() && named->second == id) names_.erase(named);
}

void ContainerIndex::add(std::shared_ptr<Container> container) {
  std::lock_guard lock(mutex_);
  names_[container->record.name] = container->id;
  by_id_[container->id] = std::move(container);
}

void ContainerIndex::remove(const std::string& id) {
  std::lock_guard lock(mutex_);
  by_id_.erase(id);
  std::erase_if(names_, [&](const auto& named) { return named.second == id; });
}

}  // namespace ctr::daemon
