// <root>/<id>: what there is on disk of a container, on a tmpfs normally. Mode 0700, so that nobody
// but its owner reaches the socket at which a created container waits.
//
//   state.json    ContainerRecord
//   config.json   the bundle's, as it was when the container was made
//   start.sock    until the container was started: where its first process waits for the word
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/oci/container_record.h"
#include "runtime/spec.h"
#include "runtime/sys/process.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime::oci {

class ContainerDirectory {
 public:
  // Makes it, locked; Error{conflict} "container with given ID already exists". Goes when this object
  // goes, unless it was kept.
  static ContainerDirectory create(const std::string& root, const std::string& id);
  static std::optional<ContainerDirectory> find(const std::string& root, const std::string& id);
  // The ids that have a directory, sorted; empty if there is no `root`.
  static std::vector<std::string> list(const std::string& root);

  ContainerDirectory(ContainerDirectory&& other) noexcept = default;
  ContainerDirectory& operator=(ContainerDirectory&&) = delete;
  ~ContainerDirectory();

  // Changes of one container are made one after the other: waits for who else is at it. False if that
  // removed the container. Looking (state, ps) needs no lock, nor does kill.
  [[nodiscard]] bool lock();
  void unlock();

  void write_record(const ContainerRecord& record) const;
  ContainerRecord read_record() const;
  void write_config(const std::string& text) const;
  std::string read_config() const;

  const std::string& path() const { return path_; }
  std::string start_socket() const { return path_ + "/start.sock"; }
  bool is_waiting() const;     // nobody has started it yet
  void forget_waiting() const;  // it was started

  void keep() { owned_ = false; }
  void remove();

 private:
  ContainerDirectory(std::string path, std::string id, sys::UniqueFd directory)
      : path_(std::move(path)), id_(std::move(id)), directory_(std::move(directory)) {}

  std::string path_;
  std::string id_;
  sys::UniqueFd directory_;  // the lock (flock(2)) is on it
  bool owned_ = false;
};

}  // namespace ctr::runtime::oci
