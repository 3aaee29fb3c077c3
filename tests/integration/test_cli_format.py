"""What `ctr` prints, against what the docker client prints from the same answers of one daemon.

CTR is the program (default: the release build), DOCKER the client to compare with; without one the
comparisons are skipped. Needs no privileges and no real daemon.
"""

import os
import re
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from canned_answers import ANSWERS, CONTAINER, WEB
from fake_daemon import Answer, FakeDaemon

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CTR = os.environ.get("CTR", os.path.join(ROOT, "build/release/bin/ctr"))
DOCKER = os.environ.get("DOCKER") or shutil.which("docker")

needs_docker = pytest.mark.skipif(not DOCKER, reason="no docker client to compare with")


@pytest.fixture(scope="module")
def daemon():
    with FakeDaemon(ANSWERS) as fake:
        yield fake


def run(program, daemon, *arguments, **options):
    environment = {"PATH": "/usr/bin:/bin", "TZ": options.pop("zone", "UTC"), "HOME": "/nonexistent"}
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([program, "-H", daemon.url, *arguments], env=environment, timeout=30,
                          capture_output=True, text=True, **options)


def sections(daemon, program, arguments, **options):
    daemon.requests.clear()
    result = run(program, daemon, *arguments, **options)
    return result.returncode, result.stdout, list(daemon.requests)


ALL_PS_FIELDS = ("{{.ID}}|{{.Names}}|{{.Image}}|{{.Command}}|{{.CreatedAt}}|{{.RunningFor}}|{{.Ports}}|"
                 "{{.State}}|{{.Status}}|{{.Size}}|{{.Labels}}|{{.Label \"app\"}}|{{.Mounts}}|"
                 "{{.LocalVolumes}}")

SAME = [
    # ps
    ["ps"],
    ["ps", "-a"],
    ["ps", "-as", "--no-trunc"],
    ["ps", "-aq"],
    ["ps", "-aq", "--no-trunc"],
    ["ps", "-l"],
    ["ps", "-n", "2"],
    ["ps", "-n2", "-q"],
    ["ps", "-f", "status=running", "--filter", "label=a=b"],
    ["ps", "-a", "--format", ALL_PS_FIELDS],
    ["ps", "-a", "--no-trunc", "--format", ALL_PS_FIELDS],
    ["ps", "-a", "--format", "json"],
    ["ps", "-a", "--format", "{{json .}}"],
    ["ps", "-a", "--format", "table"],
    ["ps", "-a", "--format", "table {{.ID}}\\t{{.Names}}\\t{{.Labels}}\\t{{.Label \"app\"}}\\t{{.Mounts}}"],
    ["ps", "-a", "--format", "table {{json .Names}} {{upper .ID}} {{.Command}} {{.Size}}"],
    ["ps", "-a", "--format", "table {{truncate .ID 4}}\\t{{pad .Names 2 3}}\\t{{.State}}"],
    ["ps", "-a", "--format", "{{if eq .State \"running\"}}{{.Names}}{{else}}-{{end}}"],
    ["ps", "-a", "--format", "{{.ID}}\\t{{.Names}}\\n--"],
    ["ps", "-a", "--format", "{{range split .Names \",\"}}<{{.}}>{{end}}"],
    ["ps", "-aq", "--format", "{{.Names}}"],
    ["container", "ls", "-a"],
    ["container", "list"],
    # images
    ["images", "-q", "--no-trunc"],
    ["images", "-q"],
    # inspect
    ["inspect", "web"],
    ["inspect", "alpine"],
    ["inspect", "web", "alpine"],
    ["inspect", "gone"],
    ["inspect", "gone", "web"],
    ["inspect", "--type", "container", "gone"],
    ["inspect", "-f", "json", "web"],
    ["inspect", "-s", "-f", "{{.Id}}", "web"],
    ["inspect", "--format", "{{.State.Status}} {{.Name}} {{.Id}}", "web"],
    ["inspect", "-f", "{{.Config.Labels.nope}}|{{index .Config.Labels \"nope\"}}|{{.Config.Volumes}}|"
     "{{.HostConfig.Binds}}|{{.State.Health}}|{{.NetworkSettings.Ports}}|{{.Config.Cmd}}", "web"],
    ["inspect", "-f", "{{if .State.Health}}h{{else}}none{{end}}", "web"],
    ["inspect", "-f", "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "web"],
    ["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "web"],
    ["inspect", "-f", "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{with $c}}"
     "{{(index . 0).HostPort}}{{end}},{{end}}", "web"],
    ["inspect", "-f", "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "web"],
    ["inspect", "-f", "{{.HostConfig.PidsLimit}} {{.SizeRw}} {{.HostConfig.LogConfig}} "
     "{{.HostConfig.RestartPolicy}} {{.HostConfig.Init}}", "web"],
    ["inspect", "-f", "{{json .Config.Volumes}} {{json .HostConfig.Binds}} {{json .Mounts}}", "web"],
    ["inspect", "-f", "{{json .NetworkSettings.Networks}} {{json .State.Health}}", "web"],
    ["inspect", "-f", "{{range .Mounts}}{{.Type}}:{{.Source}}->{{.Destination}} {{.RW}}{{end}}", "web"],
    ["inspect", "-f", "{{len .Config.Env}} {{.HostConfig.Memory}} {{printf \"%-10s|%q\" .Name .Driver}}",
     "web"],
    ["inspect", "-f", "{{join .Config.Env \",\"}} {{index .Config.Env 0}}", "web"],
    ["inspect", "-f", "{{.Config.Env}} {{range .Config.Env}}{{println .}}{{end}}", "web"],
    ["inspect", "-f", "{{.GraphDriver.Data.MergedDir}} {{.GraphDriver.Name}}", "web"],
    ["inspect", "-f", "{{.Config.ExposedPorts}} {{range $p, $_ := .Config.ExposedPorts}}{{$p}} {{end}}",
     "web"],
    ["inspect", "-f", "{{json .RootFS.Layers}} {{.Config.Labels}} {{.RepoTags}} {{.Os}}/{{.Architecture}}",
     "alpine"],
    ["inspect", "-f", "{{index .RepoDigests 0}} {{.Size}} {{.Config.Entrypoint}} {{json .Config.Cmd}}",
     "alpine"],
    ["image", "inspect", "alpine"],
    ["image", "inspect", "alpine", "gone"],
    ["container", "inspect", "gone", "web"],
    ["image", "inspect", "-f", "{{.Id", "alpine"],
    # history
    ["history", "alpine"],
    ["history", "-q", "alpine"],
    ["history", "--no-trunc", "alpine"],
    ["history", "--no-trunc", "-q", "alpine"],
    ["history", "-H=false", "alpine"],
    ["history", "--human=false", "--format", "{{.Size}} {{.CreatedSince}}", "alpine"],
    ["history", "--format", "{{.ID}}|{{.CreatedSince}}|{{.CreatedAt}}|{{.CreatedBy}}|{{.Comment}}", "alpine"],
    ["history", "--format", "json", "alpine"],
    ["history", "--format", "table {{.ID}}\\t{{.Size}}", "alpine"],
    # port, top, rmi, tag
    ["port", "web"],
    ["port", "web", "80"],
    ["port", "web", "80/tcp"],
    ["port", "web", "443"],
    ["port", "web", "81/udp"],
    ["port", "gone"],
    ["top", "web"],
    ["top", "web", "-o", "pid,cmd"],
    ["top", "web", "aux"],
    ["rmi", "alpine"],
    ["rmi", "alpine", "gone", "busy"],
    ["rmi", "alpine", "-f", "--no-prune"],
    ["rmi", "-f", "gone"],
    ["image", "rm", "alpine"],
    ["tag", "gone", "foo:bar"],
    # version, info, events
    ["version", "--format", "{{.Server.Version}} {{.Server.MinAPIVersion}} {{.Server.Os}}/{{.Server.Arch}}"],
    ["version", "--format", "{{(index .Server.Components 0).Name}} {{len .Server.Components}}"],
    ["version", "--format", "{{range .Server.Components}}{{.Name}} {{.Version}} {{.Details}};{{end}}"],
    ["version", "-f", "{{json .Server}}"],
    ["info", "--format", "{{.ServerVersion}} {{.Swarm.LocalNodeState}} {{.DriverStatus}} {{.NCPU}}"],
    ["info", "-f", "{{json .SecurityOptions}} {{range .Plugins.Network}}{{.}},{{end}} {{.Warnings}}"],
    ["info", "-f", "{{json .Runtimes.runc.Path}} {{json .RegistryConfig.Mirrors}} {{.MemTotal}}"],
    ["system", "info", "--format", "{{.Name}} {{.ID}}"],
    ["events", "--since", "1", "--until", "2"],
    ["system", "events", "--since", "1", "--until", "2023-11-14T10:00:00Z"],
    ["events", "--format", "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Time}}",
     "--since", "1", "--until", "2"],
    ["events", "--format", "{{json .}}", "--since", "1", "--until", "2"],
    ["events", "--format", "json", "--since", "1", "--until", "2"],
    ["events", "--since=1", "--until=2", "--filter", "type=container", "-f", "event=die"],
    # prune, df
    ["container", "prune", "-f"],
    ["container", "prune"],
    ["container", "prune", "-f", "--filter", "until=24h", "--filter", "label=x"],
    ["image", "prune", "-f"],
    ["image", "prune", "-af", "--filter", "until=24h"],
    ["image", "prune"],
    ["image", "prune", "-a"],
    ["system", "df"],
    ["system", "df", "--format", "json"],
    ["system", "df", "--format", "table {{.Type}}\\t{{.Size}}"],
    ["system", "df", "--format", "{{.Type}}: {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}"],
]

# Where the client of Docker prints in the order of Go's maps, which changes from run to run.
SAME_LINES = [
    ["images"],
    ["images", "-a", "--digests"],
    ["images", "--no-trunc"],
    ["images", "alpine"],
    ["images", "alpine:3.20", "-f", "dangling=false"],
    ["images", "--format", "json"],
    ["images", "--format", "table {{.ID}}\\t{{.Tag}}"],
    ["images", "--format", "{{.ID}} {{.Repository}} {{.Tag}} {{.CreatedSince}} {{.CreatedAt}} "
     "{{.Size}} {{.Containers}} {{.SharedSize}} {{.UniqueSize}} {{.VirtualSize}}"],
    ["image", "ls"],
    ["ps", "-a", "--format", "{{.ID}} {{len .Networks}}"],
]


def name(arguments):
    return " ".join(arguments).replace("\t", "\\t")[:80]


def comparable(request):
    """A request without what a client chooses freely."""
    method, path, query, body = request
    if "platforms" in query or path == "/info" or path.startswith(("/plugins", "/configs", "/secrets")):
        return None
    return method, path, query


@needs_docker
@pytest.mark.parametrize("arguments", SAME, ids=name)
def test_prints_what_docker_prints(daemon, arguments):
    docker_code, docker_output, docker_requests = sections(daemon, DOCKER, arguments)
    code, output, requests = sections(daemon, CTR, arguments)
    # docker ends a template that failed half-way with an empty line; we print nothing.
    if docker_output.strip() or docker_code == 0:
        assert output == docker_output
    assert code == docker_code
    if arguments[0] not in ("inspect", "info", "tag"):
        assert [comparable(r) for r in requests] == [comparable(r) for r in docker_requests]


@needs_docker
@pytest.mark.parametrize("arguments", SAME_LINES, ids=name)
def test_prints_the_lines_that_docker_prints(daemon, arguments):
    docker_code, docker_output, docker_requests = sections(daemon, DOCKER, arguments)
    code, output, requests = sections(daemon, CTR, arguments)
    assert sorted(output.splitlines()) == sorted(docker_output.splitlines())
    assert code == docker_code
    assert [comparable(r) for r in requests] == [comparable(r) for r in docker_requests]


def test_a_digest_that_is_asked_for_is_shown(daemon):
    # docker shows nothing for images that have a digest and no tag.
    output = run(CTR, daemon, "images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}").stdout
    assert "alpine:3.20 sha256:" + "d1" * 32 + "\n" in output
    assert "pinned:<none> sha256:" + "d3" * 32 + "\n" in output


@needs_docker
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_times_are_in_the_users_zone(daemon, zone):
    for arguments in (["ps", "-a", "--format", "{{.CreatedAt}}"], ["events", "--since", "1", "--until", "2"],
                      ["history", "-H=false", "alpine"]):
        assert sections(daemon, CTR, arguments, zone=zone) == sections(daemon, DOCKER, arguments, zone=zone)


@needs_docker
def test_info_reads_like_dockers_from_the_server_on(daemon):
    ours, dockers = (run(p, daemon, "info") for p in (CTR, DOCKER))
    server = lambda text: text[text.index("Server:"):]
    assert server(ours.stdout) == server(dockers.stdout)
    assert ours.stderr == dockers.stderr


@needs_docker
def test_version_shows_the_server_like_docker(daemon):
    server = lambda text: text[text.index("Server:"):]
    assert server(run(CTR, daemon, "version").stdout) == server(run(DOCKER, daemon, "version").stdout)


def test_version_without_a_daemon_shows_the_client(tmp_path):
    class Nobody:
        url = f"unix://{tmp_path}/no.sock"

    result = run(CTR, Nobody, "version")
    assert result.returncode == 1
    assert result.stdout.startswith("Client:\n Version:")
    assert result.stderr.count("\n") == 1
    result = run(CTR, Nobody, "version", "--format", "{{.Client.Version}}")
    assert (result.returncode, result.stdout.count(".")) == (1, 2)


@needs_docker
def test_df_in_detail(daemon):
    ours, dockers = (run(p, daemon, "system", "df", "-v").stdout for p in (CTR, DOCKER))
    before_cache = lambda text: sorted(text[:text.index("Build cache")].splitlines())
    assert before_cache(ours) == before_cache(dockers)


@pytest.mark.parametrize("arguments, message", [
    (["ps", "--format", "{{.Foo}}", "-a"], "can't evaluate field Foo; the fields are .ID"),
    (["ps", "--format", "{{.ID"], "template parsing error: template: :1:1: unclosed action"),
    (["ps", "-f", "foo"], "bad format of filter (expected name=value)"),
    (["inspect", "--format", "{{.Foo}}", "web"], "map has no entry for key \"Foo\""),
    (["inspect", "--type", "foo", "web"], "unknown type: \"foo\": must be one of \"container\""),
    (["events", "--since", "yesterday"], "\"yesterday\" is no point in time"),
    (["port", "web", "x"], "invalid port \"x\""),
    (["port", "web", "443"], "No public port '443' published for web"),
    (["rmi", "busy"], "conflict: unable to remove repository reference \"busy\""),
    (["top"], "requires at least 1 argument"),
    (["tag", "alpine", "x@sha256:" + "a" * 64], "has a digest"),
])
def test_errors_are_one_clear_line(daemon, arguments, message):
    result = run(CTR, daemon, *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert result.stdout == ""


def frame(stream, text):
    return struct.pack(">BxxxI", stream, len(text)) + text


MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
RAW = "application/vnd.docker.raw-stream"


def logs_daemon(answer, tty=False):
    container = {**CONTAINER, "Config": {**CONTAINER["Config"], "Tty": tty}}
    # docker asks for the logs by the id that it learned from inspect
    return FakeDaemon({"GET /containers/web/json": container, "GET /containers/web/logs": answer,
                       f"GET /containers/{WEB}/logs": answer})


def test_logs_go_to_the_stream_they_came_from():
    body = frame(1, b"out 1\n") + frame(2, b"err 1\n") + frame(1, b"") + frame(1, b"out 2\n")
    with logs_daemon(Answer(body, content_type=MULTIPLEXED)) as daemon:
        result = run(CTR, daemon, "logs", "web")
    assert (result.returncode, result.stdout, result.stderr) == (0, "out 1\nout 2\n", "err 1\n")


def test_logs_of_a_terminal_are_raw_whether_the_daemon_says_so_or_not():
    for answer, tty in ((Answer(b"raw\r\n", content_type=RAW), False),
                        (Answer(b"raw\r\n", content_type="application/octet-stream"), True)):
        with logs_daemon(answer, tty) as daemon:
            assert run(CTR, daemon, "logs", "web").stdout == "raw\n"  # text mode reads \r\n as \n


@needs_docker
@pytest.mark.parametrize("options", [
    [], ["-f"], ["--tail", "5"], ["-n", "0", "-t"], ["--details", "--since", "1700000000"],
    ["--until", "2023-11-14T22:13:20.25Z"], ["--since", "2023-11-14", "--timestamps", "--follow"]])
def test_logs_are_asked_for_as_docker_asks(options):
    with logs_daemon(Answer(frame(1, b"x\n"), content_type=MULTIPLEXED)) as daemon:
        _, output, requests = sections(daemon, CTR, ["logs", *options, "web"])
        _, docker_output, docker_requests = sections(daemon, DOCKER, ["logs", *options, "web"])
    logs = lambda all: [(r[0], r[2]) for r in all if r[1].endswith("/logs")]
    assert output == docker_output
    assert logs(requests) == logs(docker_requests)


def test_logs_that_are_cut_off_are_an_error():
    body = frame(1, b"whole\n") + frame(1, b"a part")[:-3]
    with logs_daemon(Answer(body, content_type=MULTIPLEXED)) as daemon:
        result = run(CTR, daemon, "logs", "web")
    assert result.returncode == 1 and result.stdout.startswith("whole\n")
    assert "cut off" in result.stderr


def test_answers_that_make_no_sense_are_errors_not_crashes():
    strange = [b"", b"nonsense", b"[1, \"x\", null, {}]", b"{\"Id\": 5}", b"[" * 5000,
               b"[{\"Id\": 5, \"Names\": {}, \"Ports\": 3, \"Labels\": [], \"Created\": \"x\"}]"]
    commands = [("containers/json", ["ps", "-a"]), ("images/json", ["images"]), ("info", ["info"]),
                ("version", ["version"]), ("containers/web/json", ["port", "web"]),
                ("containers/web/json", ["inspect", "-f", "{{.Id}}", "web"]), ("containers/web/top", ["top", "web"]),
                ("images/alpine/history", ["history", "alpine"]), ("system/df", ["system", "df", "-v"]),
                ("events", ["events"])]
    for body in strange:
        for path, arguments in commands:
            with FakeDaemon({f"GET /{path}": Answer(body)}) as daemon:
                result = run(CTR, daemon, *arguments)
            assert result.returncode in (0, 1), (body[:40], arguments, result)


def test_a_reader_that_goes_away_is_no_error(daemon):
    command = f"{CTR} -H {daemon.url} ps -a --no-trunc | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stderr) == (0, "")


def test_bash_completes_commands_flags_and_names(daemon):
    def complete(*words):
        return run(CTR, daemon, "__complete", "--", *words).stdout.splitlines()

    assert complete("ins") == ["inspect"]
    assert complete("ps", "--no") == ["--no-trunc"]
    assert complete("logs", "w") == ["web", "wörld"]
    assert complete("stop", "w") == ["web"]
    assert complete("rmi", "al") == ["alpine:latest", "alpine", "alpine:3.20"]
    script = run(CTR, daemon, "generate-completion", "bash").stdout
    shell = script + "\nCOMP_WORDS=(ctr container ins); COMP_CWORD=2; _ctr; echo \"${COMPREPLY[@]}\""
    path = os.path.dirname(CTR) + ":/usr/bin:/bin"
    result = subprocess.run(["bash", "-c", shell], env={"PATH": path}, capture_output=True, text=True)
    assert result.stdout.strip() == "inspect"


def test_the_manual_of_the_daemon_names_every_option_that_it_takes():
    ctrd = os.path.join(os.path.dirname(CTR), "ctrd")
    if not os.path.exists(ctrd):
        pytest.skip("ctrd is not built")
    help_text = subprocess.run([ctrd, "--help"], capture_output=True, text=True).stdout
    with open(os.path.join(ROOT, "cli/man/ctrd.8")) as page:
        manual = page.read().replace("\\-", "-")
    options = re.findall(r"--[a-z][a-z-]+", help_text.split("Accepted from dockerd")[0])
    assert set(options) - set(re.findall(r"--[a-z][a-z-]+", manual)) <= {"--help"}


def test_prune_asks_first(daemon):
    daemon.requests.clear()
    assert run(CTR, daemon, "container", "prune", stdin=None, input="n\n").returncode == 0
    assert daemon.requests == []
    result = run(CTR, daemon, "container", "prune", stdin=None, input="y\n")
    assert WEB in result.stdout and len(daemon.requests) == 1
