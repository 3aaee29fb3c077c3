// What `ctr cp` copies where, by Docker's rules. Pure.
#pragma once

#include <optional>
#include <string>

namespace ctr::cli {

struct CopyPlace {
  std::string container;  // empty: here
  std::string path;
};
// "web:/etc/hosts"; what begins with '/' or '.' is a path here, whatever colons it has. Throws
// sys::Error{invalid_argument} for a container without a path.
CopyPlace parse_copy_place(const std::string& text);

enum class PathKind { file, directory };

struct CopySource {
  std::string path;
  PathKind kind = PathKind::file;
};

struct CopyPlan {
  std::string directory;        // where the archive is unpacked
  bool make_directory = false;  // it is not there yet
  std::string archived_as;  // the source's name in an archive of it; "." for a directory's content
  std::string renamed_to;   // what it becomes; "." in both: nothing is renamed
};
// `there`: what is at the destination, nullopt for nothing. Throws sys::Error{invalid_argument}: a
// directory onto a file, a file into a directory that is not there.
CopyPlan plan_copy(const CopySource& source, const std::string& destination,
                   std::optional<PathKind> there);

}  // namespace ctr::cli
