#include "runtime/accounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

constexpr size_t account_file_limit = 10 << 20;  // attack U09
constexpr uint64_t id_limit = 2147483647;        // what Docker accepts; keeps clear of (uid_t)-1

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

// Decimal digits only: "0x0", "1e3", " 0", "-1" are names, and names of nobody (U02).
std::optional<uint32_t> find_number(const std::string& text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > id_limit)
    return std::nullopt;
  return static_cast<uint32_t>(value);
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

[[noreturn]] void refuse(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

// What an image has there may be a FIFO, a device or a terabyte of holes: only regular files,
// bounded, opened without blocking.
std::string read_account_file(int root, const char* path) {
  std::optional<sys::UniqueFd> file =
      sys::find_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (!file || ::fstat(file->get(), &status) < 0 || !S_ISREG(status.st_mode)) return "";
  return sys::read_all(file->get(), account_file_limit, path);
}

template <class Entry, class Match>
const Entry* find_entry(const std::vector<Entry>& entries, Match match) {
  auto found = std::find_if(entries.begin(), entries.end(), match);
  return found == entries.end() ? nullptr : &*found;
}

// A number is that number, whatever an image calls by it (attack U01).
gid_t plan_group(const std::string& text, const std::vector<GroupEntry>& groups) {
  if (std::optional<uint32_t> number = find_number(text)) return *number;
  if (is_number(text)) refuse("uids and gids must be in range 0-2147483647");
  if (auto* entry = find_entry(groups, [&](const GroupEntry& g) { return g.name == text; }))
    return entry->gid;
  refuse(fmt::format("unable to find group {}: no matching entries in group file", text));
}

// The user part: sets uid, primary group, home; returns the name for the group memberships.
std::string plan_user(const std::string& text, const std::vector<PasswdEntry>& users,
                      Identity& identity) {
  std::optional<uint32_t> number = find_number(text);
  if (is_number(text) && !number) refuse("uids and gids must be in range 0-2147483647");
  // A number is that user, also where an image has one of that name, who may be root (attack U01).
  const PasswdEntry* entry = find_entry(users, [&](const PasswdEntry& u) {
    return number ? u.uid == *number : u.name == text;
  });
  if (entry != nullptr) {
    identity.uid = entry->uid;
    identity.gid = entry->gid;
    if (!entry->home.empty()) identity.home = entry->home;
    return entry->name;
  }
  if (!number)
    refuse(fmt::format("unable to find user {}: no matching entries in passwd file", text));
  identity.uid = *number;
  return "";
}

void add_group(std::vector<gid_t>& groups, gid_t group) {
  if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
}

}  // namespace

std::vector<PasswdEntry> parse_passwd(const std::string& text) {
  std::vector<PasswdEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 6) continue;
    std::optional<uint32_t> uid = find_number(fields[2]);
    std::optional<uint32_t> gid = find_number(fields[3]);
    if (uid && gid) entries.push_back({fields[0], *uid, *gid, fields[5]});
  }
  return entries;
}

std::vector<GroupEntry> parse_group(const std::string& text) {
  std::vector<GroupEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) continue;
    if (std::optional<uint32_t> gid = find_number(fields[2]))
      entries.push_back({fields[0], *gid,
                         fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string>()});
  }
  return entries;
}

Identity plan_identity(const User& user, const std::vector<PasswdEntry>& users,
                       const std::vector<GroupEntry>& groups) {
  Identity identity;
  std::vector<std::string> parts = split(user.docker_user, ':');
  if (parts.size() > 2) refuse(fmt::format("invalid user '{}'", user.docker_user));
  std::string name = plan_user(parts[0].empty() ? "0" : parts[0], users, identity);
  bool group_given = parts.size() == 2 && !parts[1].empty();
  if (group_given) identity.gid = plan_group(parts[1], groups);
  add_group(identity.groups, identity.gid);
  // As Docker: memberships of the image's /etc/group count unless the group was named.
  if (!group_given && !name.empty())
    for (const GroupEntry& entry : groups)
      if (std::find(entry.members.begin(), entry.members.end(), name) != entry.members.end())
        add_group(identity.groups, entry.gid);
  for (const std::string& extra : user.docker_groups)
    add_group(identity.groups, plan_group(extra, groups));
  for (gid_t extra : user.additional_gids) add_group(identity.groups, extra);
  return identity;
}

Identity plan_numeric_identity(const User& user, const std::vector<PasswdEntry>& users) {
  Identity identity;
  identity.uid = user.uid;
  identity.gid = user.gid;
  identity.groups = user.additional_gids;
  if (auto* entry = find_entry(users, [&](const PasswdEntry& u) { return u.uid == user.uid; }))
    if (!entry->home.empty()) identity.home = entry->home;
  return identity;
}

Identity look_up_identity(int root, const User& user) {
  std::vector<PasswdEntry> users = parse_passwd(read_account_file(root, "/etc/passwd"));
  if (user.docker_user.empty()) return plan_numeric_identity(user, users);
  return plan_identity(user, users, parse_group(read_account_file(root, "/etc/group")));
}

}  // namespace ctr::runtime
