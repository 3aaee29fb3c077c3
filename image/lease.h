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

  // For one collection: `mark` reads who refers to what, without any lock held; then `sweep` is
  // called with all that any lease kept at any time since, while nobody can keep more. So what a
  // lease handed over to a record while we marked is spared, too. Sweeping must be short.
  void collect(const std::function<void()>& mark,
               const std::function<void(const std::set<Digest>&)>& sweep);

 private:
  friend class Lease;
  void begin_watching();
  void end_watching();

  std::mutex collection_;  // one at a time
  std::mutex lock_;
  std::multiset<Digest> kept_;
  std::set<Digest> seen_;  // while watching: all that was kept, even if it is no more
  bool watching_ = false;
};

}  // namespace ctr::image
