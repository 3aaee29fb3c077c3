// Who we say we are.
#pragma once

namespace ctr::daemon {

inline constexpr const char* engine_version = CTR_VERSION;
// Docker's clients and what is built on them compare the version with Docker's: this one has the
// shapes that we speak (API 1.51).
inline constexpr const char* docker_version = "28.5.2-ctr";

}  // namespace ctr::daemon
