#include "cli/commands/image_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/document.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

constexpr const char* none = "<none>";

// One repository of an image.
struct Names {
  std::string repository;
  std::vector<std::string> tags;
  std::vector<std::string> digests;
};

Names& of_repository(std::vector<Names>& all, const std::string& repository) {
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const Names& names) { return names.repository == repository; });
  return found != all.end() ? *found : all.emplace_back(Names{repository, {}, {}});
}

std::vector<Names> names_of(const Json& image) {
  std::vector<Names> all;
  for (const std::string& reference : texts_member(image, "RepoTags")) {
    auto [repository, tag] = split_tag(reference);
    if (repository != none) of_repository(all, repository).tags.push_back(tag);
  }
  for (const std::string& reference : texts_member(image, "RepoDigests")) {
    size_t at = reference.find('@');
    if (at == reference.npos || reference.starts_with(none)) continue;
    of_repository(all, reference.substr(0, at)).digests.push_back(reference.substr(at + 1));
  }
  return all;
}

std::string shared_size(const Json& image, bool unique) {
  int64_t size = number_member(image, "Size"), shared = number_member(image, "SharedSize");
  if (!member(image, "SharedSize").is_number() || shared < 0) return "N/A";
  return unique ? human_size(static_cast<double>(size - shared), 4)
                : human_size(static_cast<double>(shared), 4);
}

Json base_row(const Json& image, const RowOptions& options) {
  std::string id = text_member(image, "Id");
  int64_t created = number_member(image, "Created"),
          containers = number_member(image, "Containers");
  auto size = static_cast<double>(number_member(image, "Size"));
  Json row;
  row["ID"] = options.truncate ? short_id(id) : id;
  row["Repository"] = none;
  row["Tag"] = none;
  row["Digest"] = none;
  row["CreatedSince"] = human_duration(options.now - created) + " ago";
  row["CreatedAt"] = local_time(created);
  row["Size"] = human_size(size);
  bool counted = member(image, "Containers").is_number() && containers >= 0;
  row["Containers"] = counted ? std::to_string(containers) : "N/A";
  row["VirtualSize"] = human_size(size, 4);
  row["SharedSize"] = shared_size(image, false);
  row["UniqueSize"] = shared_size(image, true);
  return row;
}

}  // namespace

std::span<const Heading> image_headings() {
  static constexpr Heading headings[] = {{"ID", "IMAGE ID"},
                                         {"Repository", "REPOSITORY"},
                                         {"Tag", "TAG"},
                                         {"Digest", "DIGEST"},
                                         {"CreatedSince", "CREATED"},
                                         {"CreatedAt", "CREATED AT"},
                                         {"Size", "SIZE"},
                                         {"Containers", "CONTAINERS"},
                                         {"VirtualSize", "SIZE"},
                                         {"SharedSize", "SHARED SIZE"},
                                         {"UniqueSize", "UNIQUE SIZE"}};
  return headings;
}

std::pair<std::string, std::string> split_tag(const std::string& reference) {
  size_t slash = reference.rfind('/'), colon = reference.rfind(':');
  bool has_tag = colon != reference.npos && (slash == reference.npos || colon > slash);
  if (!has_tag) return {reference, ""};
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

std::vector<Json> image_rows(const Json& image, const RowOptions& options, bool with_digests) {
  Json row = base_row(image, options);
  std::vector<Json> rows;
  auto add = [&](const std::string& repository, const std::string& tag, const std::string& digest) {
    row["Repository"] = repository;
    row["Tag"] = tag;
    row["Digest"] = digest;
    rows.push_back(row);
  };
  for (const Names& names : names_of(image)) {
    std::vector<std::string> digests = names.digests;
    if (!with_digests) digests = {names.tags.empty() ? "" : none};
    if (digests.empty()) digests = {none};
    for (const std::string& tag : names.tags.empty() ? std::vector<std::string>{none} : names.tags)
      for (const std::string& digest : digests) add(names.repository, tag, digest);
  }
  if (rows.empty()) rows.push_back(row);
  return rows;
}

}  // namespace ctr::cli
