// The files of an image archive by name, wherever they lie: in a directory, or in a tar stream of
// which nothing was unpacked. Names are text: none of a tar's is ever given to the file system.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ctr::image {

class ArchiveFiles {
 public:
  virtual ~ArchiveFiles() = default;

  // Hands the file's content to `take` in pieces; false if there is no such file. `path` is
  // relative to the archive's root.
  using Take = std::function<void(std::string_view)>;
  virtual bool read(const std::string& path, const Take& take) const = 0;

  // Throws Error{too_large} beyond the limit (D03).
  std::optional<std::string> find_text(const std::string& path, size_t limit) const;
};

// Links are followed inside the directory only.
std::unique_ptr<ArchiveFiles> open_archive_directory(const std::string& directory);

// Reads the tar to its end (plain, gzip or zstd) into one unlinked file in `scratch`, a directory
// with room for it: nothing is left of it after a crash. Throws Error{invalid_argument} "invalid
// archive: …".
std::unique_ptr<ArchiveFiles> spool_archive(const std::function<std::string_view()>& source,
                                            const std::string& scratch);

}  // namespace ctr::image
