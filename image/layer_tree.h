// The tree that a layer is written into, below one descriptor: finds and makes the directories that
// entries go to, and gives each directory back its modification time after entries were put into
// it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "image/whiteouts.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::image {

class LayerTree {
 public:
  // Both must outlive it. `root` is a directory open for reading.
  LayerTree(int root, Whiteouts& whiteouts) : root_(root), whiteouts_(whiteouts) {}

  int root() const { return root_; }

  // The directory of that name ("" is the root), open for reading. Links on the way are followed,
  // but never out of the root; what is missing is made, 0755. Valid until the next call of any
  // function here. The last one is remembered: an archive's entries mostly come directory by
  // directory.
  int open_parent(const std::string& path);

  // The same for a directory that must be there, and without any effect on the remembered one.
  std::optional<sys::UniqueFd> find_directory(const std::string& path) const;

  // Something was removed or replaced, so that a name may now lead elsewhere (T02, T08).
  void names_changed() { names_changed_ = true; }
  // Ends the use of the remembered directory.
  void leave();

 private:
  sys::UniqueFd open_or_make(const std::string& path);
  sys::UniqueFd make_directory(int parent, const std::string& name, const std::string& path);
  // True if it replaced a whiteout.
  bool make_entry(int parent, const std::string& name);

  int root_;
  Whiteouts& whiteouts_;
  sys::UniqueFd parent_;
  std::string parent_path_;
  timespec parent_mtime_{};
  bool names_changed_ = false;
};

// Of an open directory: its mtime, and setting it back.
timespec modification_time(int directory);
void set_modification_time(int directory, timespec time);

}  // namespace ctr::image
