// Users and groups by the container's own /etc/passwd and /etc/group, never by the host's, and
// never through NSS (attacks U01–U09, X03).
#pragma once

#include <string>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

// The parts of passwd(5) and group(5), pure.
struct PasswdEntry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};
struct GroupEntry {
  std::string name;
  gid_t gid = 0;
  std::vector<std::string> members;
};
std::vector<PasswdEntry> parse_passwd(const std::string& text);
std::vector<GroupEntry> parse_group(const std::string& text);

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home = "/";
};
// The groups always hold the primary one (U06). Docker's forms of a user: "", "name", "uid",
// "name:group", "uid:gid" … Throws Error{invalid_argument} "unable to find user x: no matching
// entries in passwd file".
Identity plan_identity(const User& user, const std::vector<PasswdEntry>& users,
                       const std::vector<GroupEntry>& groups);

// The OCI specification's form, numbers: exactly these, and whatever the container's files say of
// the uid gives it nothing but a home.
Identity plan_numeric_identity(const User& user, const std::vector<PasswdEntry>& users);

// By the files below `root`, which are hostile: anything but a regular file of sane size is none.
Identity look_up_identity(int root, const User& user);

}  // namespace ctr::runtime
