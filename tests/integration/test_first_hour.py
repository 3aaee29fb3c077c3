"""What somebody meets in the first hour: what is watched is shown as it happens, what is wrong is said once and
under its own name, and what worked with Docker works."""

import bz2
import lzma
import selectors
import subprocess

import pytest

from engine import CTR, docker_client, wait_for


@pytest.fixture(scope="module")
def engine(shared_engine):
    return shared_engine


@pytest.fixture(params=["ctr", "docker"])
def cli(request, engine):
    return engine.ctr if request.param == "ctr" else engine.docker


# --- watching -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("program", [CTR, docker_client()], ids=["ctr", "docker"])
def test_events_are_shown_when_they_happen(engine, program):
    watcher = subprocess.Popen([program, "-H", engine.host, "events", "--filter", "type=network"],
                               stdout=subprocess.PIPE, text=True)
    ready = selectors.DefaultSelector()
    ready.register(watcher.stdout, selectors.EVENT_READ)

    def seen():
        # Again and again: the first ones may be over before the watcher listens.
        engine.ctr("network", "create", "--internal", "watched")
        engine.ctr("network", "rm", "watched")
        return ready.select(0.5)
    try:
        wait_for(seen, "an event while the watcher runs", 30)
        assert "watched" in watcher.stdout.readline()
    finally:
        watcher.kill()
        watcher.wait()


def test_stats_without_stream_end_by_themselves(engine, cli):
    engine.ctr("run", "-d", "--name", "busy", "--network", "none", "busybox", "sleep", "600")
    for _ in range(3):
        shown = cli("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "busy", timeout=60).stdout
        assert shown == "busy 1\n"
    engine.ctr("rm", "-f", "busy")


def test_followed_logs_are_shown_when_they_are_written(engine):
    engine.ctr("run", "-d", "--name", "talks", "--network", "none", "busybox", "sh", "-c",
               "while [ ! -e /go ]; do sleep 0.05; done; echo first; while [ ! -e /end ]; do sleep 0.05; done")
    follower = engine.popen("logs", "-f", "talks", stdout=subprocess.PIPE, text=True)
    engine.ctr("exec", "talks", "touch", "/go")
    assert follower.stdout.readline() == "first\n"  # while it runs: nothing else would end this line
    engine.ctr("exec", "talks", "touch", "/end")
    assert follower.wait(60) == 0
    engine.ctr("rm", "-f", "talks")


# --- what is wrong --------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags, words", [
    (["--network", "nosuch"], "network nosuch not found"),
    (["--network", "container:nosuch"], "No such container: nosuch"),
    (["--pid", "container:nosuch"], "No such container: nosuch"),
    (["--ipc", "container:nosuch"], "No such container: nosuch"),
    (["--volumes-from", "nosuch"], "No such container: nosuch"),
    (["--link", "nosuch:x"], "No such container: nosuch"),
])
def test_what_a_run_names_and_is_not_there_is_no_missing_image(engine, cli, flags, words):
    done = cli("run", "--rm", *flags, "busybox", "true", check=False)
    assert done.returncode == 125 and words in done.stderr
    assert "Unable to find image" not in done.stderr and "Pulling" not in done.stderr


@pytest.fixture
def sleeper(engine):
    engine.ctr("run", "-d", "--name", "sleeper", "--network", "none", "busybox", "sleep", "600")
    yield "sleeper"
    engine.ctr("rm", "-f", "sleeper")


@pytest.mark.parametrize("arguments, code, words", [
    (["nosuch"], 127, "executable file not found"),
    (["/etc/passwd"], 126, "permission denied"),
    (["-u", "nosuch", "true"], 126, "unable to find user nosuch"),
    (["-w", "/etc/passwd", "true"], 126, "not a directory"),
    (["sh", "-c", "exit 3"], 3, ""),
])
def test_an_exec_that_cannot_start_has_dockers_exit_code(sleeper, cli, arguments, code, words):
    flags = arguments[:2] if arguments[0].startswith("-") else []
    done = cli("exec", *flags, sleeper, *arguments[len(flags):], check=False)
    assert done.returncode == code
    assert words in done.stdout + done.stderr


# --- what worked with Docker ------------------------------------------------------------------------------

@pytest.mark.parametrize("method", [lzma.compress, bz2.compress], ids=["xz", "bzip2"])
def test_root_file_systems_and_saved_images_may_be_compressed_with(engine, cli, method, tmp_path):
    saved = engine.ctr("save", "busybox", text=False).stdout
    (tmp_path / "saved").write_bytes(method(saved))
    assert "Loaded image: busybox:latest" in cli("load", "-i", str(tmp_path / "saved")).stdout
    engine.ctr("create", "--name", "tree", "--network", "none", "busybox")
    tree = engine.ctr("export", "tree", text=False).stdout
    (tmp_path / "tree").write_bytes(method(tree))
    cli("import", "-c", "CMD [\"/bin/sh\"]", str(tmp_path / "tree"), "imported:1")
    assert engine.out("run", "--rm", "--network", "none", "imported:1", "echo", "runs") == "runs"
    cli("cp", "-", "tree:/tmp", input=method(tree), text=False)
    engine.ctr("rm", "tree")
    engine.ctr("rmi", "imported:1")


@pytest.mark.parametrize("kind", ["container", "image", "network", "system"])
def test_prune_takes_an_age(engine, cli, kind):
    engine.ctr("create", "--name", "young", "--network", "none", "busybox")
    engine.ctr("network", "create", "--internal", "young-net")
    cli(kind, "prune", "-f", "--filter", "until=24h")
    cli(kind, "prune", "-f", "--filter", "until=1h30m")
    assert engine.out("ps", "-aq", "--filter", "name=^young$")
    assert engine.out("network", "ls", "-q", "--filter", "name=young-net")
    bad = cli(kind, "prune", "-f", "--filter", "until=yesterday", check=False)
    assert bad.returncode == 1 and "is not a time" in bad.stderr
    if kind in ("container", "system"):
        cli(kind, "prune", "-f", "--filter", "until=0s")
        assert not engine.out("ps", "-aq", "--filter", "name=^young$")
    else:
        engine.ctr("rm", "young")
    engine.ctr("network", "rm", "young-net", check=False)


def test_arguments_with_spaces_are_quoted_in_lists(engine, cli):
    engine.ctr("create", "--name", "quoted", "--network", "none", "busybox", "echo", "a b", "c")
    shown = cli("ps", "-a", "--no-trunc", "--filter", "name=quoted", "--format", "{{.Command}}").stdout
    assert shown == "\"echo 'a b' c\"\n"
    engine.ctr("rm", "quoted")
