// ctrd: the composition root. Makes every part of the daemon, in order, and hands each what it
// needs.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "daemon/config.h"
#include "daemon/engine.h"
#include "daemon/listeners.h"
#include "daemon/logging.h"
#include "daemon/process_setup.h"
#include "daemon/routes/system.h"
#include "daemon/server/server.h"
#include "daemon/single_instance.h"
#include "daemon/version.h"
#include "image/apply_layer.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/idle_memory.h"

namespace ctr::daemon {
namespace {

// A stop must not take longer than systemd's patience, nor two seconds (streams end much earlier).
constexpr std::chrono::milliseconds stop_patience{1500};

void make_roots(const Config& config) {
  // Search but no list (P02): a container's user may have to reach below, nobody needs to look.
  sys::make_directories(config.data_root, 0711);
  sys::make_directories(config.exec_root, 0711);
}

void log_answer(const std::string& request, int status, const std::string& error) {
  if (status == 500)
    log_error("request failed",
              {{"request", request}, {"status", std::to_string(status)}, {"error", error}});
  else if (!error.empty())
    log_debug("request refused",
              {{"request", request}, {"status", std::to_string(status)}, {"error", error}});
  else
    log_debug("request", {{"request", request}, {"status", std::to_string(status)}});
}

ServerOptions server_options() {
  ServerOptions options;
  options.headers = common_headers();
  options.on_answer = log_answer;
  options.on_quiet = sys::release_idle_memory;
  return options;
}

// Routes that still run use everything that serve() made: then the process ends without undoing it,
// which is what a crash would do, and the store is made for crashes.
void end_connections(Server& server, Events& events) {
  events.close();
  server.stop();
  if (server.wait_until_idle(stop_patience)) return;
  log_warn("stopped with requests under way", {{"count", std::to_string(server.connections())}});
  std::fflush(nullptr);
  ::_exit(0);
}

// What a crash left is a matter of disk space, not of correctness: a failure is no reason to stop.
void collect_garbage(Engine& engine) {
  try {
    engine.collect_garbage();
  } catch (const sys::Error& error) {
    log_warn("garbage was not collected", {{"error", error.what()}});
  }
}

int serve(const Config& config) {
  expect_root();
  make_roots(config);
  SingleInstance data_instance(config.data_root);
  SingleInstance exec_instance(config.exec_root);
  PidFile pidfile(config.pidfile);
  for (const std::string& warning : config.warnings) log_warn(warning);

  // First, so that clients that come while the engine finds its containers again wait, not fail.
  std::vector<sys::UniqueFd> listeners = open_listeners(config);
  Engine engine(config);
  Router router;
  engine.add_routes(router);
  Server server(router, server_options());
  for (sys::UniqueFd& listener : listeners) server.add_listener(std::move(listener));
  std::thread acceptor([&] { server.run(); });
  log_info("ctrd is ready", {{"version", engine_version}, {"data-root", config.data_root}});
  notify_systemd("READY=1");

  collect_garbage(engine);

  std::string signal = wait_for_stop([] { log_info("SIGHUP: settings are read at start only"); });
  log_info("stopping; containers run on", {{"signal", signal}});
  notify_systemd("STOPPING=1");
  end_connections(server, engine.events());
  acceptor.join();
  return 0;
}

int apply_layer(const std::string& directory) {
  sys::UniqueFd target = sys::open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  image::apply_layer(target.get(), STDIN_FILENO);
  return 0;
}

int run(const CommandLine& line) {
  switch (line.action) {
    case CommandLine::Action::print:
      std::fputs(line.text.c_str(), stdout);
      return 0;
    case CommandLine::Action::validate:
      check_settings(line.config);
      std::puts("configuration OK");
      return 0;
    case CommandLine::Action::apply_layer:
      return apply_layer(line.directory);
    case CommandLine::Action::remove_host_state:
      remove_host_state(line.config);
      return 0;
    case CommandLine::Action::serve:
      return serve(line.config);
  }
  return 1;
}

}  // namespace
}  // namespace ctr::daemon

int main(int argc, char** argv) {
  using namespace ctr::daemon;
  try {
    set_up_process();
    CommandLine line = parse_command_line(argc, argv);
    configure_log(*find_log_level(line.config.log_level),
                  line.config.log_format == "json" ? LogFormat::json : LogFormat::text);
    return run(line);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ctrd: %s\n", error.what());
    return 1;
  }
}
