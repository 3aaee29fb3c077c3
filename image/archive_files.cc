#include "image/archive_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "image/inflate.h"
#include "image/layer_reader.h"
#include "image/manifest.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

using sys::check;
using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

constexpr size_t piece_size = 128 << 10;
constexpr size_t entry_limit = 100'000;  // an image has a few files for each of its layers
constexpr int link_limit = 8;

class DirectoryFiles : public ArchiveFiles {
 public:
  explicit DirectoryFiles(const std::string& directory)
      : root_(sys::open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)) {}

  bool read(const std::string& path, const Take& take) const override {
    // O_NONBLOCK: a FIFO in the file's place must not hold us up.
    std::optional<UniqueFd> file = sys::find_in_root(root_.get(), path, O_RDONLY | O_NONBLOCK);
    if (!file) return false;
    struct stat status {};
    check(::fstat(file->get(), &status), "stat", path);
    if (!S_ISREG(status.st_mode))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("invalid archive: '{}' is no regular file", path));
    std::string piece(piece_size, '\0');
    while (true) {
      ssize_t count = check(
          sys::retry_on_signal([&] { return ::read(file->get(), piece.data(), piece.size()); }),
          "read", path);
      if (count == 0) return true;
      take({piece.data(), static_cast<size_t>(count)});
    }
  }

 private:
  UniqueFd root_;
};

// "a/./b/../c" and "/a/c" are both "a/c".
std::string normal_name(std::string_view path) {
  return sys::clean_path(path).substr(1);
}

std::string directory_of(const std::string& name) {
  size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

class SpooledFiles : public ArchiveFiles {
 public:
  explicit SpooledFiles(const std::string& scratch) : file_(sys::make_unnamed_file(scratch)) {}

  void take_all(LayerReader& reader) {
    while (const LayerEntry* entry = reader.next()) {
      const std::string name = normal_name(entry->path);
      if (parts_.size() + links_.size() >= entry_limit)
        throw Error(ErrorKind::invalid_argument, "invalid archive: it has too many files");
      if (entry->kind == EntryKind::file) take_file(name, *entry, reader);
      // Older versions of Docker save a layer once and link to it. Both kinds of target are text.
      if (entry->kind == EntryKind::symlink)
        links_[name] = normal_name(directory_of(name) + "/" + entry->link_target);
      if (entry->kind == EntryKind::hardlink) links_[name] = normal_name(entry->link_target);
    }
    reader.drain();
  }

  bool read(const std::string& path, const Take& take) const override {
    const Part* part = find_part(normal_name(path));
    if (part == nullptr) return false;
    std::string piece(piece_size, '\0');
    for (uint64_t done = 0; done < part->size;) {
      size_t wanted = std::min<uint64_t>(piece.size(), part->size - done);
      ssize_t count = check(sys::retry_on_signal([&] {
                              return ::pread(file_.get(), piece.data(), wanted,
                                             static_cast<off_t>(part->offset + done));
                            }),
                            "read", path);
      if (count == 0) throw Error(ErrorKind::internal, "a spooled archive was cut short");
      take({piece.data(), static_cast<size_t>(count)});
      done += static_cast<uint64_t>(count);
    }
    return true;
  }

 private:
  struct Part {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  const Part* find_part(std::string name) const {
    for (int i = 0; i < link_limit; ++i) {
      if (auto part = parts_.find(name); part != parts_.end()) return &part->second;
      auto link = links_.find(name);
      if (link == links_.end()) return nullptr;
      name = link->second;
    }
    return nullptr;
  }

  void take_file(const std::string& name, const LayerEntry& entry, LayerReader& reader) {
    // Before ten gigabytes of it are on the disk (D03).
    bool is_document = name == "manifest.json" || name == "index.json" || name == "oci-layout" ||
                       name == "repositories";
    if (is_document && entry.size > max_manifest_bytes)
      throw Error(
          ErrorKind::invalid_argument,
          fmt::format("invalid archive: '{}' is larger than {} bytes", name, max_manifest_bytes));
    for (LayerReader::Block block; reader.next_block(block);)
      write(block.data, end_ + block.offset);
    // What a sparse file leaves out reads as zeros only if the file reaches that far.
    check(::ftruncate(file_.get(), static_cast<off_t>(end_ + entry.size)), "truncate", name);
    parts_[name] = {end_, entry.size};
    end_ += entry.size;
  }

  void write(std::string_view data, uint64_t offset) {
    check(::lseek(file_.get(), static_cast<off_t>(offset), SEEK_SET), "lseek");
    sys::write_all(file_.get(), data, "archive");
  }

  UniqueFd file_;
  uint64_t end_ = 0;
  std::map<std::string, Part> parts_;
  std::map<std::string, std::string> links_;
};

}  // namespace

std::optional<std::string> ArchiveFiles::find_text(const std::string& path, size_t limit) const {
  std::string text;
  bool found = read(path, [&](std::string_view piece) {
    if (text.size() + piece.size() > limit)
      throw Error(ErrorKind::too_large,
                  fmt::format("invalid archive: '{}' is larger than {} bytes", path, limit));
    text += piece;
  });
  return found ? std::optional(std::move(text)) : std::nullopt;
}

std::unique_ptr<ArchiveFiles> open_archive_directory(const std::string& directory) {
  return std::make_unique<DirectoryFiles>(directory);
}

std::unique_ptr<ArchiveFiles> spool_archive(const std::function<std::string_view()>& source,
                                            const std::string& scratch) {
  auto files = std::make_unique<SpooledFiles>(scratch);
  InflatingSource plain(source);
  LayerReader reader([&] { return plain.next(); });
  files->take_all(reader);
  return files;
}

}  // namespace ctr::image
