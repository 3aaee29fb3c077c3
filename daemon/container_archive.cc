#include "daemon/container_archive.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include "image/apply_layer.h"
#include "image/inflate.h"
#include "image/layer_reader.h"
#include "image/layer_writer.h"
#include "image/tree_archive.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

namespace {

bool names_directory(const std::string& path) {
  return path.ends_with("/") || path.ends_with("/.") || path == "." || path.empty();
}

std::string parent_path(const std::vector<std::string>& parts) {
  std::string parent = "/";
  for (size_t i = 0; i + 1 < parts.size(); ++i) parent += parts[i] + "/";
  return parent;
}

// Where the object of a descriptor lies, as the kernel sees it from the root: both are descriptors
// of one mount namespace, so that the root's own path is the prefix.
std::string path_inside(int root, int fd) {
  const auto host_path = [](int of) {
    char text[PATH_MAX];
    ssize_t length = ::readlink(sys::fd_path(of).c_str(), text, sizeof text);
    return std::string(text, length < 0 ? 0 : static_cast<size_t>(length));
  };
  std::string top = host_path(root);
  std::string path = host_path(fd);
  if (top == "/") return path;
  return path.starts_with(top) ? path.substr(top.size()) : path;
}

// Docker's clients want to know where a link leads, not what it says. A link to nowhere leads to
// what it says.
std::string link_destination(int root, const FoundPath& found, const std::string& parent) {
  char text[PATH_MAX];
  ssize_t length = ::readlinkat(found.parent.get(), found.name.c_str(), text, sizeof text);
  if (length < 0) return "";
  std::string target(text, static_cast<size_t>(length));
  std::string path = target.starts_with("/") ? target : parent + "/" + target;
  try {
    if (auto object = sys::find_in_root(root, path, O_PATH))
      return path_inside(root, object->get());
  } catch (const sys::Error&) {
    // A loop: as good as nowhere.
  }
  return sys::clean_path(path);
}

// The directory that the archive goes to, as a path inside the root without links.
std::string expect_directory(int root, const std::string& path) {
  std::optional<sys::UniqueFd> found = sys::find_in_root(root, path, O_PATH);
  if (!found)
    throw sys::Error(sys::ErrorKind::not_found, fmt::format("no such directory: {}", path));
  struct stat status {};
  sys::check(::fstat(found->get(), &status), "stat", path);
  if (!S_ISDIR(status.st_mode))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("extraction point is not a directory: {}", path));
  return path_inside(root, found->get());
}

}  // namespace

uint32_t go_file_mode(mode_t mode) {
  // https://pkg.go.dev/io/fs#FileMode
  uint32_t result = mode & 0777;
  if (S_ISDIR(mode)) result |= 1U << 31;
  if (S_ISLNK(mode)) result |= 1U << 27;
  if (S_ISBLK(mode)) result |= 1U << 26;
  if (S_ISCHR(mode)) result |= 1U << 26 | 1U << 21;
  if (S_ISFIFO(mode)) result |= 1U << 25;
  if (S_ISSOCK(mode)) result |= 1U << 24;
  if ((mode & S_ISUID) != 0) result |= 1U << 23;
  if ((mode & S_ISGID) != 0) result |= 1U << 22;
  if ((mode & S_ISVTX) != 0) result |= 1U << 20;
  return result;
}

std::optional<FoundPath> find_path(int root, const std::string& path) {
  std::string clean = sys::clean_path("/" + path);
  std::vector<std::string> parts = sys::split_path(clean);
  FoundPath found;
  if (parts.empty() || names_directory(path)) {
    std::optional<sys::UniqueFd> directory = sys::find_in_root(root, clean, O_PATH | O_DIRECTORY);
    if (!directory) return std::nullopt;
    found.parent = std::move(*directory);
    found.name = ".";
  } else {
    std::optional<sys::UniqueFd> parent =
        sys::find_in_root(root, parent_path(parts), O_PATH | O_DIRECTORY);
    if (!parent) return std::nullopt;
    found.parent = std::move(*parent);
    found.name = parts.back();
  }
  struct stat status {};
  if (::fstatat(found.parent.get(), found.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return std::nullopt;
    sys::throw_errno(errno, "stat", {"'" + path + "'"});
  }
  const bool is_content = path == "." || path.ends_with("/.");
  found.stat = {
      .name = parts.empty() ? "/"
              : is_content  ? "."
                            : parts.back(),
      .size = static_cast<uint64_t>(status.st_size),
      .mode = go_file_mode(status.st_mode),
      .mtime = sys::Timestamp{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
      .link_target = ""};
  if (S_ISLNK(status.st_mode))
    found.stat.link_target = link_destination(root, found, parent_path(parts));
  return found;
}

namespace {

bool is_on_device_of(int root, const std::string& directory) {
  struct stat top {};
  struct stat below {};
  auto found = sys::find_in_root(root, directory, O_PATH | O_DIRECTORY);
  return found && ::fstat(root, &top) == 0 && ::fstat(found->get(), &below) == 0 &&
         top.st_dev == below.st_dev;
}

}  // namespace

void pack(const FoundPath& found, const image::IdRanges& ids, const std::function<bool(std::string_view)>& sink) {
  image::TreeArchive archive(sink, {.ids = ids});
  archive.add(found.parent.get(), found.name, found.stat.name == "/" ? "." : found.stat.name);
  archive.finish();
}

void unpack_into(int root, const std::string& path, const std::function<std::string_view()>& source,
                 const UnpackOptions& options) {
  std::string directory = expect_directory(root, path);
  image::InflatingSource inflated(source);
  image::LayerReader reader([&] { return inflated.next(); });
  // The container's root is one tree, there are no layers below it to hide anything of.
  std::unique_ptr<image::Whiteouts> whiteouts = image::make_deleting_whiteouts(root);
  image::LayerWriter writer(root, *whiteouts,
                            {.below = directory,
                             .whiteouts = false,
                             .keep_kinds = options.keep_kinds,
                             .owner = options.owner,
                             .ids = options.ids});
  try {
    writer.write_all(reader);
  } catch (const sys::Error& error) {
    if (error.error_number() != EROFS) throw;
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     is_on_device_of(root, directory) ? "container rootfs is marked read-only"
                                                      : "mounted volume is marked read-only",
                     EROFS);
  }
}

void copy_tree(int root, const std::string& path, const std::string& target) {
  std::optional<sys::UniqueFd> source = sys::find_in_root(root, path, O_RDONLY | O_DIRECTORY);
  if (!source) return;
  const std::string copy = target + ".new-" + sys::random_hex(8);
  sys::check(::mkdir(copy.c_str(), 0700), "mkdir", copy);
  try {
    auto [reader_end, writer_end] = sys::socket_pair(SOCK_STREAM);
    std::future<void> packing = std::async(
        std::launch::async, [from = source->get(), to = std::move(writer_end)]() mutable {
          image::TreeArchive archive([&](std::string_view piece) {
            sys::write_all(to.get(), piece, "pipe");
            return true;
          });
          archive.add(from, ".", ".");
          archive.finish();
          to.reset();
        });
    {
      // Closed before the packing is waited for, which a failed unpacking else would never end.
      sys::UniqueFd input = std::move(reader_end);
      sys::UniqueFd top = sys::open_at(AT_FDCWD, copy, O_RDONLY | O_DIRECTORY);
      image::apply_tree(top.get(), input.get());
    }
    packing.get();
    sys::check(::rename(copy.c_str(), target.c_str()), "rename", copy);
  } catch (...) {
    sys::remove_tree(copy);
    throw;
  }
  sys::sync_directory(sys::clean_path(target + "/.."));
}

}  // namespace ctr::daemon
