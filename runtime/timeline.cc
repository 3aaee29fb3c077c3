#include "runtime/timeline.h"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <new>
#include <vector>

#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

int64_t monotonic_nanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Timeline::Timeline() {
  void* memory =
      ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) sys::throw_errno(errno, "mmap", {});
  page_ = new (memory) Page{};
  page_->begin = monotonic_nanoseconds();
}

Timeline::~Timeline() {
  ::munmap(page_, sizeof(Page));
}

void Timeline::mark(const char* name) noexcept {
  uint32_t index = page_->count.fetch_add(1);
  if (index < capacity) page_->entries[index] = {name, monotonic_nanoseconds()};
}

std::string Timeline::to_json() const {
  uint32_t count = std::min(page_->count.load(), capacity);
  std::vector<Entry> entries(page_->entries, page_->entries + count);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.time < b.time; });
  std::string json = "[";
  for (const Entry& entry : entries)
    json += fmt::format("{}{{\"name\":\"{}\",\"at\":{}}}", json.size() > 1 ? "," : "", entry.name,
                        (entry.time - page_->begin) / 1000);
  return json + "]";
}

}  // namespace ctr::runtime
