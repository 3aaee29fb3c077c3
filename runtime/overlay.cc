#include "runtime/overlay.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <vector>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

// mount(2)'s flag; <sys/mount.h> and <linux/mount.h> exclude each other before glibc 2.37.
constexpr unsigned long ms_private = 1u << 18;

// Overlayfs's option for one layer is Linux 6.5's. Kernels before it write a line into their log for each
// option that they do not know: they are not asked.
bool has_layer_option() {
  utsname names{};
  int major = 0;
  int minor = 0;
  if (::uname(&names) < 0 || std::sscanf(names.release, "%d.%d", &major, &minor) != 2) return true;
  return major > 6 || (major == 6 && minor >= 5);
}

// nullopt: the kernel has no mount API (before 5.2), or no option for a single layer.
std::optional<sys::UniqueFd> find_overlay_filesystem(const Overlay& overlay) {
  if (!has_layer_option()) return std::nullopt;
  sys::FilesystemOptions options{
      .type = "overlay", .source = "overlay", .options = {}, .attributes = 0};
  for (const std::string& lower : overlay.lower) options.options.emplace_back("lowerdir+", lower);
  options.options.emplace_back("upperdir", overlay.upper);
  options.options.emplace_back("workdir", overlay.work);
  try {
    return sys::make_filesystem(options);
  } catch (const sys::Error& error) {
    if (error.error_number() != EINVAL && error.error_number() != ENOSYS) throw;
    return std::nullopt;
  }
}

// All layers in one string: fsconfig(2) takes 256 bytes of it and mount(2) a page, so that layers
// are named by descriptor. No name of ours can then hold a character that means something there
// (R19).
void mount_overlay_by_path(const Overlay& overlay, const std::string& where) {
  std::vector<sys::UniqueFd> kept;
  const auto short_name = [&](const std::string& path) {
    kept.push_back(sys::open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY));
    return sys::fd_path(kept.back().get());
  };
  std::string data;
  for (const std::string& lower : overlay.lower)
    data += (data.empty() ? "lowerdir=" : ":") + short_name(lower);
  data += ",upperdir=" + short_name(overlay.upper) + ",workdir=" + short_name(overlay.work);
  sys::mount_by_path("overlay", where, "overlay", 0, data);
}

}  // namespace

sys::UniqueFd attach_overlay(const Overlay& overlay, const std::string& where) {
  std::optional<sys::UniqueFd> tree = find_overlay_filesystem(overlay);
  if (tree) {
    sys::UniqueFd target = sys::open_at(AT_FDCWD, where, O_PATH | O_DIRECTORY);
    sys::attach_mount(tree->get(), target.get());
    sys::set_mount_attributes(tree->get(), 0, 0, ms_private, false);
  } else {
    mount_overlay_by_path(overlay, where);
    sys::mount_by_path("", where, "", ms_private, "");
    tree = sys::open_at(AT_FDCWD, where, O_PATH | O_DIRECTORY);
  }
  return std::move(*tree);
}

}  // namespace ctr::runtime
