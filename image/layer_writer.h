// Writes a layer's entries below a directory descriptor. No name and no link in the archive leads
// out of it: directories are opened inside the root (openat2(2), RESOLVE_IN_ROOT), the last
// component is never followed, and metadata goes by descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "image/id_range.h"
#include "image/layer_reader.h"
#include "image/layer_tree.h"

namespace ctr::image {

// How an archive is written that is not a whole layer.
struct WriteOptions {
  std::string below{};    // where in the tree the archive's root lies; links in it are followed
  bool whiteouts = true;  // false: names that begin with ".wh." are names as any other
  bool keep_kinds =
      false;  // Error{invalid_argument} rather than a directory for a file, or the reverse
  std::optional<std::pair<uid_t, gid_t>> owner{};  // of everything, instead of the archive's
  IdRanges ids{};  // whose the archive's owners are
  // Names whose first component is the one begin with the other; "." stands for no component.
  std::pair<std::string, std::string> renamed{".", "."};
};

class LayerWriter {
 public:
  // Both must outlive it. `root` is a directory open for reading.
  LayerWriter(int root, Whiteouts& whiteouts, WriteOptions options = {})
      : tree_(root, whiteouts), whiteouts_(whiteouts), options_(std::move(options)) {}

  // Writes the whole archive and reads its source to the end. Error{invalid_argument} "invalid
  // archive: …" for what no archive may ask for; other errors are the host's ("no space left on
  // device"). What was written until then stays: the caller throws the tree away.
  void write_all(LayerReader& reader);

  uint64_t size() const { return size_; }  // of all regular files

 private:
  LayerEntry with_owner(LayerEntry entry) const;
  void write(const LayerEntry& entry, LayerReader& reader);
  LayerPath place(const std::string& path) const;
  void check_kind(int parent, const std::string& name, const LayerEntry& entry) const;
  void write_object(const LayerEntry& entry, const LayerPath& path, LayerReader& reader);
  void write_root(const LayerEntry& entry);
  void write_file(int parent, const std::string& name, const LayerEntry& entry,
                  LayerReader& reader);
  void write_content(int fd, const LayerEntry& entry, LayerReader& reader);
  void write_directory(int parent, const std::string& name, const LayerEntry& entry);
  void write_symlink(int parent, const std::string& name, const LayerEntry& entry);
  void write_node(int parent, const std::string& name, const LayerEntry& entry);
  void write_hardlink(int parent, const std::string& name, const LayerEntry& entry);
  void remove_existing(int parent, const std::string& name);
  // make() is a system call that makes `name`; what is in its place is removed first.
  template <class Make>
  int make_over(int parent, const std::string& name, const char* call, Make make);

  LayerTree tree_;
  Whiteouts& whiteouts_;
  WriteOptions options_;
  uint64_t size_ = 0;
};

}  // namespace ctr::image
