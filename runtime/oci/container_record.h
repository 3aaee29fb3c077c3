// What ctr-runtime knows of a container between its calls: state.json in the container's directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ctr::runtime::oci {

// The version of the runtime specification that our state and features are written in.
inline constexpr const char* specification_version = "1.3.0";

struct ContainerRecord {
  std::string id;
  pid_t pid = 0;            // 0 while it is being created
  uint64_t start_time = 0;  // of the process, see sys::find_start_time: guards against reused pids
  std::string bundle;       // absolute
  std::string rootfs;       // absolute
  std::string created;      // RFC 3339
  uint64_t owner = 0;       // uid of who made it
  std::string cgroup_path;  // as in ContainerSpec
  std::string scope;        // systemd's unit that the cgroup is, if it is one
  bool own_pid_namespace = true;
  std::map<std::string, std::string> annotations;
};

std::string to_json(const ContainerRecord& record);
ContainerRecord parse_record(std::string_view text);  // Error{invalid_argument}

enum class Status { creating, created, running, paused, stopped };
const char* status_name(Status status);

// The state of the OCI runtime specification, with runc's rootfs, created and owner; `pid` is 0 when
// the container has stopped. Indented as runc's `state` prints it, or on one line as `list` does.
enum class Layout { indented, line };
std::string state_to_json(const ContainerRecord& record, Status status, Layout layout,
                          const std::string& owner_name);

// Letters, digits, "_", "+", "-", "."; at most 1024 of them; not "." or ".." (attack R22).
// Error{invalid_argument}.
void check_container_id(const std::string& id);

}  // namespace ctr::runtime::oci
