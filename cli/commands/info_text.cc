#include "cli/commands/info_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "cli/document.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

class InfoText {
 public:
  explicit InfoText(const Json& info) : info_(info) {}

  std::string run() {
    text_ = "Server:\n";
    counts();
    storage();
    plugins();
    runtimes();
    security();
    host();
    registries();
    return std::move(text_);
  }

 private:
  void add(std::string_view name, std::string_view value) {
    text_ += fmt::format(" {}: {}\n", name, value);
  }
  // As it is in the API, where it is not empty.
  void add_text(std::string_view name, std::string_view member_name) {
    if (std::string value = text_member(info_, member_name); !value.empty()) add(name, value);
  }
  void add_number(std::string_view name, std::string_view member_name) {
    add(name, std::to_string(number_member(info_, member_name)));
  }
  void add_flag(std::string_view name, std::string_view member_name) {
    add(name, flag_member(info_, member_name) ? "true" : "false");
  }
  void add_list(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    text_ += fmt::format(" {}:\n", name);
    for (const std::string& value : values) text_ += fmt::format("  {}\n", value);
  }

  void counts() {
    add_number("Containers", "Containers");
    add_number(" Running", "ContainersRunning");
    add_number(" Paused", "ContainersPaused");
    add_number(" Stopped", "ContainersStopped");
    add_number("Images", "Images");
    add_text("Server Version", "ServerVersion");
  }

  void storage() {
    add_text("Storage Driver", "Driver");
    const Json& status = member(info_, "DriverStatus");
    if (status.is_array())
      for (const Json& pair : status)
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string())
          add(" " + pair[0].get<std::string>(), pair[1].get<std::string>());
    add_text("Logging Driver", "LoggingDriver");
    add_text("Cgroup Driver", "CgroupDriver");
    add_text("Cgroup Version", "CgroupVersion");
  }

  void plugins() {
    const Json& plugins = member(info_, "Plugins");
    text_ += " Plugins:\n";
    for (const char* kind : {"Volume", "Network", "Authorization", "Log"})
      if (auto names = texts_member(plugins, kind); !names.empty() || kind[0] != 'A')
        text_ += fmt::format("  {}: {}\n", kind, fmt::join(names, " "));
    add("Swarm", text_member(member(info_, "Swarm"), "LocalNodeState"));
  }

  void runtimes() {
    std::vector<std::string> names;
    const Json& runtimes = member(info_, "Runtimes");
    if (runtimes.is_object())
      for (const auto& [name, runtime] : runtimes.items()) names.push_back(name);
    std::sort(names.begin(), names.end());
    if (!names.empty()) add("Runtimes", fmt::format("{}", fmt::join(names, " ")));
    add_text("Default Runtime", "DefaultRuntime");
    add_text("Init Binary", "InitBinary");
    add_commit("containerd version", "ContainerdCommit");
    add_commit("runc version", "RuncCommit");
    add_commit("init version", "InitCommit");
  }

  void add_commit(std::string_view name, std::string_view member_name) {
    const Json& commit = member(info_, member_name);
    if (commit.is_object()) add(name, text_member(commit, "ID"));
  }

  // "name=seccomp,profile=builtin" is a line and an indented line.
  void security() {
    std::vector<std::string> options = texts_member(info_, "SecurityOptions");
    if (options.empty()) return;
    text_ += " Security Options:\n";
    for (const std::string& option : options) {
      for (size_t at = 0; at < option.size();) {
        size_t end = std::min(option.find(',', at), option.size());
        add_security_option(option.substr(at, end - at));
        at = end + 1;
      }
    }
  }

  void add_security_option(const std::string& pair) {
    size_t sign = pair.find('=');
    if (sign == pair.npos) return add(" " + pair, "");
    std::string key = pair.substr(0, sign), value = pair.substr(sign + 1);
    if (key == "name")
      text_ += fmt::format("  {}\n", value);
    else
      text_ += fmt::format("   {}{}: {}\n", static_cast<char>(key[0] >= 'a' ? key[0] - 32 : key[0]),
                           key.substr(1), value);
  }

  void host() {
    add_text("Kernel Version", "KernelVersion");
    add_text("Operating System", "OperatingSystem");
    add_text("OSType", "OSType");
    add_text("Architecture", "Architecture");
    add_number("CPUs", "NCPU");
    add("Total Memory", human_binary_size(static_cast<double>(number_member(info_, "MemTotal"))));
    add_text("Name", "Name");
    add_text("ID", "ID");
    add_text("Docker Root Dir", "DockerRootDir");
    add_flag("Debug Mode", "Debug");
    add_text("HTTP Proxy", "HttpProxy");
    add_text("HTTPS Proxy", "HttpsProxy");
    add_text("No Proxy", "NoProxy");
    add_list("Labels", texts_member(info_, "Labels"));
    add_flag("Experimental", "ExperimentalBuild");
  }

  void registries() {
    const Json& config = member(info_, "RegistryConfig");
    std::vector<std::string> insecure;
    const Json& indexes = member(config, "IndexConfigs");
    if (indexes.is_object())
      for (const auto& [name, index] : indexes.items())
        if (index.is_object() && !flag_member(index, "Secure")) insecure.push_back(name);
    for (std::string& range : texts_member(config, "InsecureRegistryCIDRs"))
      insecure.push_back(std::move(range));
    add_list("Insecure Registries", insecure);
    add_list("Registry Mirrors", texts_member(config, "Mirrors"));
    add_flag("Live Restore Enabled", "LiveRestoreEnabled");
    add_text("Product License", "ProductLicense");
    add_text("Firewall Backend", "FirewallBackend");
  }

  const Json& info_;
  std::string text_;
};

}  // namespace

std::string info_text(const Json& info) {
  return InfoText(info).run();
}

}  // namespace ctr::cli
