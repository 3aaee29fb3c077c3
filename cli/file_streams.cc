#include "cli/file_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/raw_terminal.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

constexpr size_t piece_size = 256 << 10;

bool is_standard(const std::string& path) {
  return path.empty() || path == "-";
}

void copy(BodyStream& stream, int fd, const std::string& name) {
  std::string buffer(piece_size, '\0');
  while (size_t count = stream.read(buffer.data(), buffer.size()))
    sys::write_all(fd, {buffer.data(), count}, name);
}

}  // namespace

std::function<std::string_view()> open_source(const std::string& path) {
  struct Source {
    sys::UniqueFd file;
    std::string buffer = std::string(piece_size, '\0');
  };
  auto source = std::make_shared<Source>();
  if (!is_standard(path)) source->file = sys::open_at(AT_FDCWD, path, O_RDONLY);
  return [source, path] {
    int fd = source->file ? source->file.get() : STDIN_FILENO;
    ssize_t count = sys::check(sys::retry_on_signal([&] {
                                 return ::read(fd, source->buffer.data(), source->buffer.size());
                               }),
                               "read", is_standard(path) ? "standard input" : path);
    return std::string_view(source->buffer.data(), static_cast<size_t>(count));
  };
}

void save_stream(BodyStream& stream, const std::string& path, const std::string& command) {
  if (is_standard(path)) return copy(stream, STDOUT_FILENO, "standard output");
  const std::string unfinished = path + ".unfinished-" + sys::random_hex(4);
  sys::UniqueFd file = sys::open_at(AT_FDCWD, unfinished, O_WRONLY | O_CREAT | O_EXCL, 0600);
  try {
    copy(stream, file.get(), path);
    sys::check(::rename(unfinished.c_str(), path.c_str()), command, path);
  } catch (...) {
    ::unlink(unfinished.c_str());
    throw;
  }
}

}  // namespace ctr::cli
