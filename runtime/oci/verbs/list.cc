#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/owner.h"
#include "runtime/oci/table.h"

namespace ctr::runtime::oci {

namespace {

// One that is deleted while we look, or that a newer program wrote, must not hide the others.
std::vector<Container> open_all(const Invocation& invocation) {
  std::vector<Container> containers;
  for (const std::string& id : ContainerDirectory::list(invocation.globals.root)) {
    try {
      if (std::optional<Container> found =
              Container::find(invocation.globals.root, id, Access::look))
        containers.push_back(std::move(*found));
    } catch (const sys::Error& error) {
      invocation.log.warning(fmt::format("container {}: {}", id, error.what()));
    }
  }
  return containers;
}

std::string as_json(const std::vector<Container>& containers) {
  std::string text;
  for (const Container& container : containers)
    text += (text.empty() ? "" : ",") +
            state_to_json(container.record(), container.status(), Layout::line,
                          owner_name(container.record().owner));
  return "[" + text + "]\n";
}

std::string as_table(const std::vector<Container>& containers) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const Container& container : containers) {
    const ContainerRecord& record = container.record();
    const Status status = container.status();
    rows.push_back({record.id, std::to_string(status == Status::stopped ? 0 : record.pid),
                    status_name(status), record.bundle, record.created, owner_name(record.owner)});
  }
  return format_table(rows);
}

}  // namespace

int run_list(const Invocation& invocation) {
  bool quiet = false;
  std::string format = "table";
  Options options;
  options.text("-f,--format", format, "FORMAT", "table (the default) or json");
  options.flag("-q,--quiet", quiet, "only the ids");
  (void)invocation.parse(options, 0, 0);
  if (format != "table" && format != "json") throw UsageError("invalid format option: " + format);
  const std::vector<Container> containers = open_all(invocation);
  if (quiet)
    for (const Container& container : containers) print(container.record().id + "\n");
  else
    print(format == "json" ? as_json(containers) : as_table(containers));
  return 0;
}

}  // namespace ctr::runtime::oci
