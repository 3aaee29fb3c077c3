#include "cli/commands/container_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/document.h"
#include "cli/human.h"
#include "cli/template/functions.h"

namespace ctr::cli {

namespace {

constexpr size_t command_width = 20;
constexpr size_t mount_width = 15;

std::string join(std::vector<std::string> parts) {
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string names_field(const Json& container, bool truncate) {
  std::vector<std::string> names;
  for (std::string name : texts_member(container, "Names")) {
    if (name.starts_with('/')) name.erase(0, 1);
    // "/web/db" is the name that a link gave it.
    if (!truncate || name.find('/') == name.npos) names.push_back(std::move(name));
  }
  return join(std::move(names));
}

std::string image_field(const Json& container, bool truncate) {
  std::string image = text_member(container, "Image");
  if (image.empty()) return "<no image>";
  if (!truncate) return image;
  if (is_full_id(image)) return short_id(image);
  bool names_its_id = short_id(text_member(container, "ImageID")) == short_id(image);
  return names_its_id ? short_id(image) : image.substr(0, image.find('@'));
}

std::string mounts_field(const Json& container, bool truncate) {
  std::vector<std::string> mounts;
  const Json& list = member(container, "Mounts");
  for (const Json& mount : list.is_array() ? list : Json::array()) {
    std::string name = text_member(mount, "Name");
    if (name.empty()) name = text_member(mount, "Source");
    mounts.push_back(truncate ? ellipsis(name, mount_width) : name);
  }
  return join(std::move(mounts));
}

int64_t count_local_volumes(const Json& container) {
  const Json& list = member(container, "Mounts");
  if (!list.is_array()) return 0;
  return std::count_if(list.begin(), list.end(),
                       [](const Json& mount) { return text_member(mount, "Driver") == "local"; });
}

std::string networks_field(const Json& container) {
  std::vector<std::string> names;
  const Json& networks = member(member(container, "NetworkSettings"), "Networks");
  if (!networks.is_object()) return "";
  for (const auto& [name, network] : networks.items()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return join(std::move(names));
}

std::string labels_field(const Json& labels) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : labels.items())
    pairs.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : ""));
  std::sort(pairs.begin(), pairs.end());
  return join(std::move(pairs));
}

std::string size_field(const Json& container) {
  std::string text = human_size(static_cast<double>(number_member(container, "SizeRw")));
  if (int64_t root = number_member(container, "SizeRootFs"); root > 0)
    text += fmt::format(" (virtual {})", human_size(static_cast<double>(root)));
  return text;
}

}  // namespace

std::span<const Heading> container_headings() {
  static constexpr Heading headings[] = {{"ID", "CONTAINER ID"},
                                         {"Names", "NAMES"},
                                         {"Image", "IMAGE"},
                                         {"Command", "COMMAND"},
                                         {"CreatedAt", "CREATED AT"},
                                         {"RunningFor", "CREATED"},
                                         {"Ports", "PORTS"},
                                         {"State", "STATE"},
                                         {"Status", "STATUS"},
                                         {"Size", "SIZE"},
                                         {"Labels", "LABELS"},
                                         {"Mounts", "MOUNTS"},
                                         {"LocalVolumes", "LOCAL VOLUMES"},
                                         {"Networks", "NETWORKS"},
                                         {"Platform", "PLATFORM"}};
  return headings;
}

Json container_row(const Json& container, const RowOptions& options) {
  std::string id = text_member(container, "Id"), command = text_member(container, "Command");
  int64_t created = number_member(container, "Created");
  Json labels = member(container, "Labels");
  if (!labels.is_object()) labels = Json::object();
  Json row;
  row["ID"] = options.truncate ? short_id(id) : id;
  row["Names"] = names_field(container, options.truncate);
  row["Image"] = image_field(container, options.truncate);
  row["Command"] = quote(options.truncate ? ellipsis(command, command_width) : command);
  row["CreatedAt"] = local_time(created);
  row["RunningFor"] = human_duration(options.now - created) + " ago";
  row["Ports"] = describe_ports(member(container, "Ports"));
  row["State"] = text_member(container, "State");
  row["Status"] = text_member(container, "Status");
  row["Size"] = size_field(container);
  row["Labels"] = labels_field(labels);
  row["Mounts"] = mounts_field(container, options.truncate);
  row["LocalVolumes"] = std::to_string(count_local_volumes(container));
  row["Networks"] = networks_field(container);
  row["Platform"] = nullptr;
  row["Label"] = std::move(labels);
  return row;
}

}  // namespace ctr::cli
