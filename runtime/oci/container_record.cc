#include "runtime/oci/container_record.h"

#include <algorithm>

#include "runtime/json_fields.h"

namespace ctr::runtime::oci {

template <class Fields>
void describe(Fields& fields, ContainerRecord& record) {
  fields("id", record.id);
  fields("pid", record.pid);
  fields("startTime", record.start_time);
  fields("bundle", record.bundle);
  fields("rootfs", record.rootfs);
  fields("created", record.created);
  fields("owner", record.owner);
  fields("cgroupPath", record.cgroup_path);
  fields("scope", record.scope);
  fields("ownPidNamespace", record.own_pid_namespace);
  fields("annotations", record.annotations);
}

std::string to_json(const ContainerRecord& record) {
  return json::dump(json::write(record));
}

ContainerRecord parse_record(std::string_view text) {
  ContainerRecord record;
  json::read(json::parse(text, "state.json"), "state.json", record);
  return record;
}

const char* status_name(Status status) {
  switch (status) {
    case Status::creating:
      return "creating";
    case Status::created:
      return "created";
    case Status::running:
      return "running";
    case Status::paused:
      return "paused";
    case Status::stopped:
      return "stopped";
  }
  return "unknown";
}

std::string state_to_json(const ContainerRecord& record, Status status, Layout layout,
                          const std::string& owner_name) {
  nlohmann::ordered_json state = {
      {"ociVersion", specification_version},
      {"id", record.id},
      {"pid", status == Status::stopped ? 0 : record.pid},
      {"status", status_name(status)},
      {"bundle", record.bundle},
      {"rootfs", record.rootfs},
      {"created", record.created},
  };
  if (!record.annotations.empty()) state["annotations"] = record.annotations;
  state["owner"] = owner_name;
  return state.dump(layout == Layout::indented ? 2 : -1, ' ', false,
                    nlohmann::ordered_json::error_handler_t::replace);
}

void check_container_id(const std::string& id) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '+' || c == '-' || c == '.';
  };
  if (id.empty()) throw sys::Error(sys::ErrorKind::invalid_argument, "container id cannot be empty");
  if (id == "." || id == ".." || id.size() > 1024 ||
      !std::all_of(id.begin(), id.end(), is_allowed))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "invalid container ID format: letters, digits and \"_+-.\" are allowed");
}

}  // namespace ctr::runtime::oci
