#include <fcntl.h>
#include <sys/stat.h>

#include "image/content_store.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

// How much may wait for the disk: the kernel is told to begin writing behind us, so that the fsync
// of a large blob at the end finds little left to do.
constexpr uint64_t write_behind = 8 << 20;

}  // namespace

ContentWriter::ContentWriter(std::string directory, Digest expected, sys::UniqueFd fd,
                             uint64_t size)
    : directory_(std::move(directory)),
      expected_(std::move(expected)),
      fd_(std::move(fd)),
      size_(size) {}

std::string ContentWriter::ingest_path() const {
  return directory_ + "/ingest/" + expected_.hex();
}

void ContentWriter::write(std::string_view data) {
  sys::write_all(fd_.get(), data, ingest_path());
  sha_.update(data);
  size_ += data.size();
  if (size_ - flushed_ < write_behind) return;
  // Only a hint: its failure loses nothing, the fsync before the rename reports real errors.
  (void)::sync_file_range(fd_.get(), static_cast<off_t>(flushed_),
                          static_cast<off_t>(size_ - flushed_), SYNC_FILE_RANGE_WRITE);
  flushed_ = size_;
}

void ContentWriter::restart() {
  sys::check(::ftruncate(fd_.get(), 0), "ftruncate", ingest_path());
  sys::check(::lseek(fd_.get(), 0, SEEK_SET), "lseek", ingest_path());
  size_ = flushed_ = 0;
  sha_ = Sha256();
  actual_.reset();
}

bool ContentWriter::is_intact(uint64_t expected_size) {
  if (!actual_) actual_ = sha_.finish();
  return size_ == expected_size && *actual_ == expected_;
}

void ContentWriter::commit(uint64_t expected_size) {
  if (!is_intact(expected_size)) {
    const std::string message =
        size_ != expected_size
            ? fmt::format("content {} has {} bytes, not {}", expected_.text(), size_, expected_size)
            : fmt::format("content {} does not match its digest: it is {}", expected_.text(),
                          actual_->text());
    discard();
    throw sys::Error(sys::ErrorKind::invalid_argument, message);
  }
  const std::string blobs = directory_ + "/sha256";
  sys::check(::fsync(fd_.get()), "fsync", ingest_path());
  sys::check(::rename(ingest_path().c_str(), (blobs + "/" + expected_.hex()).c_str()), "rename",
             ingest_path());
  sys::sync_directory(blobs);
  fd_.reset();
}

void ContentWriter::discard() {
  ::unlink(ingest_path().c_str());
  fd_.reset();
}

}  // namespace ctr::image
