#include "runtime/sys/idle_memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace ctr::sys {

namespace {

constexpr uintptr_t stack_margin = 16
                                   << 10;  // below the current frame: whatever is called from here
constexpr uintptr_t stack_reach = 256 << 10;  // how far below anything was ever used

uintptr_t page_size() {
  static const auto size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void drop(uintptr_t begin, uintptr_t end) {
  begin = (begin + page_size() - 1) & ~(page_size() - 1);
  end &= ~(page_size() - 1);
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

// Code and constants: never written, so that the file has them.
int drop_segments(dl_phdr_info* program, size_t, void*) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = program->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = program->dlpi_addr + segment.p_vaddr;
    drop(begin, begin + segment.p_memsz);
  }
  return 0;
}

}  // namespace

void release_idle_memory() {
  ::malloc_trim(0);
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  drop(here - stack_reach, here - stack_margin);
  ::dl_iterate_phdr(drop_segments, nullptr);
}

}  // namespace ctr::sys
