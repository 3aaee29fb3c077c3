// How often a test of random inputs tries: CTR_FUZZ_ROUNDS, or what keeps it within a moment.
#pragma once

#include <cstddef>
#include <cstdlib>

inline size_t fuzz_rounds(size_t otherwise) {
  const char* text = std::getenv("CTR_FUZZ_ROUNDS");
  return text != nullptr ? std::strtoul(text, nullptr, 10) : otherwise;
}
