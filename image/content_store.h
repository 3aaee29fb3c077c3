// Content as it came, by its digest: <data-root>/blobs/sha256/<64 hex digits>. What is on its way
// in lies in blobs/ingest/<64 hex digits> and survives a crash, so that a download goes on where it
// stopped. A blob is visible only when it is whole: written, verified, synced, renamed, directory
// synced. Blobs are immutable: there is never a reason to open one for writing.
// Runs in: ctrd. Thread-safe. One daemon owns the directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/digest.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::image {

// One blob on its way in. Destroyed without commit() or discard(), what has come stays for the next
// writer of the same digest. At most one at a time for a digest (a lock on the file).
class ContentWriter {
 public:
  ContentWriter(ContentWriter&&) noexcept = default;
  ContentWriter& operator=(ContentWriter&&) noexcept = default;

  const Digest& expected() const { return expected_; }
  uint64_t size() const { return size_; }

  void write(std::string_view data);
  // Throws everything away and begins at the first byte.
  void restart();
  // Whether the bytes are those that were promised; nothing may be written afterwards.
  bool is_intact(uint64_t expected_size);
  // Verifies (unless is_intact() has) and makes the blob visible and durable. Throws
  // Error{invalid_argument} "… does not match its digest" and discards what came.
  void commit(uint64_t expected_size);
  // Nothing stays.
  void discard();

 private:
  friend class ContentStore;
  ContentWriter(std::string directory, Digest expected, sys::UniqueFd fd, uint64_t size);
  std::string ingest_path() const;

  std::string directory_;
  Digest expected_;
  sys::UniqueFd fd_;
  uint64_t size_ = 0;
  uint64_t flushed_ = 0;  // handed to the disk already
  Sha256 sha_;
  std::optional<Digest> actual_;
};

class ContentStore {
 public:
  // `directory` is <data-root>/blobs; made if missing (0700).
  explicit ContentStore(std::string directory);

  std::optional<uint64_t> find_size(const Digest& digest) const;
  bool has(const Digest& digest) const { return find_size(digest).has_value(); }
  std::string path(const Digest& digest) const;  // need not exist

  // Throws Error{not_found} "content sha256:… not found".
  sys::UniqueFd open(const Digest& digest) const;
  // A small blob, verified against its digest: a flipped bit on disk is an error, never a document
  // (G08). Throws Error{not_found}, {too_large}, or {internal} "… is corrupt".
  std::string read(const Digest& digest, size_t limit) const;

  // Opens or begins the ingest of a blob. What an earlier writer left is passed to `resumed` in
  // order, in pieces, and counts as written. Throws Error{conflict} if the blob is being written.
  ContentWriter ingest(const Digest& expected,
                       const std::function<void(std::string_view)>& resumed = {});
  // A whole small blob; there already is fine.
  Digest put(std::string_view content);

  void remove(const Digest& digest);  // missing is fine
  std::vector<Digest> list() const;
  // Deletes ingests that nobody touched for that long and nobody writes to.
  void expire_ingests(std::chrono::seconds age);

 private:
  std::string directory_;
};

}  // namespace ctr::image
