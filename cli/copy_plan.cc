#include "cli/copy_plan.h"

#include "runtime/sys/error.h"
#include "runtime/sys/path.h"

namespace ctr::cli {

namespace {

bool names_content(const std::string& path) {
  return path == "." || path.ends_with("/.");
}

std::string last_name(const std::string& path) {
  std::vector<std::string> parts = sys::split_path(path);
  return parts.empty() ? "." : parts.back();
}

std::string directory_of(const std::string& path) {
  std::string text = path;
  while (text.size() > 1 && text.ends_with("/")) text.pop_back();
  size_t slash = text.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : text.substr(0, slash);
}

}  // namespace

CopyPlace parse_copy_place(const std::string& text) {
  size_t colon = text.find(':');
  if (text == "-" || colon == std::string::npos || text[0] == '/' || text[0] == '.')
    return {"", text};
  CopyPlace place{text.substr(0, colon), text.substr(colon + 1)};
  if (place.container.empty() || place.path.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}': say CONTAINER:PATH", text));
  // Paths in a container begin at its root.
  if (place.path[0] != '/') place.path = "/" + place.path;
  return place;
}

CopyPlan plan_copy(const CopySource& source, const std::string& destination,
                   std::optional<PathKind> there) {
  const auto refuse = [](const std::string& why) {
    throw sys::Error(sys::ErrorKind::invalid_argument, why);
  };
  const bool is_directory = source.kind == PathKind::directory;
  const std::string name = names_content(source.path) ? "." : last_name(source.path);
  if (there == PathKind::directory) return {destination, false, name, name};
  if (there == PathKind::file) {
    if (is_directory) refuse("cannot copy a directory to a file: " + destination);
    if (destination.ends_with("/")) refuse("not a directory: " + destination);
    return {directory_of(destination), false, name, last_name(destination)};
  }
  if (!is_directory && destination.ends_with("/")) refuse("no such directory: " + destination);
  // A new name for the source; a directory's content goes into a new directory of that name.
  return {directory_of(destination), false, name, last_name(destination)};
}

}  // namespace ctr::cli
