#include "image/trash.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

// Deleting at once would compete with what the client does next (ext4: creating files beside a
// deletion costs several times as much), and a burst of removals is done in one go.
constexpr auto batch_delay = std::chrono::milliseconds(300);
constexpr int low_priority = 10;

}  // namespace

Trash::Trash(std::string directory) : directory_(std::move(directory)) {
  sys::make_directories(directory_, 0700);
  worker_ = std::thread([this] { run(); });
}

Trash::~Trash() {
  {
    std::lock_guard guard(lock_);
    stopping_ = true;
    changed_.notify_all();
  }
  worker_.join();
}

void Trash::put(const std::string& path) {
  const std::string target = directory_ + "/" + sys::random_hex(8);
  if (::rename(path.c_str(), target.c_str()) < 0) {
    if (errno == ENOENT) return;
    sys::throw_errno(errno, "rename", {"'" + path + "'"});
  }
  std::lock_guard guard(lock_);
  full_ = true;
  changed_.notify_all();
}

void Trash::wait_until_empty() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [&] { return !full_ || stopping_; });
}

void Trash::run() {
  ::setpriority(PRIO_PROCESS, 0, low_priority);  // of this thread alone, on Linux
  std::unique_lock guard(lock_);
  while (true) {
    changed_.wait(guard, [&] { return full_ || stopping_; });
    changed_.wait_for(guard, batch_delay, [&] { return stopping_; });
    if (stopping_) return;
    full_ = false;
    guard.unlock();
    empty();
    guard.lock();
    changed_.notify_all();
  }
}

// What cannot be deleted now (a file system gone read-only, an input/output error) is tried again
// with the next batch or at the next start; there is nobody whom it would help to hear of it
// earlier.
void Trash::empty() {
  try {
    sys::UniqueFd directory = sys::open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
    for (const std::string& name : sys::list_directory(directory.get())) {
      {
        std::lock_guard guard(lock_);
        if (stopping_) return;
      }
      try {
        sys::remove_tree(directory.get(), name);
      } catch (const sys::Error&) {
      }
    }
  } catch (const sys::Error&) {
  }
}

}  // namespace ctr::image
