#include "daemon/routes/image_making.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/pull_messages.h"
#include "daemon/server/client_watch.h"
#include "image/http_client.h"
#include "image/platform.h"
#include "image/tree_archive.h"
#include "image/url_download.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

constexpr size_t piece_size = 256 << 10;
constexpr uint64_t progress_step = 4 << 20;  // bytes between two messages

// The request's body, pulled piece by piece.
class BodySource {
 public:
  explicit BodySource(Exchange& exchange) : exchange_(exchange), buffer_(piece_size, '\0') {}
  std::string_view operator()() {
    return {buffer_.data(), exchange_.read_body(buffer_.data(), buffer_.size())};
  }

 private:
  Exchange& exchange_;
  std::string buffer_;
};

// An answer that begins with its first piece: what fails before that is a status.
class LateBody {
 public:
  LateBody(Exchange& exchange, const char* type) : exchange_(exchange), type_(type) {}
  bool write(std::string_view piece) {
    if (!stream_) stream_ = exchange_.respond_stream(200, type_);
    return stream_->write(piece);
  }
  bool begun() const { return stream_ != nullptr; }

 private:
  Exchange& exchange_;
  const char* type_;
  std::unique_ptr<ResponseStream> stream_;
};

std::string text(const Exchange& exchange, const char* name) {
  return exchange.query(name).value_or("");
}

NewImageRequest image_request(const Exchange& exchange) {
  return {.repository = text(exchange, "repo"),
          .tag = text(exchange, "tag"),
          .comment = text(exchange, exchange.query("message") ? "message" : "comment"),
          .author = text(exchange, "author"),
          .changes = exchange.query_all("changes")};
}

void save(Exchange& exchange, const ImageMaking& making, const std::vector<std::string>& names) {
  if (names.empty()) throw Error(ErrorKind::invalid_argument, "no image names were given");
  LateBody body(exchange, "application/x-tar");
  making.images.save(names, [&](std::string_view piece) { return body.write(piece); });
}

void save_several(Exchange& exchange, const ImageMaking& making) {
  save(exchange, making, exchange.query_all("names"));
}

void save_one(Exchange& exchange, const ImageMaking& making) {
  save(exchange, making, {exchange.parameter("name")});
}

void load(Exchange& exchange, const ImageMaking& making) {
  std::optional<image::Platform> platform;
  if (std::string wanted = text(exchange, "platform"); !wanted.empty())
    platform = image::parse_platform(wanted);
  LateBody body(exchange, "application/json");
  BodySource source(exchange);
  try {
    making.images.load([&] { return source(); }, making.scratch, platform,
                       [&](const std::string& message) { body.write(message); });
  } catch (const Error& error) {
    if (!body.begun()) throw;
    body.write(error_message(error.what()));
  }
}

void commit(Exchange& exchange, const ImageMaking& making) {
  json config = exchange.body_json();
  std::string id = commit_container(making, {.image = image_request(exchange),
                                             .container = text(exchange, "container"),
                                             .pause = exchange.query_bool("pause", true),
                                             .config = std::move(config)});
  exchange.respond_json(201, {{"Id", id}});
}

void export_container(Exchange& exchange, const ImageMaking& making) {
  ContainerRecord record = making.containers.snapshot(exchange.parameter("id")).record;
  LateBody body(exchange, "application/octet-stream");
  making.containers.visit_root(record.id, [&](const VisitedRoot& root) {
    image::TreeArchive archive([&](std::string_view piece) { return body.write(piece); },
                               {.stay_on_mount = true, .ids = root.ids});
    archive.add_content(root.directory);
    archive.finish();
  });
  making.containers.publish(record, "export");
}

void changes(Exchange& exchange, const ImageMaking& making) {
  json list = json::array();
  for (const FileChange& change : making.containers.list_changes(exchange.parameter("id")))
    list.push_back({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}});
  exchange.respond_json(200, list.empty() ? json(nullptr) : list);
}

}  // namespace

namespace {

// As Docker's: without a scheme it is http.
image::Url import_url(const std::string& source) {
  return image::parse_url(source.find("://") == std::string::npos ? "http://" + source : source);
}

std::string architecture_of(const Exchange& exchange) {
  const std::string wanted = text(exchange, "platform");
  return wanted.empty() ? image::host_platform().architecture
                        : image::parse_platform(wanted).architecture;
}

// The client sees what comes; what fails then is a message.
void import_from_web(Exchange& exchange, const ImageMaking& making, const std::string& source) {
  const image::Url url = import_url(source);
  const std::string architecture = architecture_of(exchange);
  LateBody body(exchange, "application/json");
  ClientWatch client(exchange);
  image::HttpClient http(making.web);
  uint64_t shown = 0;
  const auto show = [&](uint64_t current, uint64_t total) {
    if (current - shown < progress_step && current != total) return;
    shown = current;
    body.write(download_message(current, total));
  };
  try {
    sys::UniqueFd file = image::download_url(
        http, {.url = url, .directory = making.scratch, .progress = show}, client.token());
    std::string piece(piece_size, '\0');
    std::string id = import_archive(making, image_request(exchange), architecture, [&] {
      const ssize_t count =
          sys::retry_on_signal([&] { return ::read(file.get(), piece.data(), piece.size()); });
      return std::string_view(piece.data(), static_cast<size_t>(sys::check(count, "read")));
    });
    body.write(status_message(id));
  } catch (const Error& error) {
    if (!body.begun()) throw;
    body.write(error_message(error.what()));
  }
}

}  // namespace

void import_image(Exchange& exchange, const ImageMaking& making) {
  if (std::string source = text(exchange, "fromSrc"); source != "-")
    return import_from_web(exchange, making, source);
  BodySource source(exchange);
  std::string id = import_archive(making, image_request(exchange), architecture_of(exchange),
                                  [&] { return source(); });
  LateBody(exchange, "application/json").write(status_message(id));
}

void add_image_making_routes(Router& router, ImageMaking making) {
  using Route = void (*)(Exchange&, const ImageMaking&);
  const auto add = [&](const char* method, const char* pattern, Route route) {
    router.add(method, pattern, [making, route](Exchange& exchange) { route(exchange, making); });
  };
  add("GET", "/images/get", save_several);
  add("GET", "/images/{name:*}/get", save_one);
  add("POST", "/images/load", load);
  add("POST", "/commit", commit);
  add("GET", "/containers/{id}/export", export_container);
  add("GET", "/containers/{id}/changes", changes);
}

}  // namespace ctr::daemon
