#include "daemon/seccomp_cache.h"

#include "image/digest.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr size_t cached_limit = 256;

std::string file_name(const std::string& profile, uint64_t capabilities, bool foreign) {
  std::string what = profile.empty() ? "default" : image::Sha256::of(profile).hex();
  return fmt::format("{}-{:x}{}.bpf", what, capabilities, foreign ? "-foreign" : "");
}

}  // namespace

SeccompCache::SeccompCache(std::string directory) : directory_(std::move(directory)) {
  sys::make_directories(directory_, 0700);
}

SeccompCache::Filter SeccompCache::get(const std::string& profile, uint64_t capabilities,
                                       bool foreign_architecture) {
  std::string name = file_name(profile, capabilities, foreign_architecture);
  std::lock_guard lock(mutex_);
  if (auto cached = filters_.find(name); cached != filters_.end()) return cached->second;
  runtime::SeccompContext context = runtime::native_seccomp_context(capabilities);
  context.allow_foreign_architectures = foreign_architecture;
  runtime::CompiledFilter compiled =
      runtime::compile_profile(profile.empty() ? runtime::default_profile(context)
                                               : runtime::parse_profile(profile, context));
  Filter filter{directory_ + "/" + name, compiled.flags};
  runtime::write_filter(filter.path, compiled);
  // Profiles are the clients' to choose: the map must not grow with every one of them.
  if (filters_.size() >= cached_limit) filters_.clear();
  filters_[name] = filter;
  return filter;
}

}  // namespace ctr::daemon
