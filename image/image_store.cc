#include "image/image_store.h"

#include <algorithm>
#include <set>

#include "image/image_config.h"
#include "image/image_removal.h"
#include "image/reference.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr std::string_view first_schema = R"sql(
  CREATE TABLE images (
    id TEXT PRIMARY KEY, manifest TEXT NOT NULL, config TEXT NOT NULL, size INTEGER NOT NULL,
    created INTEGER NOT NULL, last_tagged INTEGER NOT NULL, os TEXT NOT NULL,
    architecture TEXT NOT NULL, variant TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE image_layers (
    image TEXT NOT NULL REFERENCES images ON DELETE CASCADE, position INTEGER NOT NULL,
    diff_id TEXT NOT NULL, PRIMARY KEY (image, position)) WITHOUT ROWID;
  CREATE TABLE image_blobs (
    image TEXT NOT NULL REFERENCES images ON DELETE CASCADE, digest TEXT NOT NULL,
    PRIMARY KEY (image, digest)) WITHOUT ROWID;
  CREATE TABLE image_names (
    name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
    is_tag INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX image_names_by_image ON image_names (image);
)sql";

Digest digest_of(const std::string& hex) {
  return Digest::parse("sha256:" + hex);
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// What may be an ID or the beginning of one: its hexadecimal digits, empty if it cannot be.
std::string_view id_digits(std::string_view reference) {
  if (reference.starts_with("sha256:")) reference.remove_prefix(7);
  return is_hex(reference) && reference.size() <= 64 ? reference : std::string_view();
}

// A name as the table has it. Where a digest is written, it decides, as in Docker.
std::string stored_name(const Reference& reference) {
  const std::string name = reference.familiar_name();
  return reference.digest.empty() ? name + ":" + reference.tag
                                  : name + "@" + reference.digest.text();
}

[[noreturn]] void no_such_image(std::string_view reference) {
  std::string text(reference);
  bool has_tag = reference.find(':', reference.rfind('/') + 1) != std::string_view::npos;
  if (!has_tag && reference.find('@') == std::string_view::npos) text += ":latest";
  throw Error(ErrorKind::not_found, "No such image: " + text);
}

void insert_image(Database& database, const Image& image) {
  Statement(database, "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(image.id.hex(), image.manifest.hex(), image.config_json, image.size, image.created,
            image.last_tagged, image.os, image.architecture, image.variant)
      .run();
  Statement(database, "UPDATE images SET manifest = ?, size = ? WHERE id = ?")
      .bind(image.manifest.hex(), image.size, image.id.hex())
      .run();
  Statement layer(database, "INSERT OR IGNORE INTO image_layers VALUES (?, ?, ?)");
  for (size_t i = 0; i < image.diff_ids.size(); ++i)
    layer.bind(image.id.hex(), uint64_t{i}, image.diff_ids[i].hex()).run();
}

void insert_blobs(Database& database, const Digest& image, const std::vector<Digest>& blobs) {
  Statement insert(database, "INSERT OR IGNORE INTO image_blobs VALUES (?, ?)");
  for (const Digest& blob : blobs) insert.bind(image.hex(), blob.hex()).run();
}

void insert_name(Database& database, const Digest& image, const std::string& name, bool is_tag) {
  Statement(database, "INSERT OR REPLACE INTO image_names VALUES (?, ?, ?)")
      .bind(name, image.hex(), is_tag)
      .run();
  if (is_tag)
    Statement(database, "UPDATE images SET last_tagged = ? WHERE id = ?")
        .bind(sys::now(), image.hex())
        .run();
}

void delete_name(Database& database, const std::string& name) {
  Statement(database, "DELETE FROM image_names WHERE name = ?").bind(name).run();
}

std::vector<Digest> read_layers(Database& database, const std::string& image) {
  Statement find(database, "SELECT diff_id FROM image_layers WHERE image = ? ORDER BY position");
  find.bind(image);
  std::vector<Digest> layers;
  while (find.step()) layers.push_back(digest_of(find.text(0)));
  return layers;
}

void read_names(Database& database, Image& image) {
  Statement find(database, "SELECT name, is_tag FROM image_names WHERE image = ? ORDER BY name");
  find.bind(image.id.hex());
  while (find.step())
    (find.integer(1) != 0 ? image.tags : image.repo_digests).push_back(find.text(0));
}

std::optional<std::string> find_name(Database& database, const std::string& name) {
  Statement find(database, "SELECT image FROM image_names WHERE name = ?");
  if (!find.bind(name).step()) return std::nullopt;
  return find.text(0);
}

// 'g' is the character after 'f': the range holds exactly the IDs that begin with the digits.
std::optional<std::string> find_prefix(Database& database, std::string_view digits) {
  Statement find(database, "SELECT id FROM images WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2");
  if (!find.bind(digits).step()) return std::nullopt;
  std::string id = find.text(0);
  if (find.step())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("image ID prefix '{}' is ambiguous: give more digits", digits));
  return id;
}

// An image that a user's text means, and by which of its names.
struct Found {
  std::string id;
  std::string name;  // empty if it was an ID
};

std::optional<Found> resolve(Database& database, std::string_view reference) {
  std::string_view digits = id_digits(reference);
  // A whole ID is never a name; anything shorter may be both, and then the name wins.
  if (digits.size() < 64) {
    const std::string name = stored_name(parse_reference(reference));
    if (std::optional<std::string> id = find_name(database, name)) return Found{*id, name};
  }
  if (digits.empty()) return std::nullopt;
  std::optional<std::string> id = find_prefix(database, digits);
  return id ? std::optional(Found{*id, ""}) : std::nullopt;
}

}  // namespace

ImageStore::ImageStore(Database& database, ContentStore& content, LayerStore& layers)
    : database_(database), content_(content), layers_(layers) {
  database_.migrate("images", {first_schema});
}

Image ImageStore::put(const NewImage& image, const std::string& tag) {
  ImageConfig config = parse_image_config(image.config_json);
  Image record;
  record.id = Sha256::of(image.config_json);
  record.manifest = image.manifest;
  record.config_json = image.config_json;
  record.diff_ids = image.diff_ids;
  record.os = config.platform.os;
  record.architecture = config.platform.architecture;
  record.variant = config.platform.variant;
  record.created = sys::parse_timestamp(config.created).value_or(sys::zero_time);
  if (config.diff_ids != image.diff_ids)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("image {} does not have the layers that it names", record.id.text()));
  for (const Digest& diff_id : image.diff_ids) {
    std::optional<UnpackedLayer> layer = layers_.find(diff_id);
    if (!layer)
      throw Error(ErrorKind::internal, fmt::format("layer {} is missing", diff_id.text()));
    record.size += layer->size;
  }
  Transaction transaction(database_, Commit::durable);
  insert_image(database_, record);
  insert_blobs(database_, record.id, image.blobs);
  if (!image.repo_digest.empty()) insert_name(database_, record.id, image.repo_digest, false);
  if (!tag.empty()) insert_name(database_, record.id, stored_name(parse_reference(tag)), true);
  transaction.commit();
  return *find_by_id(record.id);
}

std::optional<Image> ImageStore::find_by_id(const Digest& id) const {
  Statement find(database_,
                 "SELECT manifest, config, size, created, last_tagged, os, architecture, variant "
                 "FROM images WHERE id = ?");
  if (!find.bind(id.hex()).step()) return std::nullopt;
  Image image;
  image.id = id;
  image.manifest = digest_of(find.text(0));
  image.config_json = find.text(1);
  image.size = static_cast<uint64_t>(find.integer(2));
  image.created = find.integer(3);
  image.last_tagged = find.integer(4);
  image.os = find.text(5);
  image.architecture = find.text(6);
  image.variant = find.text(7);
  image.diff_ids = read_layers(database_, id.hex());
  read_names(database_, image);
  return image;
}

std::optional<Image> ImageStore::find(std::string_view reference) const {
  std::optional<Found> found = resolve(database_, reference);
  return found ? find_by_id(digest_of(found->id)) : std::nullopt;
}

Image ImageStore::get(std::string_view reference) const {
  std::optional<Image> image = find(reference);
  if (!image) no_such_image(reference);
  return std::move(*image);
}

std::vector<Image> ImageStore::list() const {
  std::vector<std::string> ids;
  {
    Statement find(database_, "SELECT id FROM images ORDER BY created DESC, id");
    while (find.step()) ids.push_back(find.text(0));
  }
  std::vector<Image> images;
  for (const std::string& id : ids)
    if (std::optional<Image> image = find_by_id(digest_of(id))) images.push_back(std::move(*image));
  return images;
}

std::string ImageStore::tag(std::string_view reference, std::string_view tag) {
  Reference target = parse_reference(tag);
  if (!target.digest.empty())
    throw Error(ErrorKind::invalid_argument, "refusing to create a tag with a digest reference");
  const std::string name = stored_name(target);
  Transaction transaction(database_, Commit::durable);
  std::optional<Found> found = resolve(database_, reference);
  if (!found) no_such_image(reference);
  insert_name(database_, digest_of(found->id), name, true);
  transaction.commit();
  return name;
}

std::vector<ImageRemoval> ImageStore::remove(std::string_view reference, bool force,
                                             const ImageUsers& users) {
  std::optional<Found> found = resolve(database_, reference);
  if (!found) no_such_image(reference);
  // Asked for before the transaction: the containers' side has locks of its own.
  const Digest id = digest_of(found->id);
  std::vector<ImageUse> uses = users.uses_of ? users.uses_of(id) : std::vector<ImageUse>{};

  Transaction transaction(database_, Commit::durable);
  std::optional<Image> image = find_by_id(id);
  if (!image) no_such_image(reference);
  RemovalPlan plan =
      plan_removal({*image, std::string(reference), found->name, force, std::move(uses)});
  std::vector<ImageRemoval> lines;
  for (const std::string& name : plan.untag) {
    delete_name(database_, name);
    lines.push_back({.untagged = name, .deleted = {}, .image = id});
  }
  if (plan.delete_image) {
    Statement(database_, "DELETE FROM images WHERE id = ?").bind(id.hex()).run();
    lines.push_back({.untagged = {}, .deleted = id.text(), .image = id});
    for (const Digest& chain : unshared_chains(*image))
      lines.push_back({.untagged = {}, .deleted = chain.text(), .image = id});
  }
  transaction.commit();
  return lines;
}

// The stacks of layers that went with the image, topmost first: those that no other image begins
// with.
std::vector<Digest> ImageStore::unshared_chains(const Image& removed) const {
  std::vector<std::string> ids;
  {
    Statement others(database_, "SELECT id FROM images");
    while (others.step()) ids.push_back(others.text(0));
  }
  std::set<Digest> shared;
  for (const std::string& id : ids)
    for (const Digest& chain : chain_ids(read_layers(database_, id))) shared.insert(chain);
  std::vector<Digest> chains = chain_ids(removed.diff_ids);
  std::erase_if(chains, [&](const Digest& chain) { return shared.contains(chain); });
  std::reverse(chains.begin(), chains.end());
  return chains;
}

}  // namespace ctr::image
