#include "image/image_removal.h"

#include <algorithm>
#include <set>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

std::string short_id(std::string_view id) {
  return std::string(id.substr(0, 12));
}

bool is_digest_name(std::string_view name) {
  return name.find('@') != std::string_view::npos;
}

// "localhost:5000/a:1" → "localhost:5000/a"; a tag has no slash, so the last colon after it counts.
std::string repository_of(std::string_view name) {
  size_t at = name.find('@');
  if (at != std::string_view::npos) return std::string(name.substr(0, at));
  return std::string(name.substr(0, name.rfind(':')));
}

std::vector<std::string> names_of(const Image& image) {
  std::vector<std::string> names = image.tags;
  names.insert(names.end(), image.repo_digests.begin(), image.repo_digests.end());
  return names;
}

// At most one tag, and all names within one repository: then an ID means that name.
bool is_one_reference(const Image& image) {
  std::set<std::string> repositories;
  for (const std::string& name : names_of(image)) repositories.insert(repository_of(name));
  return image.tags.size() <= 1 && repositories.size() <= 1;
}

const ImageUse* find_use(const RemovalRequest& request, bool running) {
  auto use = std::find_if(request.uses.begin(), request.uses.end(),
                          [&](const ImageUse& each) { return each.running == running; });
  return use == request.uses.end() ? nullptr : &*use;
}

[[noreturn]] void refuse_deletion(const RemovalRequest& request, bool forcible,
                                  std::string_view why) {
  throw Error(
      ErrorKind::conflict,
      fmt::format("conflict: unable to delete {} ({}) - {}", short_id(request.image.id.hex()),
                  forcible ? "must be forced" : "cannot be forced", why));
}

void expect_unused(const RemovalRequest& request) {
  if (const ImageUse* use = find_use(request, true))
    refuse_deletion(
        request, false,
        fmt::format("image is being used by running container {}", short_id(use->container_id)));
  const ImageUse* use = find_use(request, false);
  if (use != nullptr && !request.force)
    refuse_deletion(
        request, true,
        fmt::format("image is being used by stopped container {}", short_id(use->container_id)));
}

void expect_not_last_of_used(const RemovalRequest& request) {
  if (request.force || request.uses.empty() || !is_one_reference(request.image)) return;
  throw Error(ErrorKind::conflict,
              fmt::format("conflict: unable to remove repository reference \"{}\" (must force) - "
                          "container {} is using its referenced image {}",
                          request.written, short_id(request.uses[0].container_id),
                          short_id(request.image.id.hex())));
}

// The name, and with the last tag of a repository the digests that it was pulled by.
std::vector<std::string> names_that_go(const RemovalRequest& request) {
  std::vector<std::string> names = {request.name};
  if (is_digest_name(request.name)) return names;
  const std::string repository = repository_of(request.name);
  for (const std::string& tag : request.image.tags)
    if (tag != request.name && repository_of(tag) == repository) return names;
  for (const std::string& digest : request.image.repo_digests)
    if (repository_of(digest) == repository) names.push_back(digest);
  return names;
}

RemovalPlan plan_by_name(const RemovalRequest& request) {
  expect_not_last_of_used(request);
  RemovalPlan plan;
  plan.untag = names_that_go(request);
  bool names_left = plan.untag.size() < names_of(request.image).size();
  // Taken by force from an image whose containers run, the name goes and the image stays.
  plan.delete_image = !names_left && find_use(request, true) == nullptr;
  return plan;
}

RemovalPlan plan_by_id(const RemovalRequest& request) {
  expect_unused(request);
  if (!request.force && !is_one_reference(request.image))
    refuse_deletion(request, true, "image is referenced in multiple repositories");
  return {names_of(request.image), true};
}

}  // namespace

RemovalPlan plan_removal(const RemovalRequest& request) {
  return request.name.empty() ? plan_by_id(request) : plan_by_name(request);
}

std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain;
  for (const Digest& diff_id : diff_ids)
    chain.push_back(chain.empty() ? diff_id
                                  : Sha256::of(chain.back().text() + " " + diff_id.text()));
  return chain;
}

}  // namespace ctr::image
