// Named and anonymous volumes: <data-root>/volumes/<name>/_data. The directories are the truth of
// what there is; labels and options are rows in ctr.db. Runs in: ctrd. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/events.h"
#include "image/database.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

inline constexpr const char* anonymous_volume_label = "com.docker.volume.anonymous";

struct Volume {
  std::string name;
  std::string mountpoint;  // its directory on the host, also where `options` mount something else
  sys::Timestamp created = 0;
  std::map<std::string, std::string> labels;
  // Docker's local driver: "type", "device" and "o" (options of mount(8)).
  std::map<std::string, std::string> options;

  bool anonymous() const { return labels.contains(anonymous_volume_label); }
};

// What is mounted where a volume is used.
struct VolumeSource {
  std::string path{};        // host path to bind; empty: a file system of its own, see below
  std::string filesystem{};  // "nfs", "tmpfs" …
  std::string device{};
  std::vector<std::string> options{};
  // All containers see the same: it is mounted at `path` while one uses it (volume_mounts.h).
  bool shared = false;
};
// Throws Error{invalid_argument} for options that the local driver does not have, or that need
// others.
VolumeSource plan_volume_source(const Volume& volume);

// Options of a network's file system with the address of its server in place of a host name
// ("addr=nas"), which the kernel does not resolve. Asks the host's resolvers; throws
// Error{unavailable} if nobody knows.
std::vector<std::string> resolve_server_address(const std::string& filesystem,
                                                std::vector<std::string> options);

class Volumes {
 public:
  // `directory` is <data-root>/volumes; made if missing (0711: a container's user may own files in
  // it).
  Volumes(image::Database& database, Events& events, std::string directory);

  // Keeps a volume from being removed until a container's record says that it is used.
  class Hold {
   public:
    Hold(Volumes& volumes, std::string name);
    ~Hold();
    Hold(Hold&& other) noexcept
        : volumes_(std::exchange(other.volumes_, nullptr)), name_(std::move(other.name_)) {}
    Hold& operator=(Hold&&) = delete;

   private:
    Volumes* volumes_;
    std::string name_;
  };
  struct Ensured {
    Volume volume;
    Hold hold;
  };
  // The volume of that name: as it is, or made now. An empty name makes one up. Throws
  // Error{invalid_argument} for a name or options that are not possible.
  Ensured ensure(const Volume& wanted);

  std::optional<Volume> find(const std::string& name) const;
  Volume get(const std::string& name) const;  // Error{not_found} "get x: no such volume"
  std::vector<Volume> list() const;           // by name

  // Throws Error{not_found}; Error{conflict} while it is held, or `users` (ids of containers) has
  // any.
  void remove(const std::string& name,
              const std::function<std::vector<std::string>(const std::string&)>& users);

 private:
  std::string path(const std::string& name) const;
  void make(Volume& volume);
  Volume describe(const std::string& name) const;

  image::Database& database_;
  Events& events_;
  std::string directory_;
  mutable std::mutex mutex_;  // of making and removing, and of the holds
  std::map<std::string, int> holds_;
};

}  // namespace ctr::daemon
