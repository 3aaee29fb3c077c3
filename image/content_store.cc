#include "image/content_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <ctime>
#include <vector>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

constexpr size_t read_piece = 256 << 10;

std::string blob_directory(const std::string& directory) {
  return directory + "/sha256";
}
std::string ingest_directory(const std::string& directory) {
  return directory + "/ingest";
}

struct stat status_of(int fd, const std::string& name) {
  struct stat status {};
  sys::check(::fstat(fd, &status), "fstat", name);
  return status;
}

// A writer that has just committed renames the file that we opened and waited for: only the file
// that still has the name is the ingest.
bool still_named(int fd, const std::string& path) {
  struct stat named {};
  struct stat opened = status_of(fd, path);
  return ::lstat(path.c_str(), &named) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}

bool try_lock(int fd) {
  return sys::retry_on_signal([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0;
}

template <class Sink>
uint64_t read_pieces(int fd, const std::string& name, Sink sink) {
  std::string buffer(read_piece, '\0');
  uint64_t total = 0;
  while (true) {
    ssize_t count =
        sys::check(sys::retry_on_signal([&] { return ::read(fd, buffer.data(), buffer.size()); }),
                   "read", name);
    if (count == 0) return total;
    sink(std::string_view(buffer.data(), static_cast<size_t>(count)));
    total += static_cast<uint64_t>(count);
  }
}

}  // namespace

ContentStore::ContentStore(std::string directory) : directory_(std::move(directory)) {
  sys::make_directories(blob_directory(directory_), 0700);
  sys::make_directories(ingest_directory(directory_), 0700);
}

std::string ContentStore::path(const Digest& digest) const {
  return blob_directory(directory_) + "/" + digest.hex();
}

std::optional<uint64_t> ContentStore::find_size(const Digest& digest) const {
  struct stat status {};
  if (::lstat(path(digest).c_str(), &status) < 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

UniqueFd ContentStore::open(const Digest& digest) const {
  std::optional<UniqueFd> fd = sys::find_at(AT_FDCWD, path(digest), O_RDONLY | O_NOFOLLOW);
  if (!fd) throw Error(ErrorKind::not_found, fmt::format("content {} not found", digest.text()));
  return std::move(*fd);
}

std::string ContentStore::read(const Digest& digest, size_t limit) const {
  std::string content = sys::read_all(open(digest).get(), limit, path(digest));
  if (Sha256::of(content) != digest)
    throw Error(ErrorKind::internal,
                fmt::format("content {} is corrupt: '{}' does not match its digest", digest.text(),
                            path(digest)));
  return content;
}

ContentWriter ContentStore::ingest(const Digest& expected,
                                   const std::function<void(std::string_view)>& resumed) {
  const std::string name = ingest_directory(directory_) + "/" + expected.hex();
  UniqueFd fd;
  do {
    fd = sys::open_at(AT_FDCWD, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!try_lock(fd.get()))
      throw Error(ErrorKind::conflict,
                  fmt::format("content {} is being written already", expected.text()));
  } while (!still_named(fd.get(), name));

  ContentWriter writer(directory_, expected, std::move(fd), 0);
  writer.size_ = read_pieces(writer.fd_.get(), name, [&](std::string_view piece) {
    writer.sha_.update(piece);
    if (resumed) resumed(piece);
  });
  writer.flushed_ = writer.size_;
  return writer;
}

Digest ContentStore::put(std::string_view content) {
  Digest digest = Sha256::of(content);
  if (has(digest)) return digest;
  sys::write_atomically(path(digest), content, 0600, sys::Durability::across_power_cut);
  return digest;
}

void ContentStore::remove(const Digest& digest) {
  if (::unlink(path(digest).c_str()) < 0 && errno != ENOENT)
    sys::throw_errno(errno, "unlink", {"'" + path(digest) + "'"});
}

std::vector<Digest> ContentStore::list() const {
  std::vector<Digest> digests;
  // Unknown files are somebody else's, or a crash's (*.tmp): not content.
  for (const std::string& name : sys::list_directory(blob_directory(directory_)))
    if (Digest::is_valid("sha256:" + name)) digests.push_back(Digest::parse("sha256:" + name));
  return digests;
}

void ContentStore::expire_ingests(std::chrono::seconds age) {
  for (const std::string& name : sys::list_directory(ingest_directory(directory_))) {
    const std::string file = ingest_directory(directory_) + "/" + name;
    std::optional<UniqueFd> fd = sys::find_at(AT_FDCWD, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd || !try_lock(fd->get())) continue;
    if (status_of(fd->get(), file).st_mtime + age.count() > ::time(nullptr)) continue;
    if (still_named(fd->get(), file)) ::unlink(file.c_str());
  }
}

}  // namespace ctr::image
