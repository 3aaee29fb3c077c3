#include "cli/commands/disk_usage.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "cli/document.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

// The elements of a list that may be null.
const Json& list_member(const Json& answer, std::string_view name) {
  static const Json empty = Json::array();
  const Json& list = member(answer, name);
  return list.is_array() ? list : empty;
}

DiskUsage images_usage(const Json& answer) {
  DiskUsage usage{.type = "Images"};
  int64_t used = 0;
  for (const Json& image : list_member(answer, "Images")) {
    ++usage.count;
    if (number_member(image, "Containers") <= 0) continue;
    ++usage.active;
    // What it shares with other images stays with them.
    int64_t size = number_member(image, "Size"), shared = number_member(image, "SharedSize");
    if (size >= 0 && shared >= 0) used += size - shared;
  }
  usage.size = number_member(answer, "LayersSize");
  usage.reclaimable = usage.size - used;
  return usage;
}

DiskUsage containers_usage(const Json& answer) {
  DiskUsage usage{.type = "Containers"};
  for (const Json& container : list_member(answer, "Containers")) {
    std::string state = text_member(container, "State");
    bool active = state == "running" || state == "paused" || state == "restarting";
    int64_t size = number_member(container, "SizeRw");
    ++usage.count;
    usage.active += active;
    usage.size += size;
    if (!active) usage.reclaimable += size;
  }
  return usage;
}

DiskUsage volumes_usage(const Json& answer) {
  DiskUsage usage{.type = "Local Volumes"};
  for (const Json& volume : list_member(answer, "Volumes")) {
    const Json& data = member(volume, "UsageData");
    int64_t size = number_member(data, "Size");
    bool active = number_member(data, "RefCount") > 0;
    ++usage.count;
    usage.active += active;
    if (size < 0) continue;
    usage.size += size;
    if (!active) usage.reclaimable += size;
  }
  return usage;
}

DiskUsage cache_usage(const Json& answer) {
  DiskUsage usage{.type = "Build Cache"};
  for (const Json& entry : list_member(answer, "BuildCache")) {
    int64_t size = flag_member(entry, "Shared") ? 0 : number_member(entry, "Size");
    bool in_use = flag_member(entry, "InUse");
    ++usage.count;
    usage.active += in_use;
    usage.size += size;
    if (!in_use) usage.reclaimable += size;
  }
  return usage;
}

}  // namespace

std::vector<DiskUsage> disk_usage(const Json& answer) {
  return {images_usage(answer), containers_usage(answer), volumes_usage(answer),
          cache_usage(answer)};
}

std::string describe_reclaimable(const DiskUsage& usage) {
  std::string text = human_size(static_cast<double>(usage.reclaimable), 4);
  if (usage.size <= 0) return text;
  return fmt::format("{} ({}%)", text, usage.reclaimable * 100 / usage.size);
}

}  // namespace ctr::cli
