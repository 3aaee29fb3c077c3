#include "runtime/oci/container_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr size_t config_limit = 16 << 20;

void take_lock(int directory, const std::string& path) {
  sys::check(sys::retry_on_signal([&] { return ::flock(directory, LOCK_EX); }), "flock", path);
}

}  // namespace

ContainerDirectory ContainerDirectory::create(const std::string& root, const std::string& id) {
  check_container_id(id);
  const std::string path = root + "/" + id;
  int result = ::mkdir(path.c_str(), 0700);
  if (result < 0 && errno == ENOENT) {
    sys::make_directories(root, 0700);
    result = ::mkdir(path.c_str(), 0700);
  }
  if (result < 0 && errno == EEXIST)
    throw Error(ErrorKind::conflict, "container with given ID already exists: " + id);
  sys::check(result, "mkdir", path);
  ContainerDirectory made(path, id,
                          sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  made.owned_ = true;
  take_lock(made.directory_.get(), path);
  return made;
}

std::optional<ContainerDirectory> ContainerDirectory::find(const std::string& root,
                                                           const std::string& id) {
  check_container_id(id);
  std::string path = root + "/" + id;
  auto directory = sys::find_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return std::nullopt;
  return ContainerDirectory(std::move(path), id, std::move(*directory));
}

std::vector<std::string> ContainerDirectory::list(const std::string& root) {
  auto directory = sys::find_at(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  std::vector<std::string> ids = sys::list_directory(directory->get());
  std::sort(ids.begin(), ids.end());
  return ids;
}

ContainerDirectory::~ContainerDirectory() {
  if (!owned_ || !directory_) return;
  try {
    sys::remove_tree(path_);
  } catch (...) {
    // What is left is a container without a process, which delete takes away.
  }
}

bool ContainerDirectory::lock() {
  take_lock(directory_.get(), path_);
  struct stat ours {};
  struct stat there {};
  sys::check(::fstat(directory_.get(), &ours), "fstat", path_);
  // Removed while we waited, and perhaps made anew by somebody else.
  return ::stat(path_.c_str(), &there) == 0 && there.st_ino == ours.st_ino;
}

void ContainerDirectory::unlock() {
  sys::check(::flock(directory_.get(), LOCK_UN), "flock", path_);
}

void ContainerDirectory::write_record(const ContainerRecord& record) const {
  sys::write_atomically(directory_.get(), "state.json", to_json(record), 0600,
                        sys::Durability::until_reboot);
}

ContainerRecord ContainerDirectory::read_record() const {
  auto file = sys::find_at(directory_.get(), "state.json", O_RDONLY);
  // Between the making of the directory and of the record, or after a crash there.
  if (!file) {
    ContainerRecord record;
    record.id = id_;
    return record;
  }
  return parse_record(sys::read_all(file->get(), config_limit, "state.json"));
}

void ContainerDirectory::write_config(const std::string& text) const {
  sys::UniqueFd file =
      sys::open_at(directory_.get(), "config.json", O_WRONLY | O_CREAT | O_EXCL, 0600);
  sys::write_all(file.get(), text, "config.json");
}

std::string ContainerDirectory::read_config() const {
  return sys::read_file(directory_.get(), "config.json", config_limit);
}

bool ContainerDirectory::is_waiting() const {
  return ::faccessat(directory_.get(), "start.sock", F_OK, 0) == 0;
}

void ContainerDirectory::forget_waiting() const {
  ::unlinkat(directory_.get(), "start.sock", 0);
}

void ContainerDirectory::remove() {
  owned_ = false;
  sys::remove_tree(path_);
}

}  // namespace ctr::runtime::oci
