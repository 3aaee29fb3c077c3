// Writes files and trees as a tar archive (pax format): what cp, export and commit read out of a
// container, and what save makes of a layer. The tree is hostile and may change meanwhile: it is
// read below descriptors, no link is followed, nothing but regular files is opened.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "image/id_range.h"

namespace ctr::image {

struct TreeForm {
  bool whiteouts = false;  // the tree is an overlay's upper: its deletions become ".wh." entries
  bool stay_on_mount = false;                 // what is mounted in the tree is written empty
  IdRanges ids{};                             // whose the tree's owners are
  std::set<std::string> left_out_if_empty{};  // "etc/hosts": files and directories, as archived
};

class TreeArchive {
 public:
  // Takes the archive's next bytes; false: nobody wants more, and what writes throws
  // Error{unavailable}.
  using Sink = std::function<bool(std::string_view)>;

  explicit TreeArchive(Sink sink, TreeForm form = {});
  ~TreeArchive();
  TreeArchive(const TreeArchive&) = delete;
  TreeArchive& operator=(const TreeArchive&) = delete;

  // The object `name` in the directory, and all below it, under the name `archived_as`. Hard links
  // among all that was added are kept. What vanishes meanwhile is left out; sockets, which no tar
  // can hold, are, too.
  void add(int directory, const std::string& name, const std::string& archived_as);
  // What lies in the directory, below no name: "bin", "etc", …
  void add_content(int directory);
  // A file that is nowhere else: owned by root, 0644, of the year 1970.
  void add_text(const std::string& archived_as, std::string_view content);
  // The end of the archive. Without it, it is cut off.
  void finish();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ctr::image
