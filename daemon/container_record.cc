#include "daemon/container_record.h"

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

json mount_json(const MountPoint& mount) {
  return {{"type", mount.type},
          {"name", mount.name},
          {"source", mount.source},
          {"destination", mount.destination},
          {"mode", mount.mode},
          {"propagation", mount.propagation},
          {"writable", mount.writable},
          {"anonymous", mount.anonymous},
          {"create_source", mount.create_source},
          {"non_recursive", mount.non_recursive},
          {"recursive_read_only", mount.recursive_read_only},
          {"no_copy", mount.no_copy},
          {"subpath", mount.subpath},
          {"filesystem", mount.filesystem},
          {"filesystem_options", mount.filesystem_options}};
}

MountPoint parse_mount(const json& value) {
  return {.type = value.at("type").get<std::string>(),
          .name = value.at("name").get<std::string>(),
          .source = value.at("source").get<std::string>(),
          .destination = value.at("destination").get<std::string>(),
          .mode = value.at("mode").get<std::string>(),
          .propagation = value.at("propagation").get<std::string>(),
          .writable = value.at("writable").get<bool>(),
          .anonymous = value.at("anonymous").get<bool>(),
          .create_source = value.at("create_source").get<bool>(),
          .non_recursive = value.at("non_recursive").get<bool>(),
          .recursive_read_only = value.at("recursive_read_only").get<bool>(),
          .no_copy = value.value("no_copy", false),
          .subpath = value.value("subpath", ""),
          .filesystem = value.value("filesystem", ""),
          .filesystem_options = value.value("filesystem_options", std::vector<std::string>{})};
}

// The three configurations are JSON already and have columns of their own.
std::string record_text(const ContainerRecord& record) {
  json mounts = json::array();
  for (const MountPoint& mount : record.mounts) mounts.push_back(mount_json(mount));
  return dump_json({{"image_id", record.image_id},
                    {"diff_ids", record.diff_ids},
                    {"platform", record.platform},
                    {"architecture", record.architecture},
                    {"path", record.path},
                    {"args", record.args},
                    {"managed_hostname", record.managed_hostname},
                    {"mounts", std::move(mounts)}});
}

void parse_record(ContainerRecord& record, const std::string& text) {
  json value = json::parse(text);
  record.image_id = value.at("image_id").get<std::string>();
  record.diff_ids = value.at("diff_ids").get<std::vector<std::string>>();
  record.platform = value.at("platform").get<std::string>();
  record.architecture = value.at("architecture").get<std::string>();
  record.path = value.at("path").get<std::string>();
  record.args = value.at("args").get<std::vector<std::string>>();
  record.managed_hostname = value.at("managed_hostname").get<bool>();
  for (const json& mount : value.at("mounts")) record.mounts.push_back(parse_mount(mount));
  record.config = read_config(json::parse(record.config_json));
  record.host = read_host_config(json::parse(record.host_config_json));
}

std::string live_text(const LiveRecord& live) {
  const RunState& state = live.state;
  json value = {{"status", status_name(state.status)},
                {"pid", state.pid},
                {"exit_code", state.exit_code},
                {"oom_killed", state.oom_killed},
                {"error", state.error},
                {"started_at", state.started_at},
                {"finished_at", state.finished_at},
                {"restart_count", live.restart_count},
                {"stopped_by_user", live.stopped_by_user}};
  if (!live.health.status.empty()) value["health"] = health_json(live.health);
  return dump_json(value);
}

LiveRecord parse_live(const std::string& text) {
  json value = json::parse(text);
  LiveRecord live;
  live.state.status = find_status(value.at("status").get<std::string>()).value_or(Status::dead);
  live.state.pid = value.at("pid").get<int>();
  live.state.exit_code = value.at("exit_code").get<int>();
  live.state.oom_killed = value.at("oom_killed").get<bool>();
  live.state.error = value.at("error").get<std::string>();
  live.state.started_at = value.at("started_at").get<int64_t>();
  live.state.finished_at = value.at("finished_at").get<int64_t>();
  live.restart_count = value.at("restart_count").get<int64_t>();
  live.stopped_by_user = value.at("stopped_by_user").get<bool>();
  if (value.contains("health")) live.health = parse_health(value["health"]);
  return live;
}

}  // namespace

std::string short_id(const std::string& id) {
  return id.substr(0, 12);
}

ContainerTable::ContainerTable(image::Database& database) : database_(database) {
  database_.migrate("containers",
                    {"CREATE TABLE containers (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
                     " created INTEGER NOT NULL, record TEXT NOT NULL, config TEXT NOT NULL,"
                     " host_config TEXT NOT NULL, networking TEXT NOT NULL, live TEXT NOT NULL)"
                     " WITHOUT ROWID"});
}

std::vector<ContainerTable::Row> ContainerTable::load(std::vector<Damaged>& damaged) const {
  std::vector<Row> rows;
  image::Statement select(database_,
                          "SELECT id, name, created, record, config, host_config, networking, live"
                          " FROM containers ORDER BY created");
  while (select.step()) {
    Row row;
    row.record.id = select.text(0);
    row.record.name = select.text(1);
    row.record.created = select.integer(2);
    row.record.config_json = select.text(4);
    row.record.host_config_json = select.text(5);
    row.record.networking_json = select.text(6);
    try {
      parse_record(row.record, select.text(3));
      row.live = parse_live(select.text(7));
      rows.push_back(std::move(row));
    } catch (const json::exception& error) {
      damaged.push_back({row.record.id, error.what()});
    }
  }
  return rows;
}

void ContainerTable::insert(const ContainerRecord& record, const LiveRecord& live) {
  std::string text = record_text(record);
  std::string live_json = live_text(live);
  image::Statement insert(
      database_, "INSERT INTO containers VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  int64_t changed = insert
                        .bind(record.id, record.name, record.created, text, record.config_json,
                              record.host_config_json, record.networking_json, live_json)
                        .run();
  if (changed == 0)
    throw sys::Error(
        sys::ErrorKind::conflict,
        fmt::format("Conflict. The container name \"/{}\" is already in use", record.name));
}

void ContainerTable::update_record(const ContainerRecord& record) {
  image::Statement update(
      database_, "UPDATE containers SET name = ?, host_config = ?, networking = ? WHERE id = ?");
  update.bind(record.name, record.host_config_json, record.networking_json, record.id).run();
}

void ContainerTable::update_live(const std::string& id, const LiveRecord& live) {
  std::string text = live_text(live);
  image::Statement update(database_, "UPDATE containers SET live = ? WHERE id = ?");
  update.bind(text, id).run();
}

void ContainerTable::remove(const std::string& id) {
  image::Statement remove(database_, "DELETE FROM containers WHERE id = ?");
  remove.bind(id).run();
}

}  // namespace ctr::daemon
