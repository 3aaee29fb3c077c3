"""Files into and out of containers: docker cp and ctr cp, against running and stopped ones."""

import io
import json
import os
import subprocess
import tarfile

import pytest

from engine import Engine, wait_for


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(params=["running", "stopped", "created"])
def box(engine, request):
    """A container's name in each of the states in which files are copied."""
    name = f"box-{request.param}"
    script = "mkdir -p /work/sub; echo one > /work/a; echo two > /work/sub/b; ln -s a /work/link; " \
             "ln -s /work/sub /work/dirlink; ln /work/a /work/hard; chown -R 1000:1001 /work; mkfifo /work/pipe; sync"
    engine.ctr("run", "--name", name, "alpine", "sh", "-c", f"{script}; test {request.param} = stopped || true")
    if request.param == "running":
        engine.ctr("rm", name)
        engine.ctr("run", "-d", "--name", name, "alpine", "sh", "-c", f"{script}; touch /ready; sleep 600")
        wait_for(lambda: engine.ctr("exec", name, "test", "-e", "/ready", check=False).returncode == 0, "the files")
    if request.param == "created":
        engine.ctr("rm", name)
        engine.ctr("create", "--name", name, "alpine", "true")
    yield name
    engine.ctr("rm", "-f", name)


@pytest.fixture(params=["docker", "ctr"])
def cp(engine, request):
    """The same command of either client."""
    client = engine.docker if request.param == "docker" else engine.ctr
    return lambda *arguments, **options: client("cp", *arguments, **options)


def read_tar(engine, name, path):
    done = engine.docker("cp", f"{name}:{path}", "-", text=False)
    return tarfile.open(fileobj=io.BytesIO(done.stdout))


def test_a_tree_comes_out_with_links_owners_and_kinds(engine, box):
    if box == "box-created":
        pytest.skip("nothing has run in it")
    archive = read_tar(engine, box, "/work")
    entries = {entry.name: entry for entry in archive}
    assert set(entries) == {"work", "work/a", "work/sub", "work/sub/b", "work/link", "work/dirlink", "work/hard",
                            "work/pipe"}
    assert entries["work/link"].linkname == "a"
    assert {entries["work/a"].islnk(), entries["work/hard"].islnk()} == {True, False}
    assert entries["work/pipe"].isfifo()
    assert (entries["work/sub/b"].uid, entries["work/sub/b"].gid) == (1000, 1001)
    assert archive.extractfile("work/sub/b").read() == b"two\n"


def test_a_file_goes_in_and_comes_out_again(engine, box, cp, tmp_path):
    source = tmp_path / "file"
    source.write_bytes(os.urandom(300_000))
    os.chmod(source, 0o640)
    cp(str(source), f"{box}:/tmp/file")
    cp(f"{box}:/tmp/file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o640


def test_what_was_copied_into_a_stopped_container_is_there_when_it_starts(engine, cp, tmp_path):
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").write_text("here\n")
    engine.ctr("create", "--name", "later", "alpine", "cat", "/srv/tree/deep/file")
    cp(str(tmp_path / "tree"), "later:/srv/")
    assert engine.out("start", "-a", "later") == "here"
    engine.ctr("rm", "later")


@pytest.mark.parametrize("source, destination, expected", [
    ("dir", "/srv/new", ["/srv/new/file", "/srv/new/sub/file"]),
    ("dir", "/srv", ["/srv/dir/file", "/srv/dir/sub/file"]),
    ("dir/.", "/srv", ["/srv/file", "/srv/sub/file"]),
    ("dir/.", "/srv/new", ["/srv/new/file", "/srv/new/sub/file"]),
    ("file", "/srv", ["/srv/file"]),
    ("file", "/srv/named", ["/srv/named"]),
    ("file", "/etc/motd", ["/etc/motd"]),
])
def test_what_is_copied_where_follows_dockers_rules_in_both_directions(engine, cp, tmp_path, source, destination,
                                                                       expected):
    (tmp_path / "dir/sub").mkdir(parents=True)
    for name in ("file", "dir/file", "dir/sub/file"):
        (tmp_path / name).write_text(name)
    engine.ctr("create", "--name", "rules", "alpine", "sh", "-c", "find /srv -type f | sort; cat /etc/motd")
    cp(str(tmp_path / source) if not source.endswith("/.") else f"{tmp_path}/{source}", f"rules:{destination}")
    listed = engine.out("start", "-a", "rules").splitlines()
    assert set(path for path in expected if path != "/etc/motd") <= set(listed)
    if destination == "/etc/motd":
        assert listed[-1] == "file"
    # And out again, to what is there already and to a new name.
    (tmp_path / "out").mkdir()
    cp("rules:/srv", str(tmp_path / "out"))
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()) == \
        sorted(path[1:] for path in expected if path != "/etc/motd")
    cp("rules:/srv/.", str(tmp_path / "fresh"))
    assert (tmp_path / "fresh").is_dir()
    engine.ctr("rm", "rules")


def test_ctr_says_what_cannot_be_copied(engine, tmp_path):
    engine.ctr("create", "--name", "says", "alpine", "true")
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("x")
    for arguments, words in [
        ((str(tmp_path / "file"), str(tmp_path / "other")), "say CONTAINER:PATH"),
        (("says:/etc", "says:/srv"), "between containers is not supported"),
        ((str(tmp_path / "dir"), "says:/etc/passwd"), "cannot copy a directory to a file"),
        ((str(tmp_path / "nothing"), "says:/"), "no such file"),
        (("says:/nothing", str(tmp_path)), "Could not find the file /nothing"),
        (("nobody:/x", str(tmp_path)), "No such container: nobody"),
        ((str(tmp_path / "file"), "says:/no/such/"), "no such directory"),
    ]:
        done = engine.ctr("cp", *arguments, check=False)
        assert done.returncode == 1 and words in done.stderr, (arguments, done.stderr)
    engine.ctr("rm", "says")


def test_links_in_the_destination_stay_inside_the_container(engine, box, tmp_path):
    """T02, R: a link to /etc in the container is the container's /etc, and .. leads nowhere."""
    def tar_with(build):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            build(archive)
        return data.getvalue()

    def hostile(archive):
        link = tarfile.TarInfo("escape")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        for name in ("escape/ctr-was-here", "../../../../ctr-was-here"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
    engine.docker("cp", "-", f"{box}:/tmp", input=tar_with(hostile), text=False)
    assert not os.path.exists("/etc/ctr-was-here") and not os.path.exists("/ctr-was-here")
    assert read_tar(engine, box, "/etc/ctr-was-here").extractfile("ctr-was-here").read() == b"evil"
    assert read_tar(engine, box, "/tmp/ctr-was-here").extractfile("ctr-was-here").read() == b"evil"


def test_volumes_are_part_of_what_is_copied(engine, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host/inside").write_text("of the host\n")
    engine.ctr("create", "--name", "vol", "-v", f"{tmp_path}/host:/data", "-v", f"{tmp_path}/host:/ro:ro", "alpine")
    assert read_tar(engine, "vol", "/data/inside").extractfile("inside").read() == b"of the host\n"
    (tmp_path / "new").write_text("new\n")
    engine.docker("cp", str(tmp_path / "new"), "vol:/data/new")
    assert (tmp_path / "host/new").read_text() == "new\n"
    done = engine.docker("cp", str(tmp_path / "new"), "vol:/ro/other", check=False)
    assert done.returncode != 0 and "read-only" in done.stderr
    engine.ctr("rm", "vol")
    assert str(tmp_path) not in open("/proc/self/mountinfo").read()


def test_errors_say_what_is_wrong(engine, box, tmp_path):
    (tmp_path / "file").write_text("x")
    status, answer = engine.api("GET", f"/v1.41/containers/{box}/archive?path=/no/such")
    assert (status, answer["message"]) == (404, f"Could not find the file /no/such in container {box}")
    done = engine.docker("cp", f"{box}:/no/such", str(tmp_path), check=False)
    assert done.returncode != 0 and "No such container:path" in done.stderr
    done = engine.docker("cp", str(tmp_path / "file"), f"{box}:/no/such/dir/", check=False)
    assert done.returncode != 0
    done = engine.docker("cp", "nobody:/x", str(tmp_path), check=False)
    assert "nobody" in done.stderr
    status, answer = engine.api("PUT", f"/v1.41/containers/{box}/archive?path=/etc/passwd", body="x")
    assert status == 400 and "not a directory" in answer["message"]
    status, answer = engine.api("PUT", f"/v1.41/containers/{box}/archive?path=/tmp", body="no tar at all, but text")
    assert status == 400 and "archive" in answer["message"]
    assert engine.api("GET", f"/v1.41/containers/{box}/archive")[0] == 400


def test_the_stat_header_has_gos_mode_bits(engine, box):
    if box == "box-created":
        pytest.skip("nothing has run in it")
    def stat(path):
        done = subprocess.run(["curl", "-sSI", "--unix-socket", str(engine.socket),
                               f"http://ctr/v1.41/containers/{box}/archive?path={path}"],
                              capture_output=True, text=True, check=True)
        import base64
        line = next(line for line in done.stdout.splitlines() if line.lower().startswith("x-docker-container-path-stat"))
        return json.loads(base64.b64decode(line.split(": ", 1)[1]))
    assert stat("/work")["mode"] == (1 << 31) | 0o755
    link = stat("/work/dirlink")
    assert link["mode"] & (1 << 27) and link["linkTarget"] == "/work/sub"
    assert stat("/work/dirlink/")["mode"] & (1 << 31)
    assert stat("/work/a")["size"] == 4
    assert stat("/tmp")["mode"] & (1 << 20)


def test_a_killed_client_leaves_nothing(engine, tmp_path):
    engine.ctr("create", "--name", "killed", "alpine", "true")
    reader = subprocess.Popen(["curl", "-sS", "--unix-socket", str(engine.socket), "-o", "/dev/null", "--limit-rate",
                               "1k", "http://ctr/v1.41/containers/killed/archive?path=/"])
    wait_for(lambda: reader.poll() is None, "the copy to begin")
    reader.kill()
    reader.wait()
    # The container can be started: nobody holds it.
    assert engine.ctr("start", "-a", "killed", timeout=60).returncode == 0
    engine.ctr("rm", "killed")
