// How a layer's deletions are carried out: the one thing in which unpacking for overlayfs and
// applying onto a tree differ. Both give a container the same view.
#pragma once

#include <memory>
#include <string>

namespace ctr::image {

// A whiteout speaks of the layers below only: what the layer itself brings stays, whichever comes
// first in the archive (the OCI image specification). Directories are given by descriptors open for
// reading.
class Whiteouts {
 public:
  virtual ~Whiteouts() = default;

  // ".wh.name": what the layers below have under this name is gone.
  virtual void hide(int parent, const std::string& name) = 0;
  // ".wh..wh..opq": what the layers below have in this directory is gone.
  virtual void hide_content(int directory) = 0;

  // The layer brought this name, be it new or not.
  virtual void added(int parent, const std::string& name) = 0;
  // The layer made this directory; `replaced`: in the place of something that was no directory.
  virtual void made_directory(int directory, bool replaced) = 0;
};

// overlayfs's form: character device 0:0, trusted.overlay.opaque=y. The tree holds this layer
// alone.
std::unique_ptr<Whiteouts> make_overlay_whiteouts();
// Deletes for real, from a tree that holds the layers below.
std::unique_ptr<Whiteouts> make_deleting_whiteouts(int root);

inline constexpr char opaque_xattr[] = "trusted.overlay.opaque";
bool is_overlay_whiteout(int parent, const std::string& name);

}  // namespace ctr::image
