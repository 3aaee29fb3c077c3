// ctr-archive: packs and unpacks what `ctr cp` sends and gets. A program of its own, so that `ctr`,
// which is static and small, need not have libarchive in it.
//
//   ctr-archive pack PATH NAME            writes PATH and all below it, called NAME, to standard
//   output ctr-archive unpack DIRECTORY FROM TO  writes what comes from standard input below
//   DIRECTORY; names
//                                         that begin with FROM begin with TO there. UID:GID may
//                                         follow: the owner of everything, instead of the
//                                         archive's.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "image/layer_reader.h"
#include "image/layer_writer.h"
#include "image/tree_archive.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace {

using namespace ctr;

constexpr size_t piece_size = 256 << 10;

int pack(const std::string& path, const std::string& name) {
  // "dir/" and "dir/." are the directory itself, whatever link leads there.
  const bool is_content = path.ends_with("/") || path.ends_with("/.") || path == ".";
  const std::string absolute = path.starts_with("/") ? path : "./" + path;
  const size_t slash = absolute.rfind('/');
  const std::string parent = is_content ? absolute : absolute.substr(0, slash + 1);
  sys::UniqueFd directory = sys::open_at(AT_FDCWD, parent, O_PATH | O_DIRECTORY);
  image::TreeArchive archive([](std::string_view piece) {
    sys::write_all(STDOUT_FILENO, piece, "standard output");
    return true;
  });
  archive.add(directory.get(), is_content ? "." : absolute.substr(slash + 1), name);
  archive.finish();
  return 0;
}

std::pair<uid_t, gid_t> parse_owner(const std::string& text) {
  size_t colon = text.find(':');
  return {static_cast<uid_t>(std::stoul(text.substr(0, colon))),
          static_cast<gid_t>(std::stoul(text.substr(colon + 1)))};
}

int unpack(const std::vector<std::string>& arguments) {
  sys::UniqueFd root = sys::open_at(AT_FDCWD, arguments[0], O_RDONLY | O_DIRECTORY);
  std::string buffer(piece_size, '\0');
  image::LayerReader reader([&] {
    ssize_t count = sys::check(
        sys::retry_on_signal([&] { return ::read(STDIN_FILENO, buffer.data(), buffer.size()); }),
        "read", "standard input");
    return std::string_view(buffer.data(), static_cast<size_t>(count));
  });
  image::WriteOptions options{.whiteouts = false, .renamed = {arguments[1], arguments[2]}};
  if (arguments.size() > 3) options.owner = parse_owner(arguments[3]);
  std::unique_ptr<image::Whiteouts> whiteouts = image::make_deleting_whiteouts(root.get());
  image::LayerWriter(root.get(), *whiteouts, options).write_all(reader);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  std::vector<std::string> arguments(words + 1, words + count);
  try {
    if (arguments.size() == 3 && arguments[0] == "pack") return pack(arguments[1], arguments[2]);
    if (arguments.size() >= 4 && arguments.size() <= 5 && arguments[0] == "unpack")
      return unpack({arguments.begin() + 1, arguments.end()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ctr-archive: %s\n", error.what());
    return 1;
  }
  std::fputs(
      "usage: ctr-archive pack PATH NAME | unpack DIRECTORY FROM TO [UID:GID]\n"
      "ctr-archive is run by 'ctr cp'.\n",
      stderr);
  return 2;
}
