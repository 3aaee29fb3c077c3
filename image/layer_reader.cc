#include "image/layer_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <exception>
#include <limits>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

// Linux's own: 12 bits of major, 20 of minor number.
constexpr uint64_t device_major_limit = 0xfff;
constexpr uint64_t device_minor_limit = 0xfffff;
constexpr size_t xattr_total_limit = 1 << 20;

[[noreturn]] void fail(const std::string& why) {
  throw Error(ErrorKind::invalid_argument, "invalid archive: " + why);
}

struct CloseArchive {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};

// (uid_t)-1 means "unchanged" to chown(2) and must never get there.
uint32_t checked_id(int64_t id, const std::string& path) {
  if (id < 0 || id >= std::numeric_limits<uint32_t>::max())
    fail(fmt::format("'{}' has the owner or group {}, which is out of range", path, id));
  return static_cast<uint32_t>(id);
}

unsigned checked_device(uint64_t number, uint64_t limit, const std::string& path) {
  if (number > limit) fail(fmt::format("'{}' has a device number out of range", path));
  return static_cast<unsigned>(number);
}

EntryKind kind_of(archive_entry* entry, const std::string& path) {
  if (::archive_entry_hardlink(entry) != nullptr) return EntryKind::hardlink;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return EntryKind::file;
    case AE_IFDIR:
      return EntryKind::directory;
    case AE_IFLNK:
      return EntryKind::symlink;
    case AE_IFCHR:
      return EntryKind::character_device;
    case AE_IFBLK:
      return EntryKind::block_device;
    case AE_IFIFO:
      return EntryKind::fifo;
    default:
      fail(fmt::format("'{}' is of a type that a layer cannot have", path));
  }
}

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : text;
}

void take_link(LayerEntry& to, archive_entry* entry) {
  if (to.kind == EntryKind::hardlink) to.link_target = text_of(::archive_entry_hardlink(entry));
  if (to.kind == EntryKind::symlink) to.link_target = text_of(::archive_entry_symlink(entry));
  bool is_link = to.kind == EntryKind::hardlink || to.kind == EntryKind::symlink;
  if (is_link && to.link_target.empty()) fail(fmt::format("link '{}' has no target", to.path));
}

void take_device(LayerEntry& to, archive_entry* entry) {
  if (to.kind != EntryKind::character_device && to.kind != EntryKind::block_device) return;
  to.device_major = checked_device(static_cast<uint64_t>(::archive_entry_rdevmajor(entry)),
                                   device_major_limit, to.path);
  to.device_minor = checked_device(static_cast<uint64_t>(::archive_entry_rdevminor(entry)),
                                   device_minor_limit, to.path);
  // overlayfs's own whiteout: a layer deletes with .wh. names and with nothing else (T14).
  if (to.kind == EntryKind::character_device && to.device_major == 0 && to.device_minor == 0)
    fail(fmt::format("'{}' is character device 0:0", to.path));
}

void take_time(LayerEntry& to, archive_entry* entry) {
  to.mtime = {};
  if (::archive_entry_mtime_is_set(entry) == 0) return;
  to.mtime.tv_sec = ::archive_entry_mtime(entry);
  long fraction = ::archive_entry_mtime_nsec(entry);
  to.mtime.tv_nsec = fraction >= 0 && fraction < 1'000'000'000 ? fraction : 0;
}

void take_xattrs(LayerEntry& to, archive_entry* entry) {
  to.xattrs.clear();
  ::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  size_t total = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name == nullptr || !is_layer_xattr(name)) continue;
    total += size;
    if (total > xattr_total_limit) fail(fmt::format("'{}' has too large attributes", to.path));
    to.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
}

}  // namespace

struct LayerReader::State {
  explicit State(Source from) : source(std::move(from)), reader(::archive_read_new()) {}

  Source source;
  std::unique_ptr<archive, CloseArchive> reader;
  LayerEntry entry;
  std::exception_ptr failure;  // of the source: libarchive's C frames must not be unwound
  bool source_ended = false;

  std::string_view read_source() {
    if (source_ended) return {};
    std::string_view piece = source();
    source_ended = piece.empty();
    return piece;
  }

  static la_ssize_t read(archive*, void* self, const void** buffer) noexcept {
    auto* state = static_cast<State*>(self);
    try {
      std::string_view piece = state->read_source();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      state->failure = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }

  // A warning (a name that is not in the C locale's alphabet, a header with oddities) is none of a
  // layer's concern; everything below it is an archive that cannot be trusted any further.
  bool expect(int code) {
    if (failure) std::rethrow_exception(failure);
    if (code == ARCHIVE_EOF) return false;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
      fail(text_of(::archive_error_string(reader.get())));
    return true;
  }
};

LayerReader::LayerReader(Source source) : state_(std::make_unique<State>(std::move(source))) {
  archive* reader = state_->reader.get();
  if (reader == nullptr) throw Error(ErrorKind::internal, "libarchive: out of memory");
  state_->expect(::archive_read_support_format_tar(reader));
  state_->expect(::archive_read_support_format_empty(reader));
  state_->expect(::archive_read_open(reader, state_.get(), nullptr, &State::read, nullptr));
}

LayerReader::~LayerReader() = default;

const LayerEntry* LayerReader::next() {
  archive_entry* from = nullptr;
  if (!state_->expect(::archive_read_next_header(state_->reader.get(), &from))) return nullptr;
  LayerEntry& to = state_->entry;
  to.path = text_of(::archive_entry_pathname(from));
  to.kind = kind_of(from, to.path);
  to.mode = ::archive_entry_perm(from);
  to.uid = checked_id(::archive_entry_uid(from), to.path);
  to.gid = checked_id(::archive_entry_gid(from), to.path);
  int64_t size = ::archive_entry_size_is_set(from) != 0 ? ::archive_entry_size(from) : 0;
  if (size < 0) fail(fmt::format("'{}' has a negative size", to.path));
  to.size = static_cast<uint64_t>(size);
  take_link(to, from);
  take_device(to, from);
  take_time(to, from);
  take_xattrs(to, from);
  return &to;
}

bool LayerReader::next_block(Block& block) {
  const void* data = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  if (!state_->expect(::archive_read_data_block(state_->reader.get(), &data, &size, &offset)))
    return false;
  uint64_t end = state_->entry.size;
  if (offset < 0 || static_cast<uint64_t>(offset) > end ||
      size > end - static_cast<uint64_t>(offset))
    fail(fmt::format("'{}' has content beyond its size", state_->entry.path));
  block = {{static_cast<const char*>(data), size}, static_cast<uint64_t>(offset)};
  return true;
}

void LayerReader::drain() {
  while (!state_->read_source().empty()) {
  }
}

}  // namespace ctr::image
