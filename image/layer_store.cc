#include "image/layer_store.h"

#include <sys/stat.h>

#include <charconv>
#include <cstdio>

#include "image/layer_pipeline.h"
#include "image/trash.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t size = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return size;
}

}  // namespace

LayerUnpacker::LayerUnpacker(std::unique_ptr<Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}
LayerUnpacker::~LayerUnpacker() = default;

void LayerUnpacker::write(std::string_view compressed) {
  pipeline_->compressed.push(std::string(compressed));
}
UnpackedLayer LayerUnpacker::commit() {
  return pipeline_->commit();
}

LayerStore::LayerStore(std::string directory) : directory_(std::move(directory)) {
  sys::make_directories(directory_, 0700);
  trash_ = std::make_unique<Trash>(directory_ + "/trash");
  for (const std::string& name : sys::list_directory(directory_))
    if (name.starts_with("tmp-")) trash_->put(directory_ + "/" + name);
}

LayerStore::~LayerStore() = default;

std::string LayerStore::home(const Digest& diff_id) const {
  return directory_ + "/" + diff_id.hex();
}

std::string LayerStore::path(const Digest& diff_id) const {
  return home(diff_id) + "/diff";
}

std::optional<UnpackedLayer> LayerStore::find(const Digest& diff_id) const {
  std::optional<std::string> text = sys::find_file(home(diff_id) + "/size", 32);
  if (!text) return std::nullopt;
  std::optional<uint64_t> size = parse_size(*text);
  // Somebody's hand or a failing disk: then it is unpacked again, in the place of what is there.
  if (!size || !sys::exists(path(diff_id))) return std::nullopt;
  return UnpackedLayer{diff_id, *size};
}

std::unique_ptr<LayerUnpacker> LayerStore::unpack(const Digest& expected_diff_id) {
  auto pipeline = std::make_unique<LayerUnpacker::Pipeline>(*this, expected_diff_id);
  return std::unique_ptr<LayerUnpacker>(new LayerUnpacker(std::move(pipeline)));
}

// The one rename that makes a layer visible. Two that unpacked the same layer may get here at once:
// the second finds it there, complete, and its own copy goes to the trash with its pipeline.
void LayerStore::publish(const std::string& temporary, const Digest& diff_id) {
  const std::string target = home(diff_id);
  auto try_rename = [&] { return ::rename(temporary.c_str(), target.c_str()); };
  int result = try_rename();
  if (result < 0 && (errno == EEXIST || errno == ENOTEMPTY)) {
    if (find(diff_id)) return;
    trash_->put(target);
    result = try_rename();
  }
  sys::check(result, "rename", temporary, target);
  sys::sync_directory(directory_);
}

void LayerStore::remove(const Digest& diff_id) {
  trash_->put(home(diff_id));
}

std::vector<Digest> LayerStore::list() const {
  std::vector<Digest> layers;
  for (const std::string& name : sys::list_directory(directory_))
    if (Digest::is_valid("sha256:" + name)) layers.push_back(Digest::parse("sha256:" + name));
  return layers;
}

}  // namespace ctr::image
