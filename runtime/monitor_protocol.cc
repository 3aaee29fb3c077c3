#include "runtime/monitor_protocol.h"

#include "runtime/base64.h"
#include "runtime/json_fields.h"

namespace ctr::runtime {

template <class Fields>
void describe(Fields& fields, LogConfig& log) {
  fields("path", log.path);
  fields("max_size", log.max_size);
  fields("max_files", log.max_files);
  fields("attributes", log.attributes);
}

template <class Fields>
void describe(Fields& fields, MonitorConfig& config) {
  fields("id", config.id);
  fields("log", config.log);
  fields("open_stdin", config.open_stdin);
  fields("stdin_once", config.stdin_once);
  fields("detach_keys", config.detach_keys);
  fields("name_server", config.name_server);
}

template <class Fields>
void describe(Fields& fields, AttachOptions& options) {
  fields("stdin", options.stdin_stream);
  fields("stdout", options.stdout_stream);
  fields("stderr", options.stderr_stream);
  fields("framed", options.framed);
  fields("detach_keys", options.detach_keys);
  std::string preread = base64_encode(options.preread);
  fields("preread", preread);
  if constexpr (Fields::reading) options.preread = base64_decode(preread);
}

template <class Fields>
void describe(Fields& fields, ContainerState& state) {
  fields("pid", state.pid);
  fields("start_time", state.start_time);
  fields("monitor_pid", state.monitor_pid);
  fields("monitor_start_time", state.monitor_start_time);
  fields("started_at", state.started_at);
}

template <class Fields>
void describe(Fields& fields, ExitRecord& record) {
  fields("exit_code", record.exit_code);
  fields("oom_killed", record.oom_killed);
  fields("finished_at", record.finished_at);
  fields("error", record.error);
}

template <class Fields>
void describe(Fields& fields, ExecRecord& record) {
  fields("id", record.id);
  fields("pid", record.pid);
  fields("running", record.running);
  fields("exit_code", record.exit_code);
}

namespace {

template <class Value>
std::string write_text(const Value& value) {
  return json::dump(json::write(value));
}

template <class Value>
Value parse_text(const std::string& text, const char* name) {
  Value value;
  json::read(json::parse(text, name), name, value);
  return value;
}

}  // namespace

std::string to_json(const MonitorConfig& value) {
  return write_text(value);
}
std::string to_json(const AttachOptions& value) {
  return write_text(value);
}
std::string to_json(const ContainerState& value) {
  return write_text(value);
}
std::string to_json(const ExitRecord& value) {
  return write_text(value);
}
std::string to_json(const ExecRecord& value) {
  return write_text(value);
}

MonitorConfig parse_monitor_config(const std::string& text) {
  return parse_text<MonitorConfig>(text, "monitor.json");
}
AttachOptions parse_attach_options(const std::string& text) {
  return parse_text<AttachOptions>(text, "attach");
}
ContainerState parse_container_state(const std::string& text) {
  return parse_text<ContainerState>(text, "state.json");
}
ExitRecord parse_exit_record(const std::string& text) {
  return parse_text<ExitRecord>(text, "exit.json");
}
ExecRecord parse_exec_record(const std::string& text) {
  return parse_text<ExecRecord>(text, "exec record");
}

}  // namespace ctr::runtime
