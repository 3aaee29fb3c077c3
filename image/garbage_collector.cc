#include "image/garbage_collector.h"

#include "image/content_store.h"
#include "image/image_store.h"

namespace ctr::image {

namespace {

std::set<Digest> read_digests(Database& database, std::string_view sql) {
  Statement find(database, sql);
  std::set<Digest> digests;
  while (find.step()) digests.insert(Digest::parse("sha256:" + find.text(0)));
  return digests;
}

}  // namespace

References read_references(Database& database) {
  return {read_digests(database, "SELECT DISTINCT diff_id FROM image_layers"),
          read_digests(database, "SELECT DISTINCT digest FROM image_blobs")};
}

std::vector<Digest> unreferenced(const std::vector<Digest>& present,
                                 const std::set<Digest>& referenced, const std::set<Digest>& kept) {
  std::vector<Digest> garbage;
  for (const Digest& digest : present)
    if (!referenced.contains(digest) && !kept.contains(digest)) garbage.push_back(digest);
  return garbage;
}

CollectedGarbage ImageStore::collect_garbage(const ImageUsers& users) {
  CollectedGarbage collected;
  std::set<Digest> in_use;
  auto mark = [&] {
    if (!users.layers_in_use) return;
    for (const Digest& layer : users.layers_in_use()) in_use.insert(layer);
  };
  auto sweep = [&](const std::set<Digest>& kept) {
    // Read last: a record that took over from a lease since is in here.
    References references = read_references(database_);
    references.layers.insert(in_use.begin(), in_use.end());
    for (const Digest& layer : unreferenced(layers_.list(), references.layers, kept)) {
      if (std::optional<UnpackedLayer> found = layers_.find(layer)) collected.bytes += found->size;
      layers_.remove(layer);
      collected.layers.push_back(layer);
    }
    for (const Digest& blob : unreferenced(content_.list(), references.blobs, kept)) {
      collected.bytes += content_.find_size(blob).value_or(0);
      content_.remove(blob);
      collected.blobs.push_back(blob);
    }
  };
  leases_.collect(mark, sweep);
  return collected;
}

}  // namespace ctr::image
