#include "image/layer_fetch.h"

#include <cerrno>
#include <exception>

#include "image/blob_download.h"
#include "image/registry_client.h"
#include "image/registry_error.h"

namespace ctr::image {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto report_interval = std::chrono::milliseconds(100);
constexpr int max_corrupt_downloads = 2;

bool is_out_of_space(const sys::Error& error) {
  return error.error_number() == ENOSPC || error.error_number() == EDQUOT;
}

// Whether what has come is worth keeping for the next try: after a broken connection it is; wrong
// content is not, and neither is anything on a full disk.
bool spoils_ingest(const sys::Error& error) {
  if (const auto* transfer = dynamic_cast<const TransferError*>(&error))
    return transfer->failure() == TransferFailure::too_large;
  return error.kind() == sys::ErrorKind::invalid_argument || is_out_of_space(error);
}

// The pipeline behind a download. An archive that turns out to be broken may be a corrupt download:
// the digest decides, so the bytes are taken to the end and the verdict is kept until then.
class Unpacking {
 public:
  Unpacking(LayerStore& layers, const Digest& diff_id) : layers_(layers), diff_id_(diff_id) {}

  void restart() {
    verdict_ = nullptr;
    unpacker_.reset();
    if (!diff_id_.empty() && !layers_.find(diff_id_)) unpacker_ = layers_.unpack(diff_id_);
  }
  void write(std::string_view piece) {
    if (unpacker_) keep_verdict([&] { unpacker_->write(piece); });
  }
  // The content is known to be what was promised: so it is the image that is wrong.
  void commit() {
    if (unpacker_) keep_verdict([&] { unpacker_->commit(); });
    unpacker_.reset();
    if (verdict_) std::rethrow_exception(verdict_);
  }

 private:
  template <class Step>
  void keep_verdict(Step step) {
    try {
      step();
    } catch (const sys::Error& error) {
      if (is_out_of_space(error)) throw;
      verdict_ = std::current_exception();
      unpacker_.reset();
    }
  }

  LayerStore& layers_;
  const Digest& diff_id_;
  std::unique_ptr<LayerUnpacker> unpacker_;
  std::exception_ptr verdict_;
};

class BlobFetch {
 public:
  BlobFetch(const BlobOrder& order, ContentStore& content, LayerStore& layers,
            const RegistryTiming& timing, const SharedJobs::Report& report, std::stop_token stop)
      : order_(order),
        content_(content),
        timing_(timing),
        report_(report),
        stop_(std::move(stop)),
        unpacking_(layers, order.diff_id) {}

  bool unpack_stored();
  void download();

 private:
  void download_intact(ContentWriter& writer);
  void download_rest(ContentWriter& writer);
  void finish(ContentWriter& writer);
  void report_bytes(uint64_t bytes);

  const BlobOrder& order_;
  ContentStore& content_;
  const RegistryTiming& timing_;
  const SharedJobs::Report& report_;
  std::stop_token stop_;
  Unpacking unpacking_;
  Clock::time_point reported_{};
};

// Unpacks the blob that is here already. False if its bytes are not what they should be: then it is
// removed, to be downloaded again (G08).
bool BlobFetch::unpack_stored() {
  sys::UniqueFd fd = content_.open(order_.blob.digest);
  unpacking_.restart();
  report_(PullPhase::extracting, 0, order_.blob.size);
  Sha256 sha;
  std::string buffer(256 << 10, '\0');
  while (ssize_t count = sys::check(
             sys::retry_on_signal([&] { return ::read(fd.get(), buffer.data(), buffer.size()); }),
             "read", content_.path(order_.blob.digest))) {
    if (stop_.stop_requested()) throw Cancelled();
    const std::string_view piece(buffer.data(), static_cast<size_t>(count));
    sha.update(piece);
    unpacking_.write(piece);
  }
  if (sha.finish() != order_.blob.digest) {
    content_.remove(order_.blob.digest);
    return false;
  }
  unpacking_.commit();
  return true;
}

void BlobFetch::report_bytes(uint64_t bytes) {
  const Clock::time_point now = Clock::now();
  if (now - reported_ < report_interval) return;
  reported_ = now;
  report_(PullPhase::downloading, bytes, order_.blob.size);
}

void BlobFetch::download_rest(ContentWriter& writer) {
  const BlobTarget target{[&] { return writer.size(); },
                          [&] {
                            writer.restart();
                            unpacking_.restart();
                          },
                          [&](std::string_view piece) {
                            writer.write(piece);
                            unpacking_.write(piece);
                            report_bytes(writer.size());
                          },
                          [&](std::chrono::milliseconds delay) {
                            report_(PullPhase::retrying,
                                    static_cast<uint64_t>((delay.count() + 999) / 1000), 0);
                          }};
  download_blob(*order_.repository, order_.blob.digest, order_.blob.size, target, timing_, stop_);
}

void BlobFetch::download_intact(ContentWriter& writer) {
  if (writer.size() > order_.blob.size) {
    writer.restart();
    unpacking_.restart();
  }
  for (int corrupt = 0;; ++corrupt) {
    try {
      report_bytes(writer.size());
      download_rest(writer);
    } catch (const TransferError& error) {
      // More bytes than the manifest says are as wrong as other bytes.
      if (error.failure() != TransferFailure::too_large || corrupt + 1 == max_corrupt_downloads)
        throw;
    }
    report_(PullPhase::verifying_checksum, 0, 0);
    if (writer.is_intact(order_.blob.size)) return;
    if (corrupt + 1 == max_corrupt_downloads) return;  // commit() says what is wrong
    writer.restart();
    unpacking_.restart();
  }
}

void BlobFetch::finish(ContentWriter& writer) {
  if (!writer.is_intact(order_.blob.size)) writer.commit(order_.blob.size);  // throws
  report_(PullPhase::download_complete, order_.blob.size, order_.blob.size);
  if (!order_.diff_id.empty()) report_(PullPhase::extracting, order_.blob.size, order_.blob.size);
  unpacking_.commit();
  writer.commit(order_.blob.size);
}

void BlobFetch::download() {
  unpacking_.restart();
  ContentWriter writer =
      content_.ingest(order_.blob.digest, [&](std::string_view piece) { unpacking_.write(piece); });
  try {
    download_intact(writer);
    finish(writer);
  } catch (const sys::Error& error) {
    if (spoils_ingest(error)) writer.discard();
    throw;
  }
}

}  // namespace

bool is_here(const BlobOrder& order, const ContentStore& content, const LayerStore& layers) {
  return content.find_size(order.blob.digest) == order.blob.size &&
         (order.diff_id.empty() || layers.find(order.diff_id));
}

void fetch_blob(const BlobOrder& order, ContentStore& content, LayerStore& layers,
                const RegistryTiming& timing, const SharedJobs::Report& report,
                std::stop_token stop) {
  if (is_here(order, content, layers)) return report(PullPhase::already_exists, 0, 0);
  BlobFetch fetch(order, content, layers, timing, report, stop);
  const bool has_blob = content.find_size(order.blob.digest) == order.blob.size;
  if (!has_blob || !fetch.unpack_stored()) fetch.download();
  report(PullPhase::pull_complete, 0, 0);
}

}  // namespace ctr::image
