#include "daemon/volumes.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/container_mounts.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

constexpr std::string_view first_version = R"sql(
CREATE TABLE volumes (
  name TEXT PRIMARY KEY,
  created INTEGER NOT NULL,
  labels TEXT NOT NULL,            -- JSON objects
  options TEXT NOT NULL
) WITHOUT ROWID;
)sql";

std::vector<std::string> split_options(const std::string& text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string text_of(const std::map<std::string, std::string>& values, const char* key) {
  auto value = values.find(key);
  return value == values.end() ? "" : value->second;
}

}  // namespace

VolumeSource plan_volume_source(const Volume& volume) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::invalid_argument, fmt::format("create {}: {}", volume.name, why));
  };
  for (const auto& [key, value] : volume.options)
    if (key != "type" && key != "device" && key != "o")
      refuse(fmt::format("invalid option: \"{}\"", key));
  if (volume.options.empty()) return {.path = volume.mountpoint};
  std::string type = text_of(volume.options, "type");
  std::string device = text_of(volume.options, "device");
  std::vector<std::string> options = split_options(text_of(volume.options, "o"));
  if (type.empty()) refuse("missing required option: \"type\"");
  if (device.empty()) refuse("missing required option: \"device\"");
  const bool binds = std::any_of(options.begin(), options.end(), [](const std::string& option) {
    return option == "bind" || option == "rbind";
  });
  if (type == "tmpfs")
    return {.path = volume.mountpoint,
            .filesystem = type,
            .device = device,
            .options = options,
            .shared = true};
  if (type != "none" && type != "bind" && !binds)
    return {.path = "", .filesystem = type, .device = device, .options = options};
  if (device[0] != '/') refuse(fmt::format("the device '{}' is not an absolute path", device));
  return {.path = device};
}

std::vector<std::string> resolve_server_address(const std::string& filesystem,
                                                std::vector<std::string> options) {
  constexpr std::string_view key = "addr=";
  if (filesystem != "nfs" && filesystem != "nfs4" && filesystem != "cifs") return options;
  for (std::string& option : options) {
    if (!option.starts_with(key)) continue;
    const std::string host = option.substr(key.size());
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (failure != 0)
      throw Error(ErrorKind::unavailable,
                  fmt::format("error resolving passed in network volume address '{}': {}", host,
                              ::gai_strerror(failure)));
    char text[NI_MAXHOST];
    const int shown = ::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr,
                                    0, NI_NUMERICHOST);
    ::freeaddrinfo(found);
    if (shown == 0) option = std::string(key) + text;
  }
  return options;
}

Volumes::Hold::Hold(Volumes& volumes, std::string name)
    : volumes_(&volumes), name_(std::move(name)) {
  ++volumes_->holds_[name_];  // with the mutex held
}

Volumes::Hold::~Hold() {
  if (volumes_ == nullptr) return;
  std::lock_guard lock(volumes_->mutex_);
  if (--volumes_->holds_[name_] == 0) volumes_->holds_.erase(name_);
}

Volumes::Volumes(image::Database& database, Events& events, std::string directory)
    : database_(database), events_(events), directory_(std::move(directory)) {
  sys::make_directories(directory_, 0711);
  database_.migrate("volumes", {first_version});
  for (const std::string& name : sys::list_directory(directory_))
    if (name.starts_with(".removed-")) sys::remove_tree(directory_ + "/" + name);
}

std::string Volumes::path(const std::string& name) const {
  return directory_ + "/" + name + "/_data";
}

Volumes::Ensured Volumes::ensure(const Volume& wanted) {
  Volume volume = wanted;
  if (volume.name.empty()) {
    volume.name = sys::random_hex(32);
    volume.labels.try_emplace(anonymous_volume_label, "");
  }
  check_volume_name(volume.name);
  std::lock_guard lock(mutex_);
  if (sys::exists(path(volume.name)))
    volume = describe(volume.name);
  else
    make(volume);
  return {volume, Hold(*this, volume.name)};
}

// The row first: a crash in between leaves a row without a directory, which is no volume and is
// replaced by the next one of its name.
void Volumes::make(Volume& volume) {
  volume.mountpoint = path(volume.name);
  volume.created = sys::now();
  plan_volume_source(volume);
  image::Statement insert(database_,
                          "INSERT OR REPLACE INTO volumes (name, created, labels, options) "
                          "VALUES (?, ?, ?, ?)");
  insert.bind(volume.name, volume.created, dump_json(volume.labels), dump_json(volume.options))
      .run();
  // 0701 as Docker has it: root's alone, but what lies below can be reached by its owner's path.
  sys::make_directories(directory_ + "/" + volume.name, 0701);
  if (::mkdir(volume.mountpoint.c_str(), 0755) < 0 && errno != EEXIST)
    sys::throw_errno(errno, "mkdir", {"'" + volume.mountpoint + "'"});
  sys::sync_directory(directory_);  // a volume may not be lost by a power cut
  events_.publish({.type = "volume",
                   .action = "create",
                   .id = volume.name,
                   .attributes = {{"driver", "local"}}});
}

Volume Volumes::describe(const std::string& name) const {
  Volume volume{.name = name, .mountpoint = path(name), .created = 0, .labels = {}, .options = {}};
  {
    image::Statement select(database_,
                            "SELECT created, labels, options FROM volumes WHERE name = ?");
    if (select.bind(name).step()) {
      volume.created = select.integer(0);
      volume.labels = json::parse(select.text(1)).get<std::map<std::string, std::string>>();
      volume.options = json::parse(select.text(2)).get<std::map<std::string, std::string>>();
      return volume;
    }
  }
  // Made before there were rows, or by hand.
  struct stat status {};
  if (::stat(volume.mountpoint.c_str(), &status) == 0)
    volume.created = sys::Timestamp{status.st_ctim.tv_sec} * 1'000'000'000;
  return volume;
}

std::optional<Volume> Volumes::find(const std::string& name) const {
  if (!is_valid_volume_name(name) || !sys::exists(path(name))) return std::nullopt;
  return describe(name);
}

Volume Volumes::get(const std::string& name) const {
  std::optional<Volume> volume = find(name);
  if (!volume) throw Error(ErrorKind::not_found, fmt::format("get {}: no such volume", name));
  return std::move(*volume);
}

std::vector<Volume> Volumes::list() const {
  std::vector<Volume> volumes;
  for (const std::string& name : sys::list_directory(directory_))
    if (std::optional<Volume> volume = find(name)) volumes.push_back(std::move(*volume));
  std::sort(volumes.begin(), volumes.end(),
            [](const Volume& a, const Volume& b) { return a.name < b.name; });
  return volumes;
}

void Volumes::remove(const std::string& name,
                     const std::function<std::vector<std::string>(const std::string&)>& users) {
  // Out of sight in one step, so that a crash leaves no half of a volume under its name.
  const std::string gone = directory_ + "/.removed-" + sys::random_hex(8);
  {
    std::lock_guard lock(mutex_);
    get(name);
    std::vector<std::string> ids = users(name);
    if (!ids.empty() || holds_.contains(name))
      throw Error(ErrorKind::conflict,
                  fmt::format("remove {}: volume is in use - [{}]", name, fmt::join(ids, ", ")));
    sys::check(::rename((directory_ + "/" + name).c_str(), gone.c_str()), "rename",
               directory_ + "/" + name);
    image::Statement(database_, "DELETE FROM volumes WHERE name = ?").bind(name).run();
  }
  sys::remove_tree(gone);
  events_.publish(
      {.type = "volume", .action = "destroy", .id = name, .attributes = {{"driver", "local"}}});
}

}  // namespace ctr::daemon
