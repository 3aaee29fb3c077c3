#include <doctest/doctest.h>
#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "cli/create_request.h"

using namespace ctr::cli;
using nlohmann::json;

namespace {

Surroundings test_surroundings() {
  Surroundings surroundings;
  surroundings.find_variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HERE") return "ours";
    return std::nullopt;
  };
  surroundings.read_file = [](const std::string& path) -> std::string {
    if (path == "vars") return "# comment\nA=1\n  B=two words\nHERE\nMISSING\n";
    if (path == "profile.json") return "{ \"defaultAction\" : \"SCMP_ACT_ALLOW\" }";
    throw ctr::sys::Error(ctr::sys::ErrorKind::not_found, "no file " + path);
  };
  surroundings.working_directory = "/work";
  return surroundings;
}

struct Parsed {
  json body;
  CreatePlan plan;
};

// What `run <arguments>` asks for.
Parsed plan(std::vector<std::string> arguments, bool detach = false) {
  CLI::App app;
  app.set_help_flag("--help");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  ContainerOptions options;
  declare_container_options(&app, options);
  ArrangedArguments arranged = arrange_arguments(app, arguments, true);
  for (CLI::Option* option : app.get_options([](CLI::Option*) { return true; }))
    option->allow_extra_args(false);
  std::reverse(arranged.options.begin(), arranged.options.end());
  app.parse(arranged.options);
  Parsed result;
  result.plan = plan_create(options, arranged.operands, detach, test_surroundings());
  result.body = json::parse(result.plan.body);
  return result;
}

json host(std::vector<std::string> arguments) {
  arguments.push_back("alpine");
  return plan(arguments).body["HostConfig"];
}

json config(std::vector<std::string> arguments) {
  arguments.push_back("alpine");
  return plan(arguments).body;
}

}  // namespace

TEST_CASE("run: everything behind the image belongs to the command") {
  json body = plan({"-it", "--rm", "alpine", "sh", "-c", "--rm", "--", "-e"}).body;
  CHECK(body["Image"] == "alpine");
  CHECK(body["Cmd"] == json({"sh", "-c", "--rm", "--", "-e"}));
  CHECK(body["Tty"] == true);
  CHECK(body["OpenStdin"] == true);
  CHECK(body["StdinOnce"] == true);
  CHECK(body["HostConfig"]["AutoRemove"] == true);
}

TEST_CASE("run: -- ends the options, before the image only") {
  CHECK(plan({"-t", "--", "alpine", "--"}).body["Cmd"] == json({"--"}));
}

TEST_CASE("run: switches may be set to false") {
  CHECK(host({"--rm=false"})["AutoRemove"] == false);
  CHECK(config({"-t=false"})["Tty"] == false);
  CHECK(config({"-it=true"})["Tty"] == true);
  CHECK_THROWS_AS(host({"--rm=maybe"}), UsageError);
}

TEST_CASE("run: without -a it attaches to both outputs, with -i to the input too") {
  CHECK(plan({"alpine"}).plan.streams.output);
  CHECK(plan({"alpine"}).plan.streams.error);
  CHECK_FALSE(plan({"alpine"}).plan.streams.input);
  CHECK(plan({"-i", "alpine"}).plan.streams.input);
  Streams only = plan({"-a", "STDERR", "alpine"}).plan.streams;
  CHECK(only.error);
  CHECK_FALSE(only.output);
  CHECK_FALSE(plan({"-i", "alpine"}, true).plan.streams.any());
  CHECK(plan({"-i", "alpine"}, true).body["StdinOnce"] == false);
  CHECK_THROWS_WITH(plan({"-a", "stdout", "alpine"}, true),
                    "conflicting options: cannot specify both --attach and --detach");
}

TEST_CASE("run: environment variables come from -e and files, the later one last") {
  CHECK(config({"-eA=1", "-e", "B=", "--env=C=x=y", "-e", "HERE", "-e", "GONE"})["Env"] ==
        json({"A=1", "B=", "C=x=y", "HERE=ours", "GONE"}));
  CHECK(config({"--env-file", "vars", "-e", "A=2"})["Env"] ==
        json({"A=1", "B=two words", "HERE=ours", "A=2"}));
  CHECK_THROWS_WITH(config({"-e", "=1"}), "invalid environment variable: '=1'; say NAME=VALUE");
}

TEST_CASE("run: an empty entrypoint is one, no entrypoint is none") {
  CHECK(config({"--entrypoint", ""})["Entrypoint"] == json::array({""}));
  CHECK(config({"--entrypoint="})["Entrypoint"] == json::array({""}));
  CHECK(config({"--entrypoint", "/bin/x"})["Entrypoint"] == json::array({"/bin/x"}));
  CHECK_FALSE(config({}).contains("Entrypoint"));
}

TEST_CASE("run: -h is the host name, -l a label, -u the user, -w the directory") {
  json body = config({"-h", "box", "-l", "a=b", "-l", "c", "-u", "1:2", "-w", "/x"});
  CHECK(body["Hostname"] == "box");
  CHECK(body["Labels"] == json({{"a", "b"}, {"c", ""}}));
  CHECK(body["User"] == "1:2");
  CHECK(body["WorkingDir"] == "/x");
}

TEST_CASE("run: memory and CPU limits in Docker's units") {
  json limits = host({"-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--cpu-shares", "512",
                      "--cpuset-cpus", "0-1", "--pids-limit", "100", "--shm-size", "1.5g",
                      "--oom-score-adj", "-500"});
  CHECK(limits["Memory"] == 64 << 20);
  CHECK(limits["MemorySwap"] == -1);
  CHECK(limits["NanoCpus"] == 1500000000);
  CHECK(limits["CpuShares"] == 512);
  CHECK(limits["CpusetCpus"] == "0-1");
  CHECK(limits["PidsLimit"] == 100);
  CHECK(limits["ShmSize"] == 1610612736);
  CHECK(limits["OomScoreAdj"] == -500);
  CHECK_THROWS(host({"-m", "lots"}));
  CHECK_THROWS(host({"--cpus", "1", "--cpu-quota", "5"}));
}

TEST_CASE("run: ulimits") {
  CHECK(host({"--ulimit", "nofile=10:20", "--ulimit", "core=-1"})["Ulimits"] ==
        json::parse(
            R"([{"Name":"nofile","Soft":10,"Hard":20},{"Name":"core","Soft":-1,"Hard":-1}])"));
  CHECK_THROWS(host({"--ulimit", "nofile"}));
  CHECK_THROWS(host({"--ulimit", "nothing=1"}));
  CHECK_THROWS(host({"--ulimit", "nofile=20:10"}));
}

TEST_CASE("run: volumes of the host, by name and without one") {
  json body = config({"-v", "/a:/b:ro", "-v", "./data:/d", "-v", "name:/n", "-v", "/anon"});
  CHECK(body["HostConfig"]["Binds"] == json({"/a:/b:ro", "/work/data:/d", "name:/n"}));
  CHECK(body["Volumes"] == json({{"/anon", json::object()}}));
  CHECK_THROWS_WITH(config({"-v", "/a::ro"}), "invalid spec: /a::ro: empty section between colons");
  CHECK_THROWS(config({"-v", "/a:b"}));
  CHECK_THROWS(config({"-v", "relative"}));
}

TEST_CASE("run: --mount takes Docker's keys and refuses what does not belong together") {
  CHECK(host({"--mount", "type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave"})["Mounts"] ==
        json::parse(R"([{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,
                         "BindOptions":{"Propagation":"rslave"}}])"));
  CHECK(host({"--mount", "target=/v,volume-nocopy=true"})["Mounts"] ==
        json::parse(R"([{"Type":"volume","Target":"/v","VolumeOptions":{"NoCopy":true}}])"));
  CHECK(host({"--mount", "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777"})["Mounts"] ==
        json::parse(R"([{"Type":"tmpfs","Target":"/t",
                         "TmpfsOptions":{"SizeBytes":1048576,"Mode":1023}}])"));
  CHECK(host({"--mount", "type=bind,\"src=/a,b\",dst=/b"})["Mounts"][0]["Source"] == "/a,b");
  CHECK_THROWS(host({"--mount", "type=bind,src=/a"}));
  CHECK_THROWS(host({"--mount", "type=bind,src=/a,dst=/b,tmpfs-size=1m"}));
  CHECK_THROWS(host({"--mount", "type=bind,src=/a,dst=/b,colour=red"}));
  CHECK_THROWS(host({"--mount", "type=disk,dst=/b"}));
  CHECK_THROWS(host({"--mount", "nonsense"}));
}

TEST_CASE("run: --tmpfs with and without options") {
  CHECK(host({"--tmpfs", "/run:size=64m,noexec", "--tmpfs", "/tmp"})["Tmpfs"] ==
        json({{"/run", "size=64m,noexec"}, {"/tmp", ""}}));
  CHECK_THROWS(host({"--tmpfs", "run"}));
}

TEST_CASE("run: devices with their place and mode") {
  CHECK(host({"--device", "/dev/a", "--device", "/dev/b:r", "--device",
              "/dev/c:/dev/d:rw"})["Devices"] == json::parse(R"([
      {"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"rwm"},
      {"PathOnHost":"/dev/b","PathInContainer":"/dev/b","CgroupPermissions":"r"},
      {"PathOnHost":"/dev/c","PathInContainer":"/dev/d","CgroupPermissions":"rw"}])"));
  CHECK_THROWS(host({"--device", "/dev/a:/dev/b:x"}));
  CHECK(host({"--device-cgroup-rule", "c 42:* rmw"})["DeviceCgroupRules"] == json({"c 42:* rmw"}));
  CHECK_THROWS(host({"--device-cgroup-rule", "c 42 rmw"}));
}

TEST_CASE("run: networks by name and in their long form") {
  CHECK(host({})["NetworkMode"] == "default");
  CHECK(host({"--net", "host"})["NetworkMode"] == "host");
  json body = config({"--network", "name=front,alias=web,ip=10.0.0.5", "--network", "back"});
  CHECK(body["HostConfig"]["NetworkMode"] == "front");
  CHECK(body["NetworkingConfig"]["EndpointsConfig"] ==
        json::parse(R"({"front":{"Aliases":["web"],"IPAMConfig":{"IPv4Address":"10.0.0.5"}},
                        "back":{}})"));
  CHECK(config({"--network", "n", "--network-alias", "a", "--ip",
                "10.0.0.6"})["NetworkingConfig"]["EndpointsConfig"]["n"] ==
        json::parse(R"({"Aliases":["a"],"IPAMConfig":{"IPv4Address":"10.0.0.6"}})"));
  CHECK_THROWS(config({"--ip", "nowhere"}));
  CHECK_THROWS(config({"--network", "host", "--network", "front"}));
}

TEST_CASE("run: published and exposed ports") {
  json body = config({"-p", "8080:80", "-p", "127.0.0.1::53/udp", "--expose", "7000-7001"});
  CHECK(body["ExposedPorts"] ==
        json::parse(R"({"80/tcp":{},"53/udp":{},"7000/tcp":{},"7001/tcp":{}})"));
  CHECK(body["HostConfig"]["PortBindings"] ==
        json::parse(R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}],
                        "53/udp":[{"HostIp":"127.0.0.1","HostPort":""}]})"));
  CHECK(host({"-p", "[::1]:8000-8001:80-81"})["PortBindings"] ==
        json::parse(R"({"80/tcp":[{"HostIp":"::1","HostPort":"8000"}],
                        "81/tcp":[{"HostIp":"::1","HostPort":"8001"}]})"));
  CHECK(host({"-p", "8000-8010:80"})["PortBindings"]["80/tcp"][0]["HostPort"] == "8000-8010");
  for (const char* bad : {"x", "1:2:3:4", "80:", "8000-8002:80-81", "70000:80", "80/icmp"})
    CHECK_THROWS(host({"-p", bad}));
}

TEST_CASE("run: names for /etc/hosts in both spellings") {
  CHECK(host({"--add-host", "a:10.0.0.1", "--add-host", "b=::1", "--add-host",
              "c:host-gateway"})["ExtraHosts"] == json({"a:10.0.0.1", "b:::1", "c:host-gateway"}));
  CHECK_THROWS(host({"--add-host", "a"}));
  CHECK_THROWS(host({"--add-host", "a:b"}));
}

TEST_CASE("run: security options; a seccomp profile travels as its content") {
  CHECK(host({"--security-opt", "seccomp=profile.json", "--security-opt", "no-new-privileges",
              "--security-opt", "apparmor:unconfined"})["SecurityOpt"] ==
        json({R"(seccomp={"defaultAction":"SCMP_ACT_ALLOW"})", "no-new-privileges",
              "apparmor=unconfined"}));
  CHECK(host({"--security-opt", "systempaths=unconfined"})["MaskedPaths"] == json::array());
  CHECK_THROWS(host({"--security-opt", "nonsense"}));
  CHECK_THROWS(host({"--pid", "somewhere"}));
  CHECK(host({"--pid", "container:x"})["PidMode"] == "container:x");
}

TEST_CASE("run: restart policies") {
  CHECK(host({})["RestartPolicy"]["Name"] == "no");
  CHECK(host({"--restart", "on-failure:3"})["RestartPolicy"] ==
        json({{"Name", "on-failure"}, {"MaximumRetryCount", 3}}));
  CHECK_THROWS(host({"--restart", "sometimes"}));
  CHECK_THROWS(host({"--restart", "always:3"}));
  CHECK_THROWS_WITH(host({"--rm", "--restart", "always"}),
                    "conflicting options: cannot specify both --restart and --rm");
}

TEST_CASE("run: health checks") {
  CHECK(config({"--health-cmd", "true", "--health-interval", "1m30s", "--health-retries",
                "3"})["Healthcheck"] ==
        json::parse(R"({"Test":["CMD-SHELL","true"],"Interval":90000000000,"Retries":3})"));
  CHECK(config({"--no-healthcheck"})["Healthcheck"]["Test"] == json({"NONE"}));
  CHECK_THROWS(config({"--no-healthcheck", "--health-cmd", "x"}));
  CHECK_THROWS(config({"--health-interval", "90"}));
}

TEST_CASE("run: the last one of a repeated single option counts") {
  CHECK(config({"-w", "/a", "-w", "/b"})["WorkingDir"] == "/b");
}

TEST_CASE("run: what ctr cannot do is refused by name") {
  CHECK_THROWS(config({"--gpus", "all"}));
  CHECK_THROWS(config({"--cpu-count", "2"}));
  CHECK_THROWS(config({"--isolation", "hyperv"}));
}

TEST_CASE("run: all of Docker's options are known") {
  for (const char* flag : {"--blkio-weight=10",
                           "--blkio-weight-device=/dev/a:10",
                           "--cap-add=SYS_PTRACE",
                           "--cap-drop=ALL",
                           "--cgroup-parent=x",
                           "--cgroupns=host",
                           "--cidfile=x",
                           "--cpu-period=1000",
                           "--cpu-quota=1000",
                           "--cpu-rt-period=1",
                           "--cpu-rt-runtime=1",
                           "--cpuset-mems=0",
                           "--device-read-bps=/dev/a:1m",
                           "--device-read-iops=/dev/a:1",
                           "--device-write-bps=/dev/a:1m",
                           "--device-write-iops=/dev/a:1",
                           "--disable-content-trust",
                           "--dns=1.1.1.1",
                           "--dns-opt=x",
                           "--dns-option=x",
                           "--dns-search=x",
                           "--domainname=x",
                           "--group-add=x",
                           "--health-start-interval=1s",
                           "--health-start-period=1s",
                           "--health-timeout=1s",
                           "--init",
                           "--ip6=::1",
                           "--ipc=host",
                           "--link=x:y",
                           "--link-local-ip=169.254.0.1",
                           "--log-driver=json-file",
                           "--log-opt=max-size=1m",
                           "--mac-address=92:d0:c6:0a:29:33",
                           "--memory-reservation=1m",
                           "--memory-swappiness=10",
                           "--oom-kill-disable",
                           "--platform=linux/arm64",
                           "--privileged",
                           "--publish-all",
                           "--pull=never",
                           "--quiet",
                           "--read-only",
                           "--runtime=x",
                           "--stop-signal=INT",
                           "--stop-timeout=3",
                           "--storage-opt=size=1g",
                           "--sysctl=net.a=1",
                           "--userns=host",
                           "--uts=host",
                           "--volume-driver=x",
                           "--volumes-from=x",
                           "--annotation=a=b",
                           "--isolation=default",
                           "--net-alias=x",
                           "--name=x"}) {
    CAPTURE(flag);
    CHECK_NOTHROW(config({flag}));
  }
}
