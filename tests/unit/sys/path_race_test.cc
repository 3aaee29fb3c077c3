// Paths that are resolved while somebody renames what they lead through.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

using namespace ctr::sys;

namespace {

constexpr int tries = 3000;

// A directory with root/{a/b/file,link → outside}, and outside/b/file beside the root.
struct Scene {
  Scene() : path("/tmp/ctr-unit-" + random_hex(8)) {
    make_directories(path + "/root/a/b", 0700);
    make_directories(path + "/outside/b", 0700);
    write_atomically(path + "/root/a/b/file", "inside", 0600, Durability::until_reboot);
    write_atomically(path + "/outside/b/file", "outside", 0600, Durability::until_reboot);
    check(::symlink((path + "/outside").c_str(), (path + "/root/link").c_str()), "symlink");
    root = open_at(AT_FDCWD, path + "/root", O_PATH | O_DIRECTORY);
  }
  ~Scene() { remove_tree(path); }
  std::string path;
  UniqueFd root;
};

// Exchanges two names until it is destroyed.
class Racer {
 public:
  Racer(std::string first, std::string second)
      : thread_([this, first = std::move(first), second = std::move(second)] {
          while (!over_)
            (void)!::renameat2(AT_FDCWD, first.c_str(), AT_FDCWD, second.c_str(), RENAME_EXCHANGE);
        }) {}
  ~Racer() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("a path with '..' is found although somebody else renames without end") {
  Scene scene;
  make_directories(scene.path + "/x", 0700);
  make_directories(scene.path + "/y", 0700);
  Racer racer(scene.path + "/x", scene.path + "/y");
  for (int i = 0; i < tries; ++i) {
    UniqueFd file = open_in_root(scene.root.get(), "a/b/../b/../../a/b/file", O_RDONLY);
    REQUIRE(read_all(file.get(), 100, "file") == "inside");
  }
}

TEST_CASE("R08: a directory and a link in turns lead inside, or nowhere") {
  Scene scene;
  Racer racer(scene.path + "/root/a", scene.path + "/root/link");
  int found = 0;
  for (int i = 0; i < tries; ++i) {
    std::optional<UniqueFd> file = find_in_root(scene.root.get(), "a/../a/b/file", O_RDONLY);
    if (!file) continue;  // the link's target is not there, inside
    ++found;
    REQUIRE(read_all(file->get(), 100, "file") == "inside");
  }
  CHECK(found > 0);
}
