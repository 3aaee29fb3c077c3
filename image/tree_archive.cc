#include "image/tree_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <vector>

#include "image/layer_entry.h"
#include "image/whiteouts.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

constexpr size_t piece_size = 256 << 10;
constexpr size_t xattr_limit = 64 << 10;  // the kernel's own for a list, and for a value

using Entry = std::unique_ptr<archive_entry, decltype(&::archive_entry_free)>;

// By a path of /proc that leads to the parent, so that also links and devices have theirs read
// without being opened.
std::string path_by_descriptor(int directory, const std::string& name) {
  return sys::fd_path(directory) + "/" + name;
}

std::vector<std::string> list_xattrs(const std::string& path) {
  std::string list(xattr_limit, '\0');
  ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
  std::vector<std::string> names;
  for (size_t at = 0; size > 0 && at < static_cast<size_t>(size);) {
    names.emplace_back(list.c_str() + at);
    at += names.back().size() + 1;
  }
  return names;
}

std::optional<std::string> find_xattr(const std::string& path, const std::string& name) {
  std::string value(xattr_limit, '\0');
  ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return std::nullopt;
  value.resize(static_cast<size_t>(size));
  return value;
}

// What a file really has, where it has holes.
void add_sparse_map(archive_entry* entry, int fd, const struct stat& status) {
  if (status.st_blocks * 512 >= status.st_size) return;
  off_t at = 0;
  while (at < status.st_size) {
    off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0 || data >= status.st_size) break;
    off_t hole = std::min(::lseek(fd, data, SEEK_HOLE), status.st_size);
    if (hole <= data) break;
    ::archive_entry_sparse_add_entry(entry, data, hole - data);
    at = hole;
  }
  // A file of one hole: the format wants an end.
  if (at == 0) ::archive_entry_sparse_add_entry(entry, status.st_size, 0);
}

}  // namespace

struct TreeArchive::State {
  State(Sink to, TreeForm of) : sink(std::move(to)), form(of), archive(::archive_write_new()) {
    check(::archive_write_set_format_pax(archive));
    check(::archive_write_set_format_option(archive, "pax", "xattrheader", "SCHILY"));
    check(::archive_write_set_bytes_per_block(archive, static_cast<int>(piece_size)));
    check(::archive_write_set_bytes_in_last_block(archive, 1));
    check(::archive_write_open(archive, this, nullptr, &State::write_callback, nullptr));
    buffer.resize(piece_size);
  }
  ~State() {
    // Not finished: nothing more goes out.
    sink = [](std::string_view) { return false; };
    ::archive_write_fail(archive);
    ::archive_write_free(archive);
  }

  static la_ssize_t write_callback(struct archive*, void* data, const void* piece,
                                   size_t size) noexcept {
    auto* self = static_cast<State*>(data);
    try {
      if (self->sink({static_cast<const char*>(piece), size})) return static_cast<la_ssize_t>(size);
      throw Error(ErrorKind::unavailable, "whoever read the archive went away");
    } catch (...) {
      self->failure = std::current_exception();
      return -1;
    }
  }

  void check(int result) {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    if (result >= ARCHIVE_WARN) return;
    const char* text = ::archive_error_string(archive);
    throw Error(ErrorKind::internal, fmt::format("cannot write the archive: {}",
                                                 text == nullptr ? "unknown error" : text));
  }

  void add(int directory, const std::string& name, const std::string& as);
  void add_below(int directory, const std::string& as);
  void add_file(int object, archive_entry* entry, const struct stat& status);
  void add_directory(int parent, const std::string& name, archive_entry* entry,
                     const std::string& as, bool with_content);
  void add_whiteout(const std::string& name);
  bool is_left_out(int directory, const std::string& name, const std::string& as,
                   const struct stat& status) const;
  bool find_link(archive_entry* entry, const struct stat& status, const std::string& as);
  void copy_content(int fd, uint64_t size);

  Sink sink;
  TreeForm form;
  struct archive* archive;
  std::exception_ptr failure;
  std::string buffer;
  std::map<std::pair<dev_t, ino_t>, std::string> links;  // of files with several names: the first
};

namespace {

Entry make_entry(const std::string& as, const struct stat& status, const IdRanges& ids = {}) {
  Entry entry(::archive_entry_new(), &::archive_entry_free);
  if (!entry) throw std::bad_alloc();
  ::archive_entry_set_pathname(entry.get(), as.c_str());
  ::archive_entry_set_mode(entry.get(), status.st_mode);
  ::archive_entry_set_uid(entry.get(), ids.uids.to_container(status.st_uid));
  ::archive_entry_set_gid(entry.get(), ids.gids.to_container(status.st_gid));
  ::archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  ::archive_entry_set_size(entry.get(), S_ISREG(status.st_mode) ? status.st_size : 0);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    ::archive_entry_set_rdevmajor(entry.get(), major(status.st_rdev));
    ::archive_entry_set_rdevminor(entry.get(), minor(status.st_rdev));
  }
  return entry;
}

void add_xattrs(archive_entry* entry, const std::string& path) {
  for (const std::string& name : list_xattrs(path)) {
    if (!is_layer_xattr(name)) continue;
    if (std::optional<std::string> value = find_xattr(path, name))
      ::archive_entry_xattr_add_entry(entry, name.c_str(), value->data(), value->size());
  }
}

// STATX_ATTR_MOUNT_ROOT, Linux 5.8: where the kernel cannot tell, nothing counts as a mount.
bool is_mount_root(int object) {
  struct statx status {};
  return ::statx(object, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

}  // namespace

void TreeArchive::State::add(int directory, const std::string& name, const std::string& as) {
  std::optional<UniqueFd> object = sys::find_at(directory, name, O_PATH | O_NOFOLLOW);
  if (!object) return;
  struct stat status {};
  sys::check(::fstat(object->get(), &status), "stat", as);
  if (S_ISSOCK(status.st_mode)) return;
  if (form.whiteouts && is_whiteout(status)) return add_whiteout(as);
  if (is_left_out(directory, name, as, status)) return;
  const bool is_mounted = form.stay_on_mount && is_mount_root(object->get());
  if (is_mounted && S_ISREG(status.st_mode)) status.st_size = 0;
  Entry entry = make_entry(S_ISDIR(status.st_mode) ? as + "/" : as, status, form.ids);
  if (find_link(entry.get(), status, as)) return;
  add_xattrs(entry.get(), path_by_descriptor(directory, name));
  if (S_ISDIR(status.st_mode)) return add_directory(directory, name, entry.get(), as, !is_mounted);
  if (S_ISREG(status.st_mode)) return add_file(object->get(), entry.get(), status);
  if (S_ISLNK(status.st_mode)) {
    std::string target(static_cast<size_t>(status.st_size) + 1, '\0');
    ssize_t length =
        sys::check(::readlinkat(object->get(), "", target.data(), target.size()), "readlink", as);
    target.resize(static_cast<size_t>(length));
    ::archive_entry_set_symlink(entry.get(), target.c_str());
  }
  check(::archive_write_header(archive, entry.get()));
}

bool TreeArchive::State::is_left_out(int directory, const std::string& name, const std::string& as,
                                     const struct stat& status) const {
  if (!form.left_out_if_empty.contains(as)) return false;
  if (S_ISREG(status.st_mode)) return status.st_size == 0;
  if (!S_ISDIR(status.st_mode)) return false;
  auto below = sys::find_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return below && sys::list_directory(below->get()).empty();
}

bool TreeArchive::State::find_link(archive_entry* entry, const struct stat& status,
                                   const std::string& as) {
  if (S_ISDIR(status.st_mode) || status.st_nlink < 2) return false;
  auto [known, is_first] = links.try_emplace({status.st_dev, status.st_ino}, as);
  if (is_first) return false;
  ::archive_entry_set_hardlink(entry, known->second.c_str());
  ::archive_entry_set_size(entry, 0);
  check(::archive_write_header(archive, entry));
  return true;
}

void TreeArchive::State::add_file(int object, archive_entry* entry, const struct stat& status) {
  if (::archive_entry_size(entry) == 0) return check(::archive_write_header(archive, entry));
  UniqueFd file = sys::reopen(object, O_RDONLY | O_NOCTTY);
  add_sparse_map(entry, file.get(), status);
  check(::archive_write_header(archive, entry));
  copy_content(file.get(), static_cast<uint64_t>(status.st_size));
}

// As many bytes as were announced: what a file lost meanwhile is written as zeros (by libarchive),
// what it won is left out. Of a sparse file libarchive takes the whole and leaves out the holes.
void TreeArchive::State::copy_content(int fd, uint64_t size) {
  uint64_t offset = 0;
  while (offset < size) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(size - offset, buffer.size()));
    ssize_t count =
        sys::check(sys::retry_on_signal([&] {
                     return ::pread(fd, buffer.data(), wanted, static_cast<off_t>(offset));
                   }),
                   "read");
    if (count == 0) return;
    la_ssize_t written = ::archive_write_data(archive, buffer.data(), static_cast<size_t>(count));
    check(written < 0 ? static_cast<int>(written) : ARCHIVE_OK);
    offset += static_cast<uint64_t>(count);
  }
}

void TreeArchive::State::add_directory(int parent, const std::string& name, archive_entry* entry,
                                       const std::string& as, bool with_content) {
  check(::archive_write_header(archive, entry));
  if (!with_content) return;
  std::optional<UniqueFd> directory =
      sys::find_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return;
  if (form.whiteouts && find_xattr(path_by_descriptor(parent, name), opaque_xattr) == "y")
    add_whiteout(as + "/.wh..opq");
  add_below(directory->get(), as + "/");
}

void TreeArchive::State::add_below(int directory, const std::string& as) {
  std::vector<std::string> names = sys::list_directory(directory);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) add(directory, name, as + name);
}

// "a/b" becomes "a/.wh.b".
void TreeArchive::State::add_whiteout(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string parent = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  struct stat status {};
  status.st_mode = S_IFREG | 0600;
  Entry entry = make_entry(parent + ".wh." + path.substr(parent.size()), status);
  check(::archive_write_header(archive, entry.get()));
}

TreeArchive::TreeArchive(Sink sink, TreeForm form)
    : state_(std::make_unique<State>(std::move(sink), form)) {}
TreeArchive::~TreeArchive() = default;

void TreeArchive::add(int directory, const std::string& name, const std::string& archived_as) {
  state_->add(directory, name, archived_as);
}

void TreeArchive::add_content(int directory) {
  state_->add_below(directory, "");
}

void TreeArchive::add_text(const std::string& archived_as, std::string_view content) {
  struct stat status {};
  status.st_mode = S_IFREG | 0644;
  status.st_size = static_cast<off_t>(content.size());
  Entry entry = make_entry(archived_as, status);
  state_->check(::archive_write_header(state_->archive, entry.get()));
  la_ssize_t written = ::archive_write_data(state_->archive, content.data(), content.size());
  state_->check(written < 0 ? static_cast<int>(written) : ARCHIVE_OK);
}

void TreeArchive::finish() {
  state_->check(::archive_write_close(state_->archive));
}

}  // namespace ctr::image
