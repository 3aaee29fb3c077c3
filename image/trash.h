// Directories on their way out: renamed away at once, deleted behind the client's back, many at a
// time and at low priority. Runs in: ctrd, one thread each. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace ctr::image {

class Trash {
 public:
  // `directory` must be on the file system of what is thrown away; made if missing (0700). What an
  // earlier run left in it is deleted.
  explicit Trash(std::string directory);
  // Ends as soon as the entry in work is done; the rest waits for the next start.
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // When it returns nothing is at `path` any more. Nothing there is success.
  void put(const std::string& path);
  // Blocks until all that was put in is deleted: for tests, and for who needs the space back now.
  void wait_until_empty();

 private:
  void run();
  void empty();

  const std::string directory_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool full_ = true;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace ctr::image
