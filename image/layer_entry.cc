#include "image/layer_entry.h"

#include "runtime/sys/error.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view metadata_prefix = ".wh..wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";

bool is_below_metadata(std::string_view parent) {
  return parent.starts_with(metadata_prefix) || parent.find("/.wh..wh.") != std::string_view::npos;
}

}  // namespace

LayerPath parse_layer_path(std::string_view path) {
  if (path.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "invalid archive: an entry has no name");
  std::string clean = sys::clean_path(path);
  size_t slash = clean.rfind('/');
  if (clean == "/") return {};
  return {slash == 0 ? "" : clean.substr(1, slash - 1), clean.substr(slash + 1)};
}

NameMeaning parse_layer_name(const LayerPath& path) {
  if (is_below_metadata(path.parent)) return {Meaning::metadata, {}};
  if (path.name == opaque_name) return {Meaning::opaque, {}};
  if (path.name.starts_with(metadata_prefix)) return {Meaning::metadata, {}};
  if (!path.name.starts_with(whiteout_prefix)) return {};
  std::string target = path.name.substr(whiteout_prefix.size());
  // Joined to the directory these would name the directory itself or its parent.
  if (target.empty() || target == "." || target == "..")
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("invalid archive: whiteout '{}' names no file", path.name));
  return {Meaning::whiteout, std::move(target)};
}

bool is_layer_xattr(std::string_view name) {
  return !name.empty() && !name.starts_with("trusted.overlay.") &&
         !name.starts_with("user.overlay.");
}

}  // namespace ctr::image
