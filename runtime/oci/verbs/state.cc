#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/owner.h"

namespace ctr::runtime::oci {

int run_state(const Invocation& invocation) {
  const std::string id = invocation.parse({}, 1, 1)[0];
  const Container container = Container::open(invocation.globals.root, id, Access::look);
  print(state_to_json(container.record(), container.status(), Layout::indented,
                      owner_name(container.record().owner)) +
        "\n");
  return 0;
}

}  // namespace ctr::runtime::oci
