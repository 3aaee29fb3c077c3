// One layer on its way in, as two threads behind bounded queues: the caller's bytes are inflated
// and digested by the first, parsed and written by the second.
#pragma once

#include <exception>
#include <string>
#include <thread>

#include "image/byte_queue.h"
#include "image/layer_store.h"

namespace ctr::image {

struct LayerUnpacker::Pipeline {
  Pipeline(LayerStore& store, const Digest& expected);
  ~Pipeline();  // without commit: stops the threads and throws away what they wrote
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  UnpackedLayer commit();

  ByteQueue compressed;

 private:
  void inflate();
  void write();
  void stop(std::exception_ptr reason) noexcept;
  void join();
  void sync() const;

  LayerStore& store_;
  const Digest expected_;
  const std::string temporary_;
  ByteQueue plain_;
  Digest diff_id_;              // what the inflater found; read after join()
  uint64_t size_ = 0;           // what the writer wrote; read after join()
  std::exception_ptr failure_;  // of the writer or the inflater, whichever was first
  std::mutex failure_lock_;
  std::thread inflater_;
  std::thread writer_;
};

}  // namespace ctr::image
