#include "image/layer_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <limits>
#include <tuple>

#include "image/layer_metadata.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

using sys::check;
using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

// The errors that an archive provokes with its names, links and sizes; all others are the host's.
bool is_archives_fault(int error_number) {
  switch (error_number) {
    case ENAMETOOLONG:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case EFBIG:
    case EILSEQ:
    case EMLINK:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void fail(const std::string& why) {
  throw Error(ErrorKind::invalid_argument, "invalid archive: " + why);
}

void pwrite_all(int fd, std::string_view data, uint64_t offset, const std::string& name) {
  while (!data.empty()) {
    ssize_t count =
        check(sys::retry_on_signal([&] {
                return ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
              }),
              "write", name);
    data.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

uint64_t saturating_sum(uint64_t a, uint64_t b) {
  constexpr uint64_t limit = std::numeric_limits<int64_t>::max();  // what the database can hold
  return a > limit - std::min(b, limit) ? limit : a + b;
}

}  // namespace

LayerEntry LayerWriter::with_owner(LayerEntry entry) const {
  if (options_.owner) std::tie(entry.uid, entry.gid) = *options_.owner;
  entry.uid = options_.ids.uids.to_host(entry.uid);
  entry.gid = options_.ids.gids.to_host(entry.gid);
  return entry;
}

void LayerWriter::write_all(LayerReader& reader) {
  while (const LayerEntry* entry = reader.next()) {
    try {
      if (options_.owner || options_.ids.mapped())
        write(with_owner(*entry), reader);
      else
        write(*entry, reader);
    } catch (const Error& error) {
      if (!is_archives_fault(error.error_number())) throw;
      fail(fmt::format("'{}': {}", entry->path, error.what()));
    }
  }
  tree_.leave();
  reader.drain();
}

namespace {

LayerPath renamed(LayerPath place, const std::string& from, const std::string& to) {
  if (from == to) return place;
  std::string path = place.parent.empty() ? place.name : place.parent + "/" + place.name;
  if (from == ".") return parse_layer_path(to + "/" + path);
  if (path != from && !path.starts_with(from + "/")) return place;
  return parse_layer_path((to == "." ? "" : to) + path.substr(from.size()));
}

}  // namespace

// "../x" is "x" before it is put below anything.
LayerPath LayerWriter::place(const std::string& path) const {
  LayerPath place =
      renamed(parse_layer_path(path), options_.renamed.first, options_.renamed.second);
  if (options_.below.empty()) return place;
  place.parent = options_.below + "/" + place.parent;
  return place;
}

void LayerWriter::write(const LayerEntry& entry, LayerReader& reader) {
  LayerPath path = place(entry.path);
  NameMeaning name = options_.whiteouts ? parse_layer_name(path) : NameMeaning{};
  switch (name.meaning) {
    case Meaning::metadata:
      return;
    case Meaning::whiteout:
      whiteouts_.hide(tree_.open_parent(path.parent), name.target);
      return tree_.names_changed();
    case Meaning::opaque:
      whiteouts_.hide_content(tree_.open_parent(path.parent));
      return tree_.names_changed();
    case Meaning::object:
      return path.name.empty() ? write_root(entry) : write_object(entry, path, reader);
  }
}

void LayerWriter::write_object(const LayerEntry& entry, const LayerPath& path,
                               LayerReader& reader) {
  int parent = tree_.open_parent(path.parent);
  if (options_.keep_kinds) check_kind(parent, path.name, entry);
  switch (entry.kind) {
    case EntryKind::file:
      write_file(parent, path.name, entry, reader);
      break;
    case EntryKind::directory:
      write_directory(parent, path.name, entry);
      break;
    case EntryKind::symlink:
      write_symlink(parent, path.name, entry);
      break;
    case EntryKind::hardlink:
      write_hardlink(parent, path.name, entry);
      break;
    case EntryKind::character_device:
    case EntryKind::block_device:
    case EntryKind::fifo:
      write_node(parent, path.name, entry);
      break;
  }
  whiteouts_.added(parent, path.name);
}

// Docker's words, which its clients show.
void LayerWriter::check_kind(int parent, const std::string& name, const LayerEntry& entry) const {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return;
  const bool is_directory = S_ISDIR(status.st_mode);
  const bool wanted = entry.kind == EntryKind::directory;
  if (is_directory && !wanted)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("cannot overwrite directory \"{}\" with non-directory \"{}\"", name,
                            entry.path));
  if (!is_directory && wanted)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("cannot overwrite non-directory \"{}\" with directory \"{}\"", name,
                            entry.path));
}

// "./" describes the root directory; nothing may take its place (T09).
void LayerWriter::write_root(const LayerEntry& entry) {
  if (entry.kind != EntryKind::directory)
    fail(fmt::format("'{}' would replace the root directory", entry.path));
  tree_.leave();
  if (options_.below.empty()) return apply_metadata(tree_.root(), entry);
  if (auto directory = tree_.find_directory(options_.below))
    apply_metadata(directory->get(), entry);
}

void LayerWriter::remove_existing(int parent, const std::string& name) {
  sys::remove_tree(parent, name);
  tree_.names_changed();
}

template <class Make>
int LayerWriter::make_over(int parent, const std::string& name, const char* call, Make make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    remove_existing(parent, name);
    result = make();
  }
  return check(result, call, name);
}

void LayerWriter::write_file(int parent, const std::string& name, const LayerEntry& entry,
                             LayerReader& reader) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd file(make_over(parent, name, "create",
                          [&] { return ::openat(parent, name.c_str(), flags, 0600); }));
  if (entry.size > 0) write_content(file.get(), entry, reader);
  apply_metadata(file.get(), entry);
  size_ = saturating_sum(size_, entry.size);
}

void LayerWriter::write_content(int fd, const LayerEntry& entry, LayerReader& reader) {
  uint64_t end = 0;
  for (LayerReader::Block block; reader.next_block(block);) {
    pwrite_all(fd, block.data, block.offset, entry.path);
    end = block.offset + block.data.size();
  }
  if (end < entry.size)  // a sparse file that ends in a hole
    check(::ftruncate(fd, static_cast<off_t>(entry.size)), "truncate", entry.path);
}

void LayerWriter::write_directory(int parent, const std::string& name, const LayerEntry& entry) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  bool made = ::mkdirat(parent, name.c_str(), 0700) == 0;
  bool replaced = false;
  if (!made && errno != EEXIST) sys::throw_errno(errno, "mkdir", {"'" + name + "'"});
  UniqueFd directory(::openat(parent, name.c_str(), flags));
  if (!directory && !made && (errno == ENOTDIR || errno == ELOOP)) {
    // Not a directory, but a file or a link: the later entry wins, and the link is not followed
    // (T08).
    remove_existing(parent, name);
    check(::mkdirat(parent, name.c_str(), 0700), "mkdir", name);
    directory = UniqueFd(::openat(parent, name.c_str(), flags));
    made = replaced = true;
  }
  check(directory.get(), "open", name);
  if (made) whiteouts_.made_directory(directory.get(), replaced);
  // At once and by descriptor, not at the end by name, where a link may have taken the name (T11).
  // The time holds although entries follow: LayerTree gives it back to the directory.
  apply_metadata(directory.get(), entry);
}

void LayerWriter::write_symlink(int parent, const std::string& name, const LayerEntry& entry) {
  make_over(parent, name, "symlink",
            [&] { return ::symlinkat(entry.link_target.c_str(), parent, name.c_str()); });
  apply_metadata(parent, name, entry);
}

void LayerWriter::write_node(int parent, const std::string& name, const LayerEntry& entry) {
  mode_t type = entry.kind == EntryKind::fifo               ? S_IFIFO
                : entry.kind == EntryKind::character_device ? S_IFCHR
                                                            : S_IFBLK;
  dev_t device = ::makedev(entry.device_major, entry.device_minor);
  make_over(parent, name, "mknod",
            [&] { return ::mknodat(parent, name.c_str(), type | 0600, device); });
  apply_metadata(parent, name, entry);
}

// The target is looked for inside the root, too; a symbolic link as the target is linked itself,
// and neither mode nor owner is set: they are those of the target, which may be such a link (T04,
// T10).
void LayerWriter::write_hardlink(int parent, const std::string& name, const LayerEntry& entry) {
  LayerPath target = place(entry.link_target);
  std::optional<UniqueFd> directory = tree_.find_directory(target.parent);
  struct stat status {};
  if (!directory || target.name.empty() ||
      ::fstatat(directory->get(), target.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 ||
      is_overlay_whiteout(directory->get(), target.name))
    fail(fmt::format("'{}' is a hard link to '{}', which is not there", entry.path,
                     entry.link_target));
  if (S_ISDIR(status.st_mode))
    fail(fmt::format("'{}' is a hard link to the directory '{}'", entry.path, entry.link_target));
  struct stat existing {};
  bool already = ::fstatat(parent, name.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
                 existing.st_ino == status.st_ino && existing.st_dev == status.st_dev;
  if (already) return;  // to itself, or the same entry twice
  make_over(parent, name, "link", [&] {
    return ::linkat(directory->get(), target.name.c_str(), parent, name.c_str(), 0);
  });
}

}  // namespace ctr::image
