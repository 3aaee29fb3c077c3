#include "daemon/log_reader.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/log_files.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

constexpr size_t piece_size = 64 << 10;
// A record is 16 KiB of output, six times that if all of it is escaped, and its attributes.
constexpr size_t line_limit = 1 << 20;
// How often to look where the kernel does not tell, and in any case: the writer may end silently.
constexpr int poll_interval = 100;
constexpr int watch_interval = 1000;

// Cuts bytes into lines and selects records. `done` once nothing more is wanted.
class LineReader {
 public:
  LineReader(const LogSelection& selection, const LogSink& sink)
      : selection_(selection), sink_(sink), piece_(piece_size) {}

  bool done() const { return done_; }

  // Reads on until the file ends for now, or at `end`.
  void read(LogFile& file, uint64_t end = UINT64_MAX) {
    while (!done_ && file.offset() < end) {
      size_t wanted = static_cast<size_t>(std::min<uint64_t>(piece_.size(), end - file.offset()));
      size_t count = file.read(piece_.data(), wanted);
      if (count == 0) return;
      take({piece_.data(), count});
    }
  }

  // A rotated file's torn last line stays torn.
  void end_file() {
    line_.clear();
    skipping_ = false;
  }

 private:
  void take(std::string_view bytes) {
    while (!bytes.empty() && !done_) {
      size_t end = bytes.find('\n');
      std::string_view part = bytes.substr(0, end);
      bool complete = end != std::string_view::npos;
      bytes.remove_prefix(complete ? end + 1 : bytes.size());
      if (line_.size() + part.size() > line_limit) skipping_ = true;
      if (skipping_)
        line_.clear();
      else
        line_.append(part);
      if (complete) end_line();
    }
  }

  void end_line() {
    std::optional<LogRecord> record;
    if (!skipping_) record = parse_log_record(line_);
    end_file();
    if (record) select(*record);
  }

  void select(const LogRecord& record) {
    if (selection_.since && record.time < *selection_.since) return;
    if (selection_.until && record.time > *selection_.until) {
      done_ = true;
      return;
    }
    if (record.is_stderr ? !selection_.stderr_stream : !selection_.stdout_stream) return;
    if (!sink_(record)) done_ = true;
  }

  const LogSelection& selection_;
  const LogSink& sink_;
  std::vector<char> piece_;
  std::string line_;
  bool skipping_ = false;
  bool done_ = false;
};

// Leaves away the files, and the beginning of one, that are before the last `tail` records.
void seek_to_tail(std::vector<LogFile>& files, uint64_t tail) {
  for (size_t i = files.size(); i-- > 0;) {
    LogFile::Tail found = files[i].find_tail(files[i].size(), tail);
    tail -= found.lines;
    if (found.offset == 0 && tail > 0) continue;
    files[i].seek(found.offset);
    files.erase(files.begin(), files.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

// Says when something in the log's directory changed: by inotify, or where the machine's instances
// are used up (containers share that limit, D18) by waiting a little.
class ChangeWatch {
 public:
  explicit ChangeWatch(const std::string& directory)
      : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (inotify_ && ::inotify_add_watch(inotify_.get(), directory.c_str(),
                                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
      inotify_.reset();
  }

  void wait(std::vector<pollfd> others, int patience) const {
    others.push_back({inotify_.get(), POLLIN, 0});  // poll(2) ignores -1
    int interval = inotify_ ? watch_interval : poll_interval;
    ::poll(others.data(), others.size(), std::min(interval, patience));
    char events[4096];
    while (inotify_ && ::read(inotify_.get(), events, sizeof events) > 0) {
    }
  }

 private:
  sys::UniqueFd inotify_;
};

int milliseconds_until(std::optional<sys::Timestamp> until) {
  if (!until) return watch_interval;
  return static_cast<int>(
      std::clamp<int64_t>((*until - sys::now()) / 1'000'000 + 1, 0, watch_interval));
}

// Reads all that there is, across rotations.
void read_to_end(const LogFiles& names, std::optional<LogFile>& file, LineReader& reader) {
  if (!file) {
    std::vector<LogFile> files = names.open_all();
    if (files.empty()) return;
    file = std::move(files.front());
  }
  while (!reader.done()) {
    reader.read(*file);
    std::optional<LogFile> next = names.find_successor(*file);
    if (!next) return;
    // Between our last look and the renaming something may have been written still.
    reader.read(*file);
    reader.end_file();
    file = std::move(next);
  }
}

}  // namespace

void read_log(const std::string& path, const LogSelection& selection, const LogSink& sink) {
  std::vector<LogFile> files = LogFiles(path).open_all();
  if (files.empty()) return;
  const uint64_t end = files.back().size();  // not further: a busy writer would never let us go
  if (selection.tail) seek_to_tail(files, *selection.tail);
  LineReader reader(selection, sink);
  for (size_t i = 0; i < files.size() && !reader.done(); ++i) {
    reader.read(files[i], i + 1 == files.size() ? end : UINT64_MAX);
    reader.end_file();
  }
}

void follow_log(const std::string& path, const LogSelection& selection, const LogFollow& follow,
                const LogSink& sink, const std::function<bool()>& idle) {
  LogFiles names(path);
  ChangeWatch watch(names.directory());  // before the first look: no change is missed
  std::vector<LogFile> files = names.open_all();
  if (selection.tail && !files.empty()) seek_to_tail(files, *selection.tail);
  std::optional<LogFile> file;
  if (!files.empty()) file = std::move(files.front());
  files.clear();
  LineReader reader(selection, sink);
  while (true) {
    bool last = follow.writer_ended && follow.writer_ended();
    read_to_end(names, file, reader);
    if (last || reader.done() || !idle()) return;
    if (selection.until && sys::now() > *selection.until) return;
    watch.wait(follow.wake_on, milliseconds_until(selection.until));
  }
}

}  // namespace ctr::daemon
