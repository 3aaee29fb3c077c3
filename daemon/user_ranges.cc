#include "daemon/user_ranges.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using image::IdRange;
using image::IdRanges;

// Where nobody else gives out ids: above useradd's (SUB_UID_MAX, 600100000) and systemd's containers
// (1879048191), below what programs take for negative numbers.
constexpr uint32_t first_id = 0x70000000;
constexpr uint32_t end_id = 0x7fff0000;
constexpr uint32_t granule = 65536;  // ids of one container that asks for no number
// The first granule is --userns-remap=default's, where there is no user for it.
constexpr uint32_t first_automatic_id = first_id + granule;

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
  const passwd* found = is_number(text) ? ::getpwuid(static_cast<uid_t>(std::stoul(text)))
                                        : ::getpwnam(text.c_str());
  if (found == nullptr) refuse("--userns-remap: there is no user '{}' on this host", text);
  return {found->pw_name, std::to_string(found->pw_uid)};
}

Account find_group(const std::string& text) {
  const group* found = is_number(text) ? ::getgrgid(static_cast<gid_t>(std::stoul(text)))
                                       : ::getgrnam(text.c_str());
  if (found == nullptr) refuse("--userns-remap: there is no group '{}' on this host", text);
  return {found->gr_name, std::to_string(found->gr_gid)};
}

IdRange read_range(const char* file, const Account& account) {
  const std::string text = sys::find_file(file).value_or("");
  const IdRange range = find_subordinate_range(text, account.first, account.second);
  if (range.size == 0)
    refuse("--userns-remap: {} has no range of ids for '{}'. Add one: usermod --add-subuids 100000-165535 "
           "--add-subgids 100000-165535 {}",
           file, account.first, account.first);
  return range;
}

IdRanges read_fixed(const std::string& setting) {
  if (setting == "default") {
    const std::string text = sys::find_file("/etc/subuid").value_or("");
    if (find_subordinate_range(text, "dockremap", "").size == 0)
      return {{first_id, granule}, {first_id, granule}};
    return {read_range("/etc/subuid", {"dockremap", ""}), read_range("/etc/subgid", {"dockremap", ""})};
  }
  const size_t colon = setting.find(':');
  const Account user = find_user(setting.substr(0, colon));
  const Account group = colon == std::string::npos ? Account{user.first, user.second}
                                                   : find_group(setting.substr(colon + 1));
  return {read_range("/etc/subuid", user), read_range("/etc/subgid", group)};
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

IdRanges UserRanges::take(const std::string& mode) {
  if (!wants_user_namespace(mode, by_default())) return {};
  if (!mode.empty() || setting_ == automatic)
    return take_free(parse_auto_size(mode.empty() ? setting_ : mode));
  hold(fixed_);
  return fixed_;
}

// First fit, at multiples of the granule.
IdRanges UserRanges::take_free(uint32_t size) {
  std::lock_guard lock(mutex_);
  uint32_t first = first_automatic_id;
  for (const auto& [begin, held] : held_) {
    if (begin >= first && begin - first >= size) break;
    const uint32_t end = begin + held.size;
    if (end > first) first = first_id + (end - first_id + granule - 1) / granule * granule;
  }
  if (first >= end_id || end_id - first < size)
    throw sys::Error(sys::ErrorKind::unavailable,
                     "all ranges of ids for user namespaces are taken: remove containers, or use --userns=host");
  held_[first] = {size, 1};
  return {{first, size}, {first, size}};
}

void UserRanges::hold(const IdRanges& ranges) {
  if (!ranges.mapped()) return;
  std::lock_guard lock(mutex_);
  Held& held = held_[ranges.uids.first];
  held.size = std::max(held.size, ranges.uids.size);
  ++held.holders;
}

void UserRanges::give_back(const IdRanges& ranges) {
  if (!ranges.mapped()) return;
  std::lock_guard lock(mutex_);
  auto found = held_.find(ranges.uids.first);
  if (found != held_.end() && --found->second.holders == 0) held_.erase(found);
}

}  // namespace ctr::daemon
