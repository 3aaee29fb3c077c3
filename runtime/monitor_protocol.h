// What ctrd and ctr-monitor say to each other, and the files through which a monitor tells the truth
// about its container to a daemon that was not there.
//
//   <exec-root>/monitors.log            the monitors' own words, should there be any
//   <exec-root>/containers/<id>/        0700, made by ctrd; the monitor's only argument in ps(1)
//     config.json      the ContainerSpec (spec_json)                      written by the monitor
//     control.sock     where a daemon connects, 0600                      made by the monitor
//     state.json       ContainerState, from "started" on                  written by the monitor
//     exit.json        ExitRecord, once the container ended               written by the monitor
//     exec-<id>.json   ExecRecord of each exec, from its start on         written by the monitor
//
// Every connection carries sys::Message frames: one JSON object with "type", and descriptors. The
// connection that the monitor is born with is its descriptor 3; later ones come over control.sock and
// speak the same. A monitor serves several connections at once and sends its events to each.
//
//   ctrd                                     ctr-monitor
//    │ posix_spawn, descriptor 3 ───────────────► waits as the spare one ("ctr-spare" in ps)
//    │ begin {program, directory} ──────────────► it is this container's from now on
//    │ MonitorConfig ───────────────────────────►
//    │ ContainerSpec (spec_json) ───────────────►
//    │ attach {…} + client's socket ────────────►   (none or more: clients that wait for the start)
//    │ start ───────────────────────────────────► launch(): see launch_channel.h
//    │ ◄──────────────── started {pid, started_at}     or failed {stage, message, exit_code}, then exit
//    │ attach / exec / resize / signal ─────────►
//    │ ◄──────────────────────── reply {seq, …}   each request with "seq" gets one reply
//    │ ◄─── exec_exited {exec_id, exit_code}
//    │ ◄─── oom
//    │ ◄─── exited {exit record}                  then end of file: the container's mounts are gone
//
// End of file without "exited" and without exit.json means that the monitor was killed: whoever
// notices kills the container's cgroup and reports 137.
//
// Requests (ctrd → monitor); "seq" is a number chosen by ctrd:
//   {"type":"start"}
//   {"type":"attach","seq":n, …AttachOptions}               + 1 descriptor: the client's connection
//   {"type":"exec","seq":n,"exec_id":id,"process":{OCI process},
//    "attach":AttachOptions|null}                           + 1 descriptor if attach is not null
//       reply: {"type":"reply","seq":n,"pid":p}  or  {"type":"reply","seq":n,"error":text,
//       "kind":"not_found"…,"exit_code":126|127}; the error was then also written to the client.
//   {"type":"resize","seq":n,"exec_id":id|"","rows":r,"columns":c}
//   {"type":"signal","seq":n,"signal":s}                    to the container's first process
//   {"type":"close_stdin","seq":n}
//   {"type":"timeline","seq":n}
//       reply: "timeline", an array of {"name", "at"} (timeline.h)
//   {"type":"name_sockets","seq":n}
//       reply: + 2 descriptors, a bound UDP socket and a listening one (monitor/name_sockets.h)
// A reply without "error" means done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/sys/timestamp.h"

namespace ctr::runtime {

struct LogConfig {
  std::string path;                      // empty: no log is kept
  uint64_t max_size = 20 * 1000 * 1000;  // bytes a file; 0: never rotated
  uint32_t max_files = 5;                // path, path.1 … path.4
  std::string attributes;                // "attrs" object of each line as JSON text, or empty
};

struct MonitorConfig {
  std::string id;
  LogConfig log;
  bool open_stdin = false;   // keep the container's stdin open without a client (-i)
  bool stdin_once = false;   // close it when the first attached client ends its input
  std::string detach_keys;   // default of attaches that bring none: "ctrl-p,ctrl-q"
  bool name_server = false;  // the sockets of daemon/dns are bound before the program begins
};

struct AttachOptions {
  bool stdin_stream = false;
  bool stdout_stream = false;
  bool stderr_stream = false;
  bool framed = true;       // 8-byte headers (no terminal); false: raw bytes
  std::string detach_keys;  // empty: the container's default
  std::string preread;      // bytes the client sent behind its request's header; base64 on the wire
};

struct ContainerState {
  int pid = 0;
  uint64_t start_time = 0;          // of pid: field 22 of /proc/<pid>/stat
  int monitor_pid = 0;
  uint64_t monitor_start_time = 0;
  sys::Timestamp started_at = sys::zero_time;
};

struct ExitRecord {
  int exit_code = 0;
  bool oom_killed = false;
  sys::Timestamp finished_at = sys::zero_time;
  std::string error;  // why it never ran, else empty
};

struct ExecRecord {
  std::string id;
  int pid = 0;
  bool running = true;
  int exit_code = 0;
};

// JSON forms of the above, for the files and the messages.
std::string to_json(const MonitorConfig&);
std::string to_json(const AttachOptions&);
std::string to_json(const ContainerState&);
std::string to_json(const ExitRecord&);
std::string to_json(const ExecRecord&);
MonitorConfig parse_monitor_config(const std::string& text);
AttachOptions parse_attach_options(const std::string& text);
ContainerState parse_container_state(const std::string& text);
ExitRecord parse_exit_record(const std::string& text);
ExecRecord parse_exec_record(const std::string& text);

}  // namespace ctr::runtime
