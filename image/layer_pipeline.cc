#include "image/layer_pipeline.h"

#include <fcntl.h>
#include <unistd.h>

#include "image/inflate.h"
#include "image/layer_reader.h"
#include "image/layer_writer.h"
#include "image/trash.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr size_t compressed_limit = 1 << 20;
constexpr size_t plain_limit = 4 << 20;

sys::UniqueFd make_tree(const std::string& temporary) {
  sys::check(::mkdir(temporary.c_str(), 0700), "mkdir", temporary);
  const std::string tree = temporary + "/diff";
  sys::check(::mkdir(tree.c_str(), 0755), "mkdir", tree);
  sys::UniqueFd root = sys::open_at(AT_FDCWD, tree, O_RDONLY | O_DIRECTORY);
  sys::check(::fchmod(root.get(), 0755), "chmod", tree);  // whatever the umask is
  return root;
}

}  // namespace

LayerUnpacker::Pipeline::Pipeline(LayerStore& store, const Digest& expected)
    : compressed(compressed_limit),
      store_(store),
      expected_(expected),
      temporary_(store.directory_ + "/tmp-" + sys::random_hex(8)),
      plain_(plain_limit) {
  try {
    inflater_ = std::thread([this] { inflate(); });
    writer_ = std::thread([this] { write(); });
  } catch (...) {
    stop(std::current_exception());
    join();
    throw;
  }
}

LayerUnpacker::Pipeline::~Pipeline() {
  stop(std::make_exception_ptr(Error(ErrorKind::unavailable, "unpacking was cancelled")));
  join();
  try {
    store_.trash_->put(temporary_);
  } catch (const Error&) {
    // The next start removes what could not be renamed.
  }
}

void LayerUnpacker::Pipeline::stop(std::exception_ptr reason) noexcept {
  {
    std::lock_guard guard(failure_lock_);
    if (!failure_) failure_ = reason;
  }
  compressed.fail(reason);
  plain_.fail(reason);
}

void LayerUnpacker::Pipeline::join() {
  if (inflater_.joinable()) inflater_.join();
  if (writer_.joinable()) writer_.join();
}

// Runs in: a thread of its own. A catch of everything, for the error crosses to commit() and
// write().
void LayerUnpacker::Pipeline::inflate() {
  try {
    Sha256 digest;
    std::unique_ptr<Inflater> inflater = make_inflater([&](std::string piece) {
      digest.update(piece);
      plain_.push(std::move(piece));
    });
    while (std::optional<std::string> piece = compressed.pop()) inflater->feed(*piece);
    inflater->finish();
    diff_id_ = digest.finish();
    plain_.finish();
  } catch (...) {
    stop(std::current_exception());
  }
}

// Runs in: a thread of its own, as above.
void LayerUnpacker::Pipeline::write() {
  try {
    sys::UniqueFd root = make_tree(temporary_);
    std::optional<std::string> piece;
    LayerReader reader([&]() -> std::string_view {
      piece = plain_.pop();
      return piece ? std::string_view(*piece) : std::string_view();
    });
    std::unique_ptr<Whiteouts> whiteouts = make_overlay_whiteouts();
    LayerWriter writer(root.get(), *whiteouts);
    writer.write_all(reader);
    size_ = writer.size();
  } catch (...) {
    stop(std::current_exception());
  }
}

// Without this a power cut leaves files of the right names and no content. One call for all files,
// and it tells of errors of writing back, too (Linux 5.8).
void LayerUnpacker::Pipeline::sync() const {
  sys::UniqueFd directory = sys::open_at(AT_FDCWD, temporary_, O_RDONLY | O_DIRECTORY);
  sys::check(::syncfs(directory.get()), "syncfs", temporary_);
}

UnpackedLayer LayerUnpacker::Pipeline::commit() {
  compressed.finish();
  join();
  if (failure_) std::rethrow_exception(failure_);
  if (diff_id_ != expected_)
    throw Error(ErrorKind::invalid_argument, fmt::format("layer {} does not match its diff ID {}",
                                                         diff_id_.text(), expected_.text()));
  sys::write_atomically(temporary_ + "/size", std::to_string(size_), 0600,
                        sys::Durability::until_reboot);
  sync();
  store_.publish(temporary_, expected_);
  return {expected_, size_};
}

}  // namespace ctr::image
