#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"

namespace ctr::runtime::oci {

namespace {

// Callers pass options of CRIU; that there is no such thing is all they need to hear.
[[noreturn]] void refuse(const Invocation& invocation) {
  Options options;
  options.end_at_operand();
  for (const std::string& word : invocation.words)
    if (word == "--help" || word == "-h") (void)invocation.parse(options, 0, 0);
  throw sys::Error(sys::ErrorKind::unsupported,
                   fmt::format("{} is not supported by ctr-runtime", invocation.verb.name));
}

}  // namespace

int run_checkpoint(const Invocation& invocation) { refuse(invocation); }
int run_restore(const Invocation& invocation) { refuse(invocation); }

}  // namespace ctr::runtime::oci
