// One entry of a layer's tar as values, checked for what no layer may hold. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctr::image {

enum class EntryKind { directory, file, symlink, hardlink, character_device, block_device, fifo };

struct LayerEntry {
  std::string path;  // as the archive has it: hostile
  EntryKind kind = EntryKind::file;
  std::string link_target;  // of a symbolic or a hard link: hostile
  mode_t mode = 0;          // permissions with setuid, setgid and sticky
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t size = 0;
  timespec mtime{};
  unsigned device_major = 0;
  unsigned device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// Where an entry goes: its directory ("" is the layer's root, else "a/b") and its name there, which
// is empty for the root itself. "." and ".." are gone, as text, before any link is looked at; what
// would leave the root stays in it, so "../x" is "x" (T01). Throws Error{invalid_argument} for an
// empty name.
struct LayerPath {
  std::string parent;
  std::string name;
  auto operator<=>(const LayerPath&) const = default;
};
LayerPath parse_layer_path(std::string_view path);

// What an entry's name says (the OCI image specification, "Whiteouts").
enum class Meaning {
  object,    // itself
  whiteout,  // ".wh.x": x of the layers below is gone
  opaque,    // ".wh..wh..opq": all that the layers below have in this directory is gone
  metadata,  // any other ".wh..wh.…": AUFS's own, ignored with all below it
};
struct NameMeaning {
  Meaning meaning = Meaning::object;
  std::string target;  // of a whiteout
};
// Throws Error{invalid_argument} for whiteouts of nothing, "." and ".." (T13).
NameMeaning parse_layer_name(const LayerPath& path);

// Attributes that overlayfs takes orders from must come from us alone (T15); all others are kept.
bool is_layer_xattr(std::string_view name);

}  // namespace ctr::image
