#include "runtime/cgroup/control_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

using sys::UniqueFd;

int write_control_file(int directory, const std::string& file, std::string_view value) {
  return ControlFiles(directory).write(file, value);
}

int ControlFiles::write(const std::string& file, std::string_view value) {
  if (!fd_ || name_ != file) {
    fd_.reset(::openat(directory_, file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd_) return errno;
    name_ = file;
  }
  const ssize_t count =
      sys::retry_on_signal([&] { return ::pwrite(fd_.get(), value.data(), value.size(), 0); });
  return count < 0 ? errno : 0;
}

std::optional<std::string> find_control_file(int directory, const std::string& file) {
  std::optional<UniqueFd> fd = sys::find_at(directory, file, O_RDONLY);
  if (!fd) return std::nullopt;
  try {
    return sys::read_all(fd->get(), 16 << 20, file);
  } catch (const sys::Error& error) {
    // The cgroup went away, or the file is there but its feature was not compiled in.
    if (error.error_number() == ENODEV || error.error_number() == EOPNOTSUPP) return std::nullopt;
    throw;
  }
}

std::optional<uint64_t> find_number(int directory, const std::string& file) {
  const std::optional<std::string> text = find_control_file(directory, file);
  if (!text) return std::nullopt;
  return trimmed(*text) == "max" ? UINT64_MAX : to_number(trimmed(*text));
}

std::map<std::string, uint64_t> read_keyed(int directory, const std::string& file) {
  std::map<std::string, uint64_t> values;
  const std::string text = find_control_file(directory, file).value_or("");
  const std::vector<std::string_view> list = words(text);
  for (size_t i = 0; i + 1 < list.size(); i += 2) values.emplace(list[i], to_number(list[i + 1]));
  return values;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> list;
  for (size_t begin = text.find_first_not_of(" \t\n"); begin != std::string_view::npos;
       begin = text.find_first_not_of(" \t\n", begin)) {
    const size_t end = std::min(text.find_first_of(" \t\n", begin), text.size());
    list.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return list;
}

uint64_t to_number(std::string_view word) {
  uint64_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

std::vector<std::string> child_cgroups(int directory) {
  std::vector<std::string> names;
  UniqueFd fd = sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  DIR* stream = ::fdopendir(fd.get());
  if (!stream) sys::throw_errno(errno, "fdopendir", {});
  (void)fd.release();
  while (const dirent* entry = ::readdir(stream))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(stream);
  return names;
}

namespace {

void append_pids(int directory, std::vector<pid_t>& pids) {
  // A threaded cgroup of v2 has no readable cgroup.procs (EOPNOTSUPP): its processes are listed
  // further up.
  const std::string text = find_control_file(directory, "cgroup.procs").value_or("");
  for (std::string_view word : words(text))
    if (const uint64_t pid = to_number(word); pid > 0) pids.push_back(static_cast<pid_t>(pid));
  for (const std::string& name : child_cgroups(directory))
    if (const auto child = sys::find_at(directory, name, O_RDONLY | O_DIRECTORY))
      append_pids(child->get(), pids);
}

}  // namespace

std::vector<pid_t> cgroup_pids(int directory) {
  std::vector<pid_t> pids;
  append_pids(directory, pids);
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

UniqueFd first_populated_child(int directory) {
  for (const std::string& name : child_cgroups(directory)) {
    std::optional<UniqueFd> child = sys::find_at(directory, name, O_RDONLY | O_DIRECTORY);
    if (!child) continue;
    if (!find_control_file(child->get(), "cgroup.procs").value_or("").empty())
      return std::move(*child);
    if (UniqueFd inner = first_populated_child(child->get())) return inner;
  }
  return {};
}

void Backoff::sleep() {
  const timespec time{0, std::chrono::nanoseconds(next_).count()};
  ::nanosleep(&time, nullptr);
  next_ = std::min(next_ * 2, std::chrono::microseconds(10'000));
}

}  // namespace ctr::runtime
