#include "daemon/config.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "daemon/config_settings.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorKind::invalid_argument, message);
}

// The values of flags that are no plain members, until the parser is done.
struct Collected {
  std::vector<std::string> ulimits;
  std::vector<std::string> log_options;
  std::vector<std::string> address_pools;
  std::vector<std::string> ignored_values;
  bool ignored_flag = false;
};

struct AddOption {
  CLI::App& app;
  Config& config;
  Collected& collected;
  const Setting& setting;

  CLI::Option* operator()(std::string Config::*member) const {
    return app.add_option(setting.flags, config.*member, setting.help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* operator()(bool Config::*member) const {
    return app.add_flag(setting.flags, config.*member, setting.help);
  }
  CLI::Option* operator()(int64_t Config::*member) const {
    return app.add_option(setting.flags, config.*member, setting.help);
  }
  CLI::Option* operator()(std::vector<std::string> Config::*member) const {
    return add_list(config.*member);
  }
  CLI::Option* operator()(std::map<std::string, std::string> Config::*) const {
    return add_list(collected.log_options);
  }
  CLI::Option* operator()(std::map<std::string, UlimitSetting> Config::*) const {
    return add_list(collected.ulimits);
  }
  CLI::Option* operator()(std::vector<AddressPoolSetting> Config::*) const {
    return add_list(collected.address_pools);
  }
  CLI::Option* operator()(NoEffect effect) const {
    if (effect.kind == NoEffect::Kind::flag) return add_ignored_flag();
    return add_list(collected.ignored_values)->group("Accepted from dockerd");
  }
  CLI::Option* operator()(Refused refused) const {
    if (refused.kind == Refused::Kind::flag) return add_ignored_flag();
    return add_list(collected.ignored_values)->group("");
  }

 private:
  // One value a flag: "--dns a b" is not two of them.
  CLI::Option* add_list(std::vector<std::string>& list) const {
    return app.add_option(setting.flags, list, setting.help)->expected(1)->take_all();
  }
  CLI::Option* add_ignored_flag() const {
    return app.add_flag(setting.flags, collected.ignored_flag, setting.help)
        ->group("Accepted from dockerd");
  }
};

bool is_unused(const Setting& setting) {
  return std::holds_alternative<NoEffect>(setting.member) ||
         std::holds_alternative<Refused>(setting.member);
}

bool asks_for_something(const CLI::Option& option) {
  return option.get_expected_max() > 0 || option.as<bool>();  // --selinux-enabled=false does not
}

// The parser, built from the table of settings.
struct Flags {
  CLI::App app{"The daemon of ctr: images and containers behind the Docker Engine API", "ctrd"};
  CLI::App* apply_layer = nullptr;
  bool version = false;
  bool validate = false;
  bool remove_host_state = false;
  Collected collected{};
  std::vector<std::pair<const Setting*, CLI::Option*>> options{};

  explicit Flags(CommandLine& line) {
    for (const Setting& setting : settings()) {
      if (*setting.flags == '\0') continue;
      AddOption add{app, line.config, collected, setting};
      options.emplace_back(&setting, std::visit(add, setting.member));
    }
    app.add_flag("-v,--version", version, "print the version and exit");
    app.add_flag("--validate", validate, "check the settings and exit");
    app.add_flag("--remove-host-state", remove_host_state,
                 "take away this data root's bridges and firewall rules, and exit");
    apply_layer =
        app.add_subcommand("apply-layer", "apply a layer, a tar on stdin, to a directory");
    apply_layer->add_option("DIR", line.directory, "where the layers below it are")->required();
  }

  std::set<std::string> given_keys() const {
    std::set<std::string> keys;
    for (const auto& [setting, option] : options)
      if (option->count() > 0) keys.insert(*setting->key != '\0' ? setting->key : setting->flags);
    return keys;
  }

  void take_collected(Config& config) const {
    for (const auto& [setting, option] : options)
      if (option->count() > 0 && is_unused(*setting) && asks_for_something(*option))
        note_unused(config, *setting);
    for (const std::string& text : collected.ulimits) {
      auto [name, limit] = parse_ulimit(text);
      config.default_ulimits[name] = limit;
    }
    for (const std::string& text : collected.address_pools)
      config.default_address_pools.push_back(parse_address_pool(text));
    for (const std::string& text : collected.log_options)
      add_key_value(config.log_options, text, "log-opt");
  }
};

void read_config_file(Config& config, const std::set<std::string>& given) {
  const std::string path = config.config_file;
  std::optional<std::string> text = sys::find_file(path, 1 << 20);
  if (text) return apply_config_file(config, path, *text, given);
  if (given.contains("--config-file"))  // the default one need not be there
    fail(fmt::format("unable to configure the daemon with file {}: no such file or directory",
                     path));
}

void expect_one_of(const char* name, const std::string& value,
                   std::initializer_list<std::string_view> allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
    fail(fmt::format("invalid {} '{}': must be one of {}", name, value, fmt::join(allowed, ", ")));
}

void expect_absolute(const char* name, const std::string& path) {
  if (!path.starts_with("/")) fail(fmt::format("invalid {} '{}': must be absolute", name, path));
}

void check_host(const std::string& host) {
  if (host == "fd://") return;
  if (host.starts_with("tcp://") || host.starts_with("http"))
    fail(
        fmt::format("host '{}' is not supported: whoever reaches a TCP port of the daemon is root "
                    "on this machine; use a Unix socket, from afar through ssh -L",
                    host));
  if (!host.starts_with("unix://"))
    fail(fmt::format("invalid host '{}': must be unix://PATH", host));
  expect_absolute("host", host.substr(7));
}

// In lower case, or in upper case as most write it.
std::string from_environment(const std::string& value, const char* lower, const char* upper) {
  if (!value.empty()) return value;
  for (const char* name : {lower, upper})
    if (const char* found = std::getenv(name)) return found;
  return "";
}

// What follows from other settings, and what no part of the daemon could make sense of.
void complete(Config& config) {
  expect_absolute("data-root", config.data_root);
  expect_absolute("exec-root", config.exec_root);
  config.data_root = sys::clean_path(config.data_root);
  config.exec_root = sys::clean_path(config.exec_root);
  if (config.hosts.empty()) config.hosts.push_back("unix://" + config.exec_root + "/ctrd.sock");
  for (std::string& host : config.hosts) {
    if (host.starts_with("/")) host = "unix://" + host;
    check_host(host);
  }
  if (config.pidfile.empty()) config.pidfile = config.exec_root + "/ctrd.pid";
  if (config.debug) config.log_level = "debug";
  if (!find_log_level(config.log_level))
    fail(fmt::format("invalid log-level '{}': must be debug, info, warn, error or fatal",
                     config.log_level));
  expect_one_of("log-format", config.log_format, {"text", "json"});
  expect_one_of("log-driver", config.log_driver, {"json-file", "none"});
  expect_one_of("default-ipc-mode", config.default_ipc_mode, {"private", "shareable"});
  expect_one_of("default-cgroupns-mode", config.default_cgroupns_mode, {"private", "host"});
  expect_one_of("default-runtime", config.default_runtime, {"ctr", "runc"});
  for (const std::string& option : config.exec_options)
    expect_one_of("exec-opt", option, {"native.cgroupdriver=cgroupfs"});
  if (config.mtu < 68 || config.mtu > 65535) fail(fmt::format("invalid mtu '{}'", config.mtu));
  if (config.max_concurrent_downloads < 1)
    fail(fmt::format("invalid max-concurrent-downloads '{}': must be at least 1",
                     config.max_concurrent_downloads));
  if (config.max_download_attempts < 1)
    fail(fmt::format("invalid max-download-attempts '{}': must be at least 1",
                     config.max_download_attempts));
  config.http_proxy = from_environment(config.http_proxy, "http_proxy", "HTTP_PROXY");
  config.https_proxy = from_environment(config.https_proxy, "https_proxy", "HTTPS_PROXY");
  config.no_proxy = from_environment(config.no_proxy, "no_proxy", "NO_PROXY");
  if (config.monitor_path.empty()) config.monitor_path = beside_executable("bin/ctr-monitor");
  if (config.embedded_images.empty())
    config.embedded_images = beside_executable("share/ctr/images");
}

std::string version_text() {
  return "ctrd version " CTR_VERSION "\n";
}

}  // namespace

std::string beside_executable(const std::string& path) {
  char buffer[4096];
  ssize_t length = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (length <= 0 || length == sizeof buffer) return "";
  std::string program(buffer, static_cast<size_t>(length));
  std::string bin = program.substr(0, program.rfind('/'));
  return bin.substr(0, bin.rfind('/')) + "/" + path;
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Flags flags(line);
  try {
    flags.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.action = CommandLine::Action::print;
    line.text = flags.app.help();
  } catch (const CLI::ParseError& error) {
    fail(fmt::format("{}; see 'ctrd --help'", error.what()));
  }
  if (line.action == CommandLine::Action::print) return line;
  if (flags.version) {
    line.action = CommandLine::Action::print;
    line.text = version_text();
  } else if (*flags.apply_layer) {
    line.action = CommandLine::Action::apply_layer;
  } else {
    if (flags.validate) line.action = CommandLine::Action::validate;
    if (flags.remove_host_state) line.action = CommandLine::Action::remove_host_state;
    flags.take_collected(line.config);
    read_config_file(line.config, flags.given_keys());
    complete(line.config);
  }
  return line;
}

}  // namespace ctr::daemon
