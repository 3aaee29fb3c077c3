#include "cli/create_request.h"

#include <nlohmann/json.hpp>

#include "cli/quantities.h"

namespace ctr::cli {

namespace {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

[[noreturn]] void invalid(const std::string& message) {
  throw Error(ErrorKind::invalid_argument, message);
}

void set_text(json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

void refuse_what_is_not_there(const ContainerOptions& o) {
  if (!o.gpus.empty())
    throw Error(ErrorKind::unsupported,
                "--gpus is not supported: ctr does not drive GPUs; give the container its device "
                "files with --device instead");
  if (o.use_api_socket)
    throw Error(
        ErrorKind::unsupported,
        "--use-api-socket is not supported: mount the socket with -v if the container is to "
        "rule the daemon");
  const std::pair<const char*, const std::optional<std::string>*> windows[] = {
      {"--cpu-count", &o.windows_cpu_count},
      {"--cpu-percent", &o.windows_cpu_percent},
      {"--io-maxbandwidth", &o.windows_bandwidth},
      {"--io-maxiops", &o.windows_iops}};
  for (const auto& [flag, value] : windows)
    if (*value)
      throw Error(ErrorKind::unsupported, fmt::format("{} is for Windows containers only", flag));
  if (!o.isolation.empty() && o.isolation != "default")
    throw Error(ErrorKind::unsupported,
                fmt::format("--isolation {} is for Windows containers only", o.isolation));
}

Streams plan_streams(const ContainerOptions& o, bool detach) {
  if (detach && !o.attach.empty())
    invalid("conflicting options: cannot specify both --attach and --detach");
  Streams streams;
  for (const std::string& name : o.attach) {
    std::string lower = name;
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (lower == "stdin")
      streams.input = true;
    else if (lower == "stdout")
      streams.output = true;
    else if (lower == "stderr")
      streams.error = true;
    else
      invalid(
          fmt::format("invalid argument \"{}\" for \"-a, --attach\" flag: valid streams are "
                      "STDIN, STDOUT and STDERR",
                      name));
  }
  if (o.interactive) streams.input = true;
  if (o.attach.empty()) streams.output = streams.error = true;
  return detach ? Streams{} : streams;
}

void plan_process(const ContainerOptions& o, const Surroundings& surroundings, json& config) {
  config["Env"] = collect_environment(o.env_files, o.env, surroundings);
  config["Labels"] = collect_labels(o.label_files, o.labels, surroundings);
  set_text(config, "WorkingDir", o.workdir);
  set_text(config, "User", o.user);
  set_text(config, "Hostname", o.hostname);
  set_text(config, "Domainname", o.domainname);
  set_text(config, "StopSignal", o.stop_signal);
  if (o.stop_timeout) config["StopTimeout"] = *o.stop_timeout;
  // An empty entrypoint is a list with an empty text: "none", not "the image's".
  if (o.entrypoint) config["Entrypoint"] = json::array({*o.entrypoint});
}

void plan_health(const ContainerOptions& o, json& config) {
  json health = json::object();
  auto duration = [&health](const char* name, const std::string& text, const char* flag) {
    if (!text.empty()) health[name] = parse_duration(text, flag);
  };
  duration("Interval", o.health_interval, "--health-interval");
  duration("Timeout", o.health_timeout, "--health-timeout");
  duration("StartPeriod", o.health_start_period, "--health-start-period");
  duration("StartInterval", o.health_start_interval, "--health-start-interval");
  if (o.health_retries && *o.health_retries < 0) invalid("--health-retries cannot be negative");
  if (o.health_retries) health["Retries"] = *o.health_retries;
  if (o.health_cmd) health["Test"] = json::array({"CMD-SHELL", *o.health_cmd});
  if (o.no_healthcheck && !health.empty())
    invalid("--no-healthcheck conflicts with --health-* options");
  if (o.no_healthcheck) health["Test"] = json::array({"NONE"});
  if (!health.empty()) config["Healthcheck"] = health;
}

void plan_logs(const ContainerOptions& o, json& host_config) {
  if (o.log_driver == "none" && !o.log_opts.empty())
    invalid("invalid logging opts for driver none");
  if (o.log_driver.empty() && o.log_opts.empty()) return;
  host_config["LogConfig"] = {{"Type", o.log_driver},
                              {"Config", key_values(o.log_opts, "--log-opt")}};
}

}  // namespace

void plan_restart(const ContainerOptions& o, json& host_config) {
  std::string name = o.restart.substr(0, o.restart.find(':'));
  json policy = {{"Name", name.empty() ? "no" : name}, {"MaximumRetryCount", 0}};
  if (name != o.restart) {
    if (name != "on-failure")
      invalid(
          fmt::format("invalid restart policy '{}': only on-failure takes a maximum", o.restart));
    policy["MaximumRetryCount"] =
        parse_integer(o.restart.substr(name.size() + 1), "--restart", 0, INT32_MAX);
  }
  if (!name.empty() && name != "no" && name != "always" && name != "on-failure" &&
      name != "unless-stopped")
    invalid(
        fmt::format("invalid restart policy '{}': say no, always, unless-stopped or "
                    "on-failure[:max]",
                    o.restart));
  if (o.remove && !name.empty() && name != "no")
    invalid("conflicting options: cannot specify both --restart and --rm");
  host_config["RestartPolicy"] = policy;
}

json key_values(const std::vector<std::string>& texts, std::string_view flag) {
  json object = json::object();
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    if (equals == 0 || text.empty())
      invalid(fmt::format("invalid argument \"{}\" for \"{}\" flag: say key=value", text, flag));
    object[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return object;
}

CreatePlan plan_create(const ContainerOptions& o, const std::vector<std::string>& operands,
                       bool detach, const Surroundings& surroundings) {
  refuse_what_is_not_there(o);
  CreatePlan plan;
  plan.image = operands.front();
  plan.streams = plan_streams(o, detach);
  json config = {{"Image", plan.image},
                 {"Tty", o.tty},
                 {"OpenStdin", o.interactive},
                 {"StdinOnce", o.interactive && plan.streams.input},
                 {"AttachStdin", plan.streams.input},
                 {"AttachStdout", plan.streams.output},
                 {"AttachStderr", plan.streams.error}};
  if (operands.size() > 1)
    config["Cmd"] = std::vector<std::string>(operands.begin() + 1, operands.end());
  json host_config = {{"AutoRemove", o.remove}, {"Privileged", o.privileged}};
  set_text(host_config, "ContainerIDFile", o.cidfile);
  set_text(host_config, "Runtime", o.runtime);
  if (o.init) host_config["Init"] = *o.init;
  if (!o.annotations.empty())
    host_config["Annotations"] = key_values(o.annotations, "--annotation");
  plan_process(o, surroundings, config);
  plan_health(o, config);
  plan_restart(o, host_config);
  plan_logs(o, host_config);
  plan_files(o, surroundings, config, host_config);
  plan_resources(o, host_config);
  plan_network(o, config, host_config);
  plan_isolation(o, surroundings, host_config);
  if (o.tty && surroundings.terminal_rows > 0)
    host_config["ConsoleSize"] =
        json::array({surroundings.terminal_rows, surroundings.terminal_columns});
  config["HostConfig"] = host_config;
  plan.body = config.dump(-1, ' ', false, json::error_handler_t::replace);
  return plan;
}

}  // namespace ctr::cli
