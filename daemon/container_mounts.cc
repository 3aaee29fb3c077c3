#include "daemon/container_mounts.h"

#include <algorithm>
#include <array>

#include "runtime/sys/error.h"
#include "runtime/sys/path.h"

namespace ctr::daemon {

namespace {

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format(format, std::forward<Arguments>(arguments)...));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_propagation(std::string_view text) {
  static constexpr std::array<std::string_view, 6> known{"private", "rprivate", "shared",
                                                         "rshared", "slave",    "rslave"};
  return std::find(known.begin(), known.end(), text) != known.end();
}

void check_destination(const std::string& destination, const std::string& prefix) {
  if (destination.empty()) refuse("{}field Target must not be empty", prefix);
  if (destination[0] != '/')
    refuse("{}invalid mount path: '{}' mount path must be absolute", prefix, destination);
  if (destination.size() > 4096) refuse("{}invalid mount path: too long", prefix);
  if (sys::clean_path(destination) == "/")
    refuse("{}invalid specification: destination can't be '/'", prefix);
}

// What stands behind the second colon of -v.
struct BindMode {
  bool writable = true;
  bool copy = true;
  std::string propagation;
};

BindMode parse_bind_mode(const std::string& text, bool is_volume) {
  BindMode mode;
  if (text.empty()) return mode;
  for (const std::string& word : split(text, ',')) {
    if (word == "ro" || word == "readonly")
      mode.writable = false;
    else if (is_propagation(word) && !is_volume && mode.propagation.empty())
      mode.propagation = word;
    else if (word == "nocopy" && is_volume)
      mode.copy = false;
    else if (word != "rw" && word != "z" && word != "Z" && word != "consistent" &&
             word != "cached" && word != "delegated")
      refuse("invalid mode: {}", text);
  }
  return mode;
}

MountPoint plan_bind_request(const MountRequest& request) {
  const std::string prefix = "invalid mount config for type \"bind\": ";
  if (request.source.empty()) refuse("{}field Source must not be empty", prefix);
  if (request.source[0] != '/')
    refuse("{}invalid mount path: '{}' mount path must be absolute", prefix, request.source);
  if (!request.propagation.empty() && !is_propagation(request.propagation))
    refuse("{}invalid propagation mode: {}", prefix, request.propagation);
  return {.type = "bind",
          .name = "",
          .source = sys::clean_path(request.source),
          .destination = request.target,
          .mode = "",
          .propagation = request.propagation.empty() ? "rprivate" : request.propagation,
          .writable = !request.read_only,
          .anonymous = false,
          .create_source = request.create_mountpoint,
          .non_recursive = request.non_recursive,
          .recursive_read_only = !request.read_only_non_recursive};
}

MountPoint plan_volume_request(const MountRequest& request) {
  if (!request.source.empty()) check_volume_name(request.source);
  if (!request.subpath.empty() && request.subpath[0] == '/')
    refuse(
        "invalid mount config for type \"volume\": subpath must be a relative path within the "
        "volume");
  if (!request.volume_driver.empty() && request.volume_driver != "local")
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("error looking up volume plugin {0}: plugin \"{0}\" not found",
                                 request.volume_driver));
  return {.type = "volume",
          .name = request.source,
          .source = "",
          .destination = request.target,
          .mode = "z",
          .propagation = "",
          .writable = !request.read_only,
          .anonymous = request.source.empty(),
          .no_copy = request.no_copy,
          .subpath = request.subpath,
          .volume_labels = request.volume_labels,
          .volume_options = request.volume_options};
}

MountPoint plan_tmpfs_request(const MountRequest& request) {
  const std::string prefix = "invalid mount config for type \"tmpfs\": ";
  if (!request.source.empty()) refuse("{}field Source must not be specified", prefix);
  if (request.tmpfs_size < 0) refuse("{}invalid size", prefix);
  return {.type = "tmpfs",
          .name = "",
          .source = "",
          .destination = request.target,
          .mode = "",
          .propagation = "",
          .writable = !request.read_only};
}

MountPoint plan_request(const MountRequest& request) {
  if (request.type != "bind" && request.type != "volume" && request.type != "tmpfs") {
    if (request.type == "image" || request.type == "npipe" || request.type == "cluster")
      throw sys::Error(sys::ErrorKind::unsupported,
                       fmt::format("mounts of type \"{}\" are not supported", request.type));
    refuse("mount type unknown: \"{}\"", request.type);
  }
  check_destination(request.target,
                    fmt::format("invalid mount config for type \"{}\": ", request.type));
  MountPoint mount = request.type == "bind"     ? plan_bind_request(request)
                     : request.type == "volume" ? plan_volume_request(request)
                                                : plan_tmpfs_request(request);
  mount.destination = sys::clean_path(mount.destination);
  return mount;
}

// What is mounted where, later wishes replacing earlier ones unless both are the user's own words.
class MountList {
 public:
  void add_unique(MountPoint mount) {
    auto same = find(mount.destination);
    if (same != mounts_.end() && same->explicit_wish)
      refuse("Duplicate mount point: {}", mount.destination);
    if (same != mounts_.end()) mounts_.erase(same);
    mounts_.push_back({std::move(mount), true});
  }
  void replace(MountPoint mount) {
    auto same = find(mount.destination);
    if (same != mounts_.end()) mounts_.erase(same);
    mounts_.push_back({std::move(mount), false});
  }
  void add_unless_there(MountPoint mount) {
    if (find(mount.destination) == mounts_.end()) mounts_.push_back({std::move(mount), false});
  }
  // --tmpfs at a path: an image's volume there is not wanted.
  void replace_volume(const std::string& destination) {
    auto same = find(destination);
    if (same == mounts_.end()) return;
    if (same->explicit_wish) refuse("Duplicate mount point: {}", destination);
    mounts_.erase(same);
  }
  std::vector<MountPoint> take() {
    std::vector<MountPoint> result;
    for (Entry& entry : mounts_) result.push_back(std::move(entry.mount));
    std::stable_sort(result.begin(), result.end(), [](const MountPoint& a, const MountPoint& b) {
      return sys::split_path(a.destination).size() < sys::split_path(b.destination).size();
    });
    return result;
  }

 private:
  struct Entry {
    MountPoint mount;
    bool explicit_wish = false;
  };
  std::vector<Entry>::iterator find(const std::string& destination) {
    return std::find_if(mounts_.begin(), mounts_.end(),
                        [&](const Entry& entry) { return entry.mount.destination == destination; });
  }
  std::vector<Entry> mounts_;
};

void add_volumes_from(MountList& list, const MountPlanInput& input) {
  for (const std::string& spec : input.host.volumes_from) {
    std::string name = spec.substr(0, spec.find(':'));
    std::string mode = name.size() == spec.size() ? "" : spec.substr(name.size() + 1);
    if (name.empty()) refuse("invalid volumes-from specification: '{}'", spec);
    BindMode parsed = parse_bind_mode(mode, false);
    for (MountPoint mount : input.mounts_of(name)) {
      if (mount.type == "tmpfs") continue;
      mount.writable = mount.writable && parsed.writable;
      mount.anonymous = false;  // it belongs to the other one

      list.replace(std::move(mount));
    }
  }
}

// An empty directory in the place of the kernel's files would blind whoever trusts them (attack R07).
void refuse_kernel_path(const std::string& path) {
  for (std::string_view top : {"/proc", "/sys"}) {
    const bool inside = path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
    if (inside) refuse("invalid volume specification '{}': a volume cannot be inside {}", path, top);
  }
}

MountPoint image_volume(const std::string& path) {
  check_destination(path, fmt::format("invalid volume specification '{}': ", path));
  refuse_kernel_path(sys::clean_path(path));
  return {.type = "volume",
          .name = "",
          .source = "",
          .destination = sys::clean_path(path),
          .mode = "",
          .propagation = "",
          .writable = true,
          .anonymous = true};
}

}  // namespace

bool is_valid_volume_name(std::string_view name) {
  auto alphanumeric = [](char c) { return isalnum(static_cast<unsigned char>(c)) != 0; };
  return name.size() >= 2 && name.size() <= 255 && alphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

void check_volume_name(const std::string& name) {
  if (name.size() == 1)
    refuse(
        "create {}: volume name is too short, names should be at least two alphanumeric "
        "characters",
        name);
  if (!is_valid_volume_name(name))
    refuse(
        "create {0}: \"{0}\" includes invalid characters for a local volume name, only "
        "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
        "use absolute path",
        name);
}

MountPoint parse_bind(const std::string& text) {
  std::vector<std::string> parts = split(text, ':');
  bool empty =
      std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
  if (parts.size() > 3 || empty) refuse("invalid volume specification: '{}'", text);
  if (parts.size() == 1) {
    check_destination(parts[0], fmt::format("invalid volume specification: '{}': ", text));
    return image_volume(parts[0]);
  }
  bool is_volume = parts[0][0] != '/';
  if (is_volume) check_volume_name(parts[0]);
  check_destination(parts[1],
                    fmt::format("invalid volume specification: '{}': invalid mount config for type "
                                "\"{}\": ",
                                text, is_volume ? "volume" : "bind"));
  BindMode mode = parse_bind_mode(parts.size() == 3 ? parts[2] : "", is_volume);
  return {.type = is_volume ? "volume" : "bind",
          .name = is_volume ? parts[0] : "",
          .source = is_volume ? "" : sys::clean_path(parts[0]),
          .destination = sys::clean_path(parts[1]),
          .mode = parts.size() == 3 ? parts[2] : (is_volume ? "z" : ""),
          .propagation = is_volume                  ? ""
                         : mode.propagation.empty() ? "rprivate"
                                                    : mode.propagation,
          .writable = mode.writable,
          .anonymous = false,
          .create_source = !is_volume,
          .no_copy = !mode.copy};
}

void check_tmpfs_options(const std::string& text) {
  static constexpr std::array<std::string_view, 20> flags{
      "ro",       "rw",         "exec",        "noexec",        "suid",    "nosuid",   "dev",
      "nodev",    "sync",       "async",       "atime",         "noatime", "diratime", "nodiratime",
      "relatime", "norelatime", "strictatime", "nostrictatime", "private", "rprivate"};
  static constexpr std::array<std::string_view, 7> values{
      "size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks=", "mpol="};
  if (text.empty()) return;
  for (const std::string& option : split(text, ',')) {
    bool flag = std::find(flags.begin(), flags.end(), option) != flags.end();
    bool value = std::any_of(values.begin(), values.end(), [&](std::string_view prefix) {
      return option.starts_with(prefix) && option.size() > prefix.size();
    });
    if (!flag && !value) refuse("invalid tmpfs option [\"{}\"]", option);
  }
}

std::vector<MountPoint> plan_mount_points(const MountPlanInput& input) {
  MountList list;
  add_volumes_from(list, input);
  for (const std::string& bind : input.host.binds) list.add_unique(parse_bind(bind));
  for (const MountRequest& request : input.host.mounts) list.add_unique(plan_request(request));
  for (const std::string& path : input.config.volumes) list.add_unless_there(image_volume(path));
  for (const auto& [destination, options] : input.host.tmpfs) {
    check_destination(destination, "invalid tmpfs mount: ");
    check_tmpfs_options(options);
    list.replace_volume(sys::clean_path(destination));
  }
  return list.take();
}

}  // namespace ctr::daemon
