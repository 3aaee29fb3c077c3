// What a pull, a load or a create in progress needs and no record refers to yet. The garbage
// collector spares it. In memory only: whoever holds leases dies with the daemon, and the next
// start's collection takes what was left. Runs in: ctrd. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "image/digest.h"

namespace ctr::image {

class Leases;

// Keeps digests (blobs' and layers' alike: content addresses never collide) until it is destroyed.
// First keep(), then look whether the object is there: in this order no collection comes between.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  void keep(const Digest& digest);

 private:
  friend class Leases;
  explicit Lease(Leases& leases) : leases_(&leases) {}
  void release() noexcept;

  Leases* leases_;
  std::multiset<Digest> kept_;
};

class Leases {
 public:
  Lease open() { return Lease(*this); }

  // Calls `sweep` with what is kept while nobody can keep more: what it removes nobody has seen.
  // The call must be short.
  void with_kept(const std::function<void(const std::multiset<Digest>&)>& sweep);

 private:
  friend class Lease;
  std::mutex lock_;
  std::multiset<Digest> kept_;
};

}  // namespace ctr::image
