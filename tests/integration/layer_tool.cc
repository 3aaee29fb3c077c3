// The unpack pipeline without a daemon, for tests and benchmarks:
//   layer_tool apply DIR < layer.tar           apply one plain tar, deleting for real
//   layer_tool unpack STORE DIFF_ID < layer    unpack a layer (any compression) into a layer store
//   layer_tool load ROOT < archive.tar         load an image archive into stores below ROOT
#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <string_view>

#include "image/apply_layer.h"
#include "image/archive.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace {

using namespace ctr;

int apply(const std::string& directory) {
  sys::UniqueFd root = sys::open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  std::cout << image::apply_layer(root.get(), STDIN_FILENO) << "\n";
  return 0;
}

int unpack(const std::string& directory, std::string_view diff_id) {
  image::LayerStore store(directory);
  auto unpacker = store.unpack(image::Digest::parse(diff_id));
  char buffer[16384];  // what libcurl hands on at a time
  while (true) {
    ssize_t count = sys::check(::read(STDIN_FILENO, buffer, sizeof buffer), "read");
    if (count == 0) break;
    unpacker->write({buffer, static_cast<size_t>(count)});
  }
  image::UnpackedLayer layer = unpacker->commit();
  std::cout << layer.size << " " << store.path(layer.diff_id) << "\n";
  return 0;
}

int load(const std::string& root) {
  sys::make_directories(root, 0700);
  image::Database database(root + "/ctr.db");
  image::ContentStore content(root + "/blobs");
  image::LayerStore layers(root + "/layers");
  image::ImageStore images(database, content, layers);
  std::string buffer(16384, '\0');
  auto files = image::spool_archive(
      [&] {
        ssize_t count = sys::check(::read(STDIN_FILENO, buffer.data(), buffer.size()), "read");
        return std::string_view(buffer.data(), static_cast<size_t>(count));
      },
      root);
  for (const image::ArchivedImage& loaded : image::load_archive(*files, content, layers, {})) {
    image::Image record = images.put(loaded.image, "");
    std::cout << record.id.text();
    for (const std::string& tag : loaded.tags) {
      images.put(loaded.image, tag);
      std::cout << " " << tag;
    }
    std::cout << "\n";
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    std::string_view verb = count > 1 ? arguments[1] : "";
    if (verb == "apply" && count == 3) return apply(arguments[2]);
    if (verb == "unpack" && count == 4) return unpack(arguments[2], arguments[3]);
    if (verb == "load" && count == 3) return load(arguments[2]);
    std::cerr << "usage: layer_tool apply DIR | unpack STORE_DIR DIFF_ID | load ROOT\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "layer_tool: " << error.what() << "\n";
    return 1;
  }
}
