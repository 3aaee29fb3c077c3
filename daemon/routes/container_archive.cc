// /containers/{id}/archive: files into and out of a container (docker cp).
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/container_archive.h"
#include "daemon/routes/containers.h"
#include "runtime/accounts.h"
#include "runtime/base64.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr size_t piece_size = 256 << 10;
constexpr const char* stat_header = "X-Docker-Container-Path-Stat";

std::string expect_path(const Exchange& exchange) {
  std::string path = exchange.query("path").value_or("");
  if (path.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "bad parameter: path cannot be empty");
  if (path.find('\0') != std::string::npos)
    throw sys::Error(sys::ErrorKind::invalid_argument, "bad parameter: path contains a NUL");
  return path;
}

std::string stat_text(const PathStat& stat) {
  json value = {{"name", stat.name},
                {"size", stat.size},
                {"mode", stat.mode},
                {"mtime", sys::format_timestamp(stat.mtime)},
                {"linkTarget", stat.link_target}};
  return runtime::base64_encode(dump_json(value));
}

FoundPath expect_found(const Exchange& exchange, int root, const std::string& path) {
  std::optional<FoundPath> found = find_path(root, path);
  if (!found)
    throw sys::Error(
        sys::ErrorKind::not_found,
        fmt::format("Could not find the file {} in container {}", path, exchange.parameter("id")));
  return std::move(*found);
}

void stat(Exchange& exchange, Containers& containers) {
  std::string path = expect_path(exchange);
  containers.visit_root(exchange.parameter("id"), [&](const VisitedRoot& root) {
    exchange.add_header(stat_header, stat_text(expect_found(exchange, root.directory, path).stat));
  });
  exchange.respond_empty(200);
}

void read(Exchange& exchange, Containers& containers) {
  std::string path = expect_path(exchange);
  ContainerRecord record = containers.snapshot(exchange.parameter("id")).record;
  containers.visit_root(record.id, [&](const VisitedRoot& root) {
    FoundPath found = expect_found(exchange, root.directory, path);
    exchange.add_header(stat_header, stat_text(found.stat));
    auto output = exchange.respond_stream(200, "application/x-tar");
    pack(found, root.ids, [&](std::string_view piece) { return output->write(piece); });
  });
  containers.publish(record, "archive-path");
}

std::optional<std::pair<uid_t, gid_t>> owner_of_copies(const Exchange& exchange, int root,
                                                       const ContainerRecord& record) {
  if (!exchange.query_bool("copyUIDGID") || record.config.user.empty()) return std::nullopt;
  runtime::User user;
  user.docker_user = record.config.user;
  runtime::Identity identity = runtime::look_up_identity(root, user);
  return std::pair(identity.uid, identity.gid);
}

void write(Exchange& exchange, Containers& containers) {
  std::string path = expect_path(exchange);
  ContainerRecord record = containers.snapshot(exchange.parameter("id")).record;
  std::string buffer(piece_size, '\0');
  containers.visit_root(record.id, [&](const VisitedRoot& root) {
    unpack_into(root.directory, path,
                [&] {
                  return std::string_view(buffer.data(),
                                          exchange.read_body(buffer.data(), buffer.size()));
                },
                {.keep_kinds = exchange.query_bool("noOverwriteDirNonDir"),
                 .owner = owner_of_copies(exchange, root.directory, record),
                 .ids = root.ids});
  });
  containers.publish(record, "extract-to-dir");
  exchange.respond_empty(200);
}

}  // namespace

void add_container_archive_routes(Router& router, Containers& containers) {
  const auto add = [&](const char* method, void (*handler)(Exchange&, Containers&)) {
    router.add(method, "/containers/{id}/archive",
               [&containers, handler](Exchange& exchange) { handler(exchange, containers); });
  };
  add("HEAD", stat);
  add("GET", read);
  add("PUT", write);
}

}  // namespace ctr::daemon
