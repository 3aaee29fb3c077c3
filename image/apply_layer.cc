#include "image/apply_layer.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "image/layer_reader.h"
#include "image/layer_writer.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

uint64_t apply(int directory, int input, const WriteOptions& options) {
  sys::UniqueFd root = sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  std::string buffer(256 << 10, '\0');
  LayerReader reader([&] {
    ssize_t count = sys::check(
        sys::retry_on_signal([&] { return ::read(input, buffer.data(), buffer.size()); }), "read");
    return std::string_view(buffer.data(), static_cast<size_t>(count));
  });
  std::unique_ptr<Whiteouts> whiteouts = make_deleting_whiteouts(root.get());
  LayerWriter writer(root.get(), *whiteouts, options);
  writer.write_all(reader);
  return writer.size();
}

}  // namespace

uint64_t apply_layer(int directory, int input) {
  return apply(directory, input, {});
}

uint64_t apply_tree(int directory, int input) {
  return apply(directory, input, {.whiteouts = false});
}

}  // namespace ctr::image
