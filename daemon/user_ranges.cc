#include "daemon/user_ranges.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using image::IdRange;
using image::IdRanges;

// Where nobody else gives out ids: above useradd's (SUB_UID_MAX, 600100000) and systemd's
// containers (1879048191), below what programs take for negative numbers.
constexpr uint32_t first_id = 0x70000000;
constexpr uint32_t end_id = 0x7fff0000;
constexpr uint32_t granule = 65536;  // ids of one container that asks for no number
// The first granule is --userns-remap=default's, where there is no user for it.
constexpr uint32_t first_automatic_id = first_id + granule;

constexpr const char* subuid = "/etc/subuid";
constexpr const char* subgid = "/etc/subgid";
constexpr std::string_view automatic = "auto";
constexpr std::string_view size_option = "auto:size=";

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format(format, std::forward<Arguments>(arguments)...));
}

bool parse_number(std::string_view text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool is_number(const std::string& text) {
  uint32_t value = 0;
  return parse_number(text, value);
}

// {name, number} of what was given as either.
using Account = std::pair<std::string, std::string>;

Account find_user(const std::string& text) {
  const passwd* found =
      is_number(text) ? ::getpwuid(static_cast<uid_t>(std::stoul(text))) : ::getpwnam(text.c_str());
  if (found == nullptr) refuse("--userns-remap: there is no user '{}' on this host", text);
  return {found->pw_name, std::to_string(found->pw_uid)};
}

Account find_group(const std::string& text) {
  const group* found =
      is_number(text) ? ::getgrgid(static_cast<gid_t>(std::stoul(text))) : ::getgrnam(text.c_str());
  if (found == nullptr) refuse("--userns-remap: there is no group '{}' on this host", text);
  return {found->gr_name, std::to_string(found->gr_gid)};
}

IdRange find_range(const char* file, const Account& account) {
  return find_subordinate_range(sys::find_file(file).value_or(""), account.first, account.second);
}

IdRange read_range(const char* file, const Account& account) {
  const IdRange range = find_range(file, account);
  if (range.size == 0)
    refuse(
        "--userns-remap: {} has no range of ids for '{}'. Add one: usermod --add-subuids "
        "100000-165535 "
        "--add-subgids 100000-165535 {}",
        file, account.first, account.first);
  return range;
}

IdRanges read_fixed(const std::string& setting) {
  if (setting == "default") {
    const Account user{"dockremap", ""};
    if (find_range(subuid, user).size == 0) return {{first_id, granule}, {first_id, granule}};
    return {read_range(subuid, user), read_range(subgid, user)};
  }
  const size_t colon = setting.find(':');
  const Account user = find_user(setting.substr(0, colon));
  // subgid(5) knows users only, but older versions of Docker looked there for the group.
  IdRange gids;
  if (colon != std::string::npos) gids = find_range(subgid, find_group(setting.substr(colon + 1)));
  return {read_range(subuid, user), gids.size > 0 ? gids : read_range(subgid, user)};
}

}  // namespace

IdRange find_subordinate_range(const std::string& text, const std::string& name,
                               const std::string& id) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string owner = line.substr(0, first);
    IdRange range;
    if (owner.empty() || (owner != name && owner != id)) continue;
    const std::string_view rest(line);
    if (parse_number(rest.substr(first + 1, second - first - 1), range.first) &&
        parse_number(rest.substr(second + 1), range.size) && range.size > 0)
      return range;
  }
  return {};
}

bool wants_user_namespace(const std::string& mode, bool by_default) {
  return mode.empty() ? by_default : mode != "host";
}

uint32_t parse_auto_size(const std::string& mode) {
  if (mode == automatic) return granule;
  uint32_t size = 0;
  if (!mode.starts_with(size_option)) refuse("invalid user namespace mode: {}", mode);
  if (!parse_number(std::string_view(mode).substr(size_option.size()), size) || size < 1024 ||
      size > end_id - first_automatic_id)
    refuse("invalid user namespace mode: {}: the size is a number of ids from 1024", mode);
  return size;
}

UserRanges::UserRanges(const std::string& setting) : setting_(setting) {
  if (!setting_.empty() && setting_ != automatic) fixed_ = read_fixed(setting_);
}

IdRanges UserRanges::take(const std::string& container, const std::string& mode) {
  if (!wants_user_namespace(mode, by_default())) return {};
  const std::string& wanted = mode.empty() ? setting_ : mode;
  const bool own = !mode.empty() || setting_ == automatic;
  const uint32_t size = own ? parse_auto_size(wanted) : 0;
  std::lock_guard lock(mutex_);
  if (!own) return held_[container] = fixed_;
  const IdRange range{find_free(size), size};
  return held_[container] = {range, range};
}

// First fit, at multiples of the granule. With `mutex_` held.
uint32_t UserRanges::find_free(uint32_t size) const {
  std::vector<IdRange> taken;
  for (const auto& [container, ranges] : held_) {
    taken.push_back(ranges.uids);
    taken.push_back(ranges.gids);
  }
  std::sort(taken.begin(), taken.end(),
            [](const IdRange& a, const IdRange& b) { return a.first < b.first; });
  uint64_t first = first_automatic_id;
  for (const IdRange& range : taken) {
    if (range.first >= first && range.first - first >= size) break;
    const uint64_t end = uint64_t{range.first} + range.size;
    if (end > first) first = first_id + (end - first_id + granule - 1) / granule * granule;
  }
  if (first >= end_id || end_id - first < size)
    throw sys::Error(
        sys::ErrorKind::unavailable,
        "all ranges of ids for user namespaces are taken: stop containers, or use --userns=host");
  return static_cast<uint32_t>(first);
}

void UserRanges::hold(const std::string& container, const IdRanges& ranges) {
  if (!ranges.mapped()) return;
  std::lock_guard lock(mutex_);
  held_[container] = ranges;
}

void UserRanges::give_back(const std::string& container) {
  std::lock_guard lock(mutex_);
  held_.erase(container);
}

IdRanges UserRanges::find(const std::string& container) const {
  std::lock_guard lock(mutex_);
  const auto found = held_.find(container);
  return found == held_.end() ? IdRanges{} : found->second;
}

}  // namespace ctr::daemon
