#include "daemon/api/container_schema.h"

#include <fmt/format.h>
#include <strings.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "runtime/sys/error.h"

namespace ctr::daemon::api {

namespace {

using nlohmann::json;

enum class Kind {
  boolean,
  integer,
  text,
  text_list,
  words,         // a list, or one string that stands for a list of one (Cmd, Entrypoint)
  text_map,      // {"k": "v"}
  set,           // {"80/tcp": {}}
  integer_pair,  // ConsoleSize
  object,
  object_list,
  object_map,      // {"name": {…}}
  object_list_map  // {"80/tcp": [{…}]}
};

// `otherwise` is the default as JSON text; nullptr: the field is left out where the client gave
// none.
struct Field {
  std::string_view name;
  Kind kind;
  const char* otherwise;
  std::span<const Field> fields{};
};

constexpr Field health_fields[] = {
    {"Test", Kind::text_list, nullptr},        {"Interval", Kind::integer, nullptr},
    {"Timeout", Kind::integer, nullptr},       {"StartPeriod", Kind::integer, nullptr},
    {"StartInterval", Kind::integer, nullptr}, {"Retries", Kind::integer, nullptr}};

constexpr Field config_fields[] = {{"Hostname", Kind::text, "\"\""},
                                   {"Domainname", Kind::text, "\"\""},
                                   {"User", Kind::text, "\"\""},
                                   {"AttachStdin", Kind::boolean, "false"},
                                   {"AttachStdout", Kind::boolean, "false"},
                                   {"AttachStderr", Kind::boolean, "false"},
                                   {"ExposedPorts", Kind::set, nullptr},
                                   {"Tty", Kind::boolean, "false"},
                                   {"OpenStdin", Kind::boolean, "false"},
                                   {"StdinOnce", Kind::boolean, "false"},
                                   {"Env", Kind::text_list, "null"},
                                   {"Cmd", Kind::words, "null"},
                                   {"Healthcheck", Kind::object, nullptr, health_fields},
                                   {"ArgsEscaped", Kind::boolean, nullptr},
                                   {"Image", Kind::text, "\"\""},
                                   {"Volumes", Kind::set, "null"},
                                   {"WorkingDir", Kind::text, "\"\""},
                                   {"Entrypoint", Kind::words, "null"},
                                   {"NetworkDisabled", Kind::boolean, nullptr},
                                   {"MacAddress", Kind::text, nullptr},
                                   {"OnBuild", Kind::text_list, "null"},
                                   {"Labels", Kind::text_map, "{}"},
                                   {"StopSignal", Kind::text, nullptr},
                                   {"StopTimeout", Kind::integer, nullptr},
                                   {"Shell", Kind::words, nullptr}};

constexpr Field log_fields[] = {{"Type", Kind::text, "\"json-file\""},
                                {"Config", Kind::text_map, "{}"}};
constexpr Field restart_fields[] = {{"Name", Kind::text, "\"\""},
                                    {"MaximumRetryCount", Kind::integer, "0"}};
constexpr Field port_fields[] = {{"HostIp", Kind::text, "\"\""}, {"HostPort", Kind::text, "\"\""}};
constexpr Field weight_fields[] = {{"Path", Kind::text, "\"\""}, {"Weight", Kind::integer, "0"}};
constexpr Field rate_fields[] = {{"Path", Kind::text, "\"\""}, {"Rate", Kind::integer, "0"}};
constexpr Field device_fields[] = {{"PathOnHost", Kind::text, "\"\""},
                                   {"PathInContainer", Kind::text, "\"\""},
                                   {"CgroupPermissions", Kind::text, "\"\""}};
constexpr Field ulimit_fields[] = {
    {"Name", Kind::text, "\"\""}, {"Hard", Kind::integer, "0"}, {"Soft", Kind::integer, "0"}};
constexpr Field device_request_fields[] = {{"Driver", Kind::text, "\"\""},
                                           {"Count", Kind::integer, "0"},
                                           {"DeviceIDs", Kind::text_list, "null"},
                                           {"Options", Kind::text_map, "null"}};
constexpr Field bind_option_fields[] = {{"Propagation", Kind::text, nullptr},
                                        {"NonRecursive", Kind::boolean, nullptr},
                                        {"CreateMountpoint", Kind::boolean, nullptr},
                                        {"ReadOnlyNonRecursive", Kind::boolean, nullptr},
                                        {"ReadOnlyForceRecursive", Kind::boolean, nullptr}};
constexpr Field driver_fields[] = {{"Name", Kind::text, nullptr},
                                   {"Options", Kind::text_map, nullptr}};
constexpr Field volume_option_fields[] = {{"NoCopy", Kind::boolean, nullptr},
                                          {"Labels", Kind::text_map, nullptr},
                                          {"Subpath", Kind::text, nullptr},
                                          {"DriverConfig", Kind::object, nullptr, driver_fields}};
constexpr Field image_option_fields[] = {{"Subpath", Kind::text, nullptr}};
constexpr Field tmpfs_option_fields[] = {{"SizeBytes", Kind::integer, nullptr},
                                         {"Mode", Kind::integer, nullptr}};
constexpr Field mount_fields[] = {{"Type", Kind::text, nullptr},
                                  {"Source", Kind::text, nullptr},
                                  {"Target", Kind::text, nullptr},
                                  {"ReadOnly", Kind::boolean, nullptr},
                                  {"Consistency", Kind::text, nullptr},
                                  {"BindOptions", Kind::object, nullptr, bind_option_fields},
                                  {"VolumeOptions", Kind::object, nullptr, volume_option_fields},
                                  {"ImageOptions", Kind::object, nullptr, image_option_fields},
                                  {"TmpfsOptions", Kind::object, nullptr, tmpfs_option_fields}};

// The part that `update` may change is the first one.
constexpr Field resource_fields[] = {
    {"CpuShares", Kind::integer, "0"},
    {"Memory", Kind::integer, "0"},
    {"NanoCpus", Kind::integer, "0"},
    {"CgroupParent", Kind::text, "\"\""},
    {"BlkioWeight", Kind::integer, "0"},
    {"BlkioWeightDevice", Kind::object_list, "null", weight_fields},
    {"BlkioDeviceReadBps", Kind::object_list, "null", rate_fields},
    {"BlkioDeviceWriteBps", Kind::object_list, "null", rate_fields},
    {"BlkioDeviceReadIOps", Kind::object_list, "null", rate_fields},
    {"BlkioDeviceWriteIOps", Kind::object_list, "null", rate_fields},
    {"CpuPeriod", Kind::integer, "0"},
    {"CpuQuota", Kind::integer, "0"},
    {"CpuRealtimePeriod", Kind::integer, "0"},
    {"CpuRealtimeRuntime", Kind::integer, "0"},
    {"CpusetCpus", Kind::text, "\"\""},
    {"CpusetMems", Kind::text, "\"\""},
    {"Devices", Kind::object_list, "null", device_fields},
    {"DeviceCgroupRules", Kind::text_list, "null"},
    {"DeviceRequests", Kind::object_list, "null", device_request_fields},
    {"KernelMemory", Kind::integer, nullptr},
    {"KernelMemoryTCP", Kind::integer, nullptr},
    {"MemoryReservation", Kind::integer, "0"},
    {"MemorySwap", Kind::integer, "0"},
    {"MemorySwappiness", Kind::integer, "null"},
    {"OomKillDisable", Kind::boolean, "null"},
    {"PidsLimit", Kind::integer, "null"},
    {"Ulimits", Kind::object_list, "null", ulimit_fields},
    {"CpuCount", Kind::integer, "0"},
    {"CpuPercent", Kind::integer, "0"},
    {"IOMaximumIOps", Kind::integer, "0"},
    {"IOMaximumBandwidth", Kind::integer, "0"},
    {"RestartPolicy", Kind::object, "{\"Name\":\"no\",\"MaximumRetryCount\":0}", restart_fields}};

constexpr Field host_fields[] = {
    {"Binds", Kind::text_list, "null"},
    {"ContainerIDFile", Kind::text, "\"\""},
    {"LogConfig", Kind::object, "{\"Type\":\"json-file\",\"Config\":{}}", log_fields},
    {"NetworkMode", Kind::text, "\"\""},
    {"PortBindings", Kind::object_list_map, "null", port_fields},
    {"AutoRemove", Kind::boolean, "false"},
    {"VolumeDriver", Kind::text, "\"\""},
    {"VolumesFrom", Kind::text_list, "null"},
    {"ConsoleSize", Kind::integer_pair, "[0,0]"},
    {"Annotations", Kind::text_map, nullptr},
    {"CapAdd", Kind::words, "null"},
    {"CapDrop", Kind::words, "null"},
    {"CgroupnsMode", Kind::text, "\"\""},
    {"Dns", Kind::text_list, "null"},
    {"DnsOptions", Kind::text_list, "null"},
    {"DnsSearch", Kind::text_list, "null"},
    {"ExtraHosts", Kind::text_list, "null"},
    {"GroupAdd", Kind::text_list, "null"},
    {"IpcMode", Kind::text, "\"\""},
    {"Cgroup", Kind::text, "\"\""},
    {"Links", Kind::text_list, "null"},
    {"OomScoreAdj", Kind::integer, "0"},
    {"PidMode", Kind::text, "\"\""},
    {"Privileged", Kind::boolean, "false"},
    {"PublishAllPorts", Kind::boolean, "false"},
    {"ReadonlyRootfs", Kind::boolean, "false"},
    {"SecurityOpt", Kind::text_list, "null"},
    {"StorageOpt", Kind::text_map, nullptr},
    {"Tmpfs", Kind::text_map, nullptr},
    {"UTSMode", Kind::text, "\"\""},
    {"UsernsMode", Kind::text, "\"\""},
    {"ShmSize", Kind::integer, "0"},
    {"Sysctls", Kind::text_map, nullptr},
    {"Runtime", Kind::text, "\"\""},
    {"Isolation", Kind::text, "\"\""},
    {"Mounts", Kind::object_list, nullptr, mount_fields},
    {"MaskedPaths", Kind::text_list, "null"},
    {"ReadonlyPaths", Kind::text_list, "null"},
    {"Init", Kind::boolean, nullptr}};

constexpr Field ipam_fields[] = {{"IPv4Address", Kind::text, nullptr},
                                 {"IPv6Address", Kind::text, nullptr},
                                 {"LinkLocalIPs", Kind::text_list, nullptr}};
constexpr Field endpoint_fields[] = {{"IPAMConfig", Kind::object, "null", ipam_fields},
                                     {"Links", Kind::text_list, "null"},
                                     {"Aliases", Kind::text_list, "null"},
                                     {"MacAddress", Kind::text, "\"\""},
                                     {"DriverOpts", Kind::text_map, "null"},
                                     {"GwPriority", Kind::integer, "0"},
                                     {"NetworkID", Kind::text, "\"\""}};
constexpr Field networking_fields[] = {
    {"EndpointsConfig", Kind::object_map, "{}", endpoint_fields}};

constexpr Field exec_fields[] = {{"User", Kind::text, "\"\""},
                                 {"Privileged", Kind::boolean, "false"},
                                 {"Tty", Kind::boolean, "false"},
                                 {"ConsoleSize", Kind::integer_pair, nullptr},
                                 {"AttachStdin", Kind::boolean, "false"},
                                 {"AttachStderr", Kind::boolean, "false"},
                                 {"AttachStdout", Kind::boolean, "false"},
                                 {"DetachKeys", Kind::text, "\"\""},
                                 {"Env", Kind::text_list, "null"},
                                 {"WorkingDir", Kind::text, "\"\""},
                                 {"Cmd", Kind::words, "null"}};

[[noreturn]] void wrong_type(const std::string& path, std::string_view wanted) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid JSON: field {} must be {}", path, wanted));
}

const json* find_field(const json& object, std::string_view name) {
  auto exact = object.find(name);
  if (exact != object.end()) return &*exact;
  for (auto item = object.begin(); item != object.end(); ++item)
    if (item.key().size() == name.size() &&
        ::strncasecmp(item.key().c_str(), name.data(), name.size()) == 0)
      return &*item;
  return nullptr;
}

int64_t whole_number(const json& value, const std::string& path) {
  if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      wrong_type(path, "a number of at most 64 bits");
    return value.get<int64_t>();
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) wrong_type(path, "a whole number");
  double number = value.get<double>();
  // Some clients write 1e9 or 512.0: exact in a double up to 2^53.
  if (!(std::fabs(number) <= 9007199254740992.0) || number != std::trunc(number))
    wrong_type(path, "a whole number");
  return static_cast<int64_t>(number);
}

std::string text(const json& value, const std::string& path) {
  if (!value.is_string()) wrong_type(path, "a string");
  std::string result = value.get<std::string>();
  // No path, name or variable of a process can hold it, and it would cut what C functions see
  // (M08).
  if (result.find('\0') != std::string::npos) wrong_type(path, "a string without NUL");
  return result;
}

json normalise_object(const json& request, std::span<const Field> fields, const std::string& path,
                      bool with_defaults);

json text_list(const json& value, const std::string& path) {
  if (!value.is_array()) wrong_type(path, "a list of strings");
  json list = json::array();
  for (const json& item : value) list.push_back(item.is_null() ? "" : text(item, path));
  return list;
}

json text_map(const json& value, const std::string& path) {
  if (!value.is_object()) wrong_type(path, "an object of strings");
  json map = json::object();
  for (auto item = value.begin(); item != value.end(); ++item)
    map[item.key()] = item->is_null() ? "" : text(*item, path + "." + item.key());
  return map;
}

json key_set(const json& value, const std::string& path) {
  if (!value.is_object()) wrong_type(path, "an object");
  json set = json::object();
  for (auto item = value.begin(); item != value.end(); ++item) set[item.key()] = json::object();
  return set;
}

json integer_pair(const json& value, const std::string& path) {
  if (!value.is_array() || value.size() != 2) wrong_type(path, "a list of two numbers");
  json pair = json::array({whole_number(value[0], path), whole_number(value[1], path)});
  if (pair[0].get<int64_t>() < 0 || pair[1].get<int64_t>() < 0)
    wrong_type(path, "a list of two numbers of at least 0");
  return pair;
}

json object_list(const json& value, const Field& field, const std::string& path) {
  if (!value.is_array()) wrong_type(path, "a list of objects");
  json list = json::array();
  for (const json& item : value) list.push_back(normalise_object(item, field.fields, path, true));
  return list;
}

json object_map(const json& value, const Field& field, const std::string& path) {
  if (!value.is_object()) wrong_type(path, "an object");
  json map = json::object();
  for (auto item = value.begin(); item != value.end(); ++item) {
    std::string inner = path + "." + item.key();
    if (field.kind == Kind::object_map)
      map[item.key()] = normalise_object(*item, field.fields, inner, true);
    else
      map[item.key()] = item->is_null() ? json::array() : object_list(*item, field, inner);
  }
  return map;
}

json normalise_value(const json& value, const Field& field, const std::string& path) {
  switch (field.kind) {
    case Kind::boolean:
      if (!value.is_boolean()) wrong_type(path, "true or false");
      return value;
    case Kind::integer:
      return whole_number(value, path);
    case Kind::text:
      return text(value, path);
    case Kind::text_list:
      return text_list(value, path);
    case Kind::words:
      return value.is_string() ? json::array({text(value, path)}) : text_list(value, path);
    case Kind::text_map:
      return text_map(value, path);
    case Kind::set:
      return key_set(value, path);
    case Kind::integer_pair:
      return integer_pair(value, path);
    case Kind::object:
      return normalise_object(value, field.fields, path, true);
    case Kind::object_list:
      return object_list(value, field, path);
    case Kind::object_map:
    case Kind::object_list_map:
      return object_map(value, field, path);
  }
  return nullptr;
}

json normalise_object(const json& request, std::span<const Field> fields, const std::string& path,
                      bool with_defaults) {
  if (!request.is_null() && !request.is_object()) wrong_type(path, "an object");
  json result = json::object();
  for (const Field& field : fields) {
    const json* value = request.is_object() ? find_field(request, field.name) : nullptr;
    if (value != nullptr && !value->is_null())
      result[std::string(field.name)] =
          normalise_value(*value, field, fmt::format("{}.{}", path, field.name));
    else if (with_defaults && field.otherwise != nullptr)
      result[std::string(field.name)] = json::parse(field.otherwise);
  }
  return result;
}

}  // namespace

json normalise_config(const json& request) {
  return normalise_object(request, config_fields, "Config", true);
}

json normalise_host_config(const json& request) {
  json host = normalise_object(request, host_fields, "HostConfig", true);
  host.update(normalise_object(request, resource_fields, "HostConfig", true));
  return host;
}

json normalise_networking_config(const json& request) {
  return normalise_object(request, networking_fields, "NetworkingConfig", true);
}

json normalise_endpoint(const json& request) {
  return normalise_object(request, endpoint_fields, "EndpointConfig", true);
}

json normalise_exec_config(const json& request) {
  return normalise_object(request, exec_fields, "ExecConfig", true);
}

json normalise_update(const json& request) {
  return normalise_object(request, resource_fields, "UpdateConfig", false);
}

}  // namespace ctr::daemon::api
