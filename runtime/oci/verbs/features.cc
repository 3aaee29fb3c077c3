#include "runtime/oci/features.h"

#include "runtime/oci/invocation.h"

namespace ctr::runtime::oci {

int run_features(const Invocation& invocation) {
  (void)invocation.parse({}, 0, 0);
  print(features_json());
  return 0;
}

}  // namespace ctr::runtime::oci
