#include "image/lease.h"

#include <utility>

namespace ctr::image {

Lease::Lease(Lease&& other) noexcept
    : leases_(std::exchange(other.leases_, nullptr)), kept_(std::move(other.kept_)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  leases_ = std::exchange(other.leases_, nullptr);
  kept_ = std::move(other.kept_);
  return *this;
}

Lease::~Lease() {
  release();
}

void Lease::keep(const Digest& digest) {
  std::lock_guard guard(leases_->lock_);
  kept_.insert(digest);
  leases_->kept_.insert(digest);
  if (leases_->watching_) leases_->seen_.insert(digest);
}

void Lease::release() noexcept {
  if (leases_ == nullptr) return;
  std::lock_guard guard(leases_->lock_);
  for (const Digest& digest : kept_) leases_->kept_.erase(leases_->kept_.find(digest));
  kept_.clear();
}

void Leases::begin_watching() {
  std::lock_guard guard(lock_);
  seen_ = std::set<Digest>(kept_.begin(), kept_.end());
  watching_ = true;
}

void Leases::end_watching() {
  std::lock_guard guard(lock_);
  seen_.clear();
  watching_ = false;
}

void Leases::collect(const std::function<void()>& mark,
                     const std::function<void(const std::set<Digest>&)>& sweep) {
  std::lock_guard one(collection_);
  begin_watching();
  try {
    mark();
    std::lock_guard guard(lock_);
    sweep(seen_);
  } catch (...) {
    end_watching();
    throw;
  }
  end_watching();
}

}  // namespace ctr::image
