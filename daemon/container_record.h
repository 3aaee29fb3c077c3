// What is kept of a container in ctr.db, and the table that keeps it. A record is immutable but for
// its name, limits and state; the state has a column of its own, so that a start or an exit writes
// little. Runs in: ctrd.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/container_config.h"
#include "daemon/container_state.h"
#include "image/database.h"

namespace ctr::daemon {

// Something mounted into a container at the user's or the image's wish, resolved at creation.
struct MountPoint {
  std::string type;    // "bind", "volume", "tmpfs" (--mount's; --tmpfs stays in HostConfig)
  std::string name;    // of a volume
  std::string source;  // host path; empty for tmpfs
  std::string destination;
  std::string mode;         // what the user wrote: "ro,z"
  std::string propagation;  // "rprivate" …; empty for what is no bind
  bool writable = true;
  bool anonymous = false;           // a volume that goes with its container (rm -v, --rm)
  bool create_source = false;       // -v: a missing directory is made
  bool non_recursive = false;       // without what is mounted below the source
  bool recursive_read_only = true;  // read-only with all that is mounted below it (R16)
  // of a volume
  bool no_copy = false;      // it does not begin with what the image has in its place
  std::string subpath{};     // the part of it that is mounted; empty: all
  std::string filesystem{};  // not a directory of the host, but this type, of `source` …
  std::vector<std::string> filesystem_options{};  // … with these
  // For the volume if it is made with the container; not kept.
  std::map<std::string, std::string> volume_labels{};
  std::map<std::string, std::string> volume_options{};
};

struct ContainerRecord {
  std::string id;
  std::string name;  // without "/"
  sys::Timestamp created = 0;
  std::string image_id;               // "sha256:…"
  std::vector<std::string> diff_ids;  // "sha256:…", bottom layer first
  std::string platform;               // "linux"
  std::string architecture;           // "amd64"
  std::string path;                   // the command: argv[0] …
  std::vector<std::string> args;      // … and the rest
  std::vector<MountPoint> mounts;
  bool managed_hostname = false;  // none was asked for: the short id

  // Normalised JSON, as inspect echoes it, and its typed reading.
  std::string config_json;
  std::string host_config_json;
  std::string networking_json;
  ContainerConfig config;
  HostConfig host;
};

// What changes while a container lives.
struct LiveRecord {
  RunState state;
  int64_t restart_count = 0;
  bool stopped_by_user = false;  // restart policies leave it alone
  Health health;
};

std::string short_id(const std::string& id);

class ContainerTable {
 public:
  explicit ContainerTable(image::Database& database);

  struct Row {
    ContainerRecord record;
    LiveRecord live;
  };
  // Rows that cannot be read are left where they are, and their ids and reasons told: L25.
  struct Damaged {
    std::string id;
    std::string reason;
  };
  std::vector<Row> load(std::vector<Damaged>& damaged) const;

  // Throws Error{conflict} when the name is taken.
  void insert(const ContainerRecord& record, const LiveRecord& live);
  void update_record(const ContainerRecord& record);  // name, limits and networks
  void update_live(const std::string& id, const LiveRecord& live);
  void remove(const std::string& id);

 private:
  image::Database& database_;
};

}  // namespace ctr::daemon
