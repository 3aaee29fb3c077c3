"""Images and containers as archives: save, load, commit, import, export, diff; read by skopeo, and back."""

import io
import json
import os
import subprocess
import tarfile

import pytest

from engine import Engine


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


def save(engine, path, *names):
    engine.ctr("save", "-o", str(path), *names)
    return tarfile.open(path)


def test_what_is_saved_is_loaded_again_with_its_names(engine, tmp_path):
    identity = engine.out("images", "-q", "--no-trunc", "alpine")
    engine.ctr("tag", "alpine", "alpine:second")
    archive = save(engine, tmp_path / "a.tar", "alpine")
    names = set(archive.getnames())
    assert {"oci-layout", "index.json", "manifest.json"} <= names
    manifest = json.load(archive.extractfile("manifest.json"))
    assert sorted(manifest[0]["RepoTags"]) == ["alpine:latest", "alpine:second"]
    assert set(manifest[0]["Layers"]) | {manifest[0]["Config"]} <= names
    engine.ctr("rmi", "-f", "alpine:latest", "alpine:second")
    assert engine.out("images", "-q", "alpine") == ""
    loaded = engine.docker("load", "-i", str(tmp_path / "a.tar")).stdout
    assert sorted(loaded.split("\n")[:2]) == ["Loaded image: alpine:latest", "Loaded image: alpine:second"]
    assert engine.out("images", "-q", "--no-trunc", "alpine:latest") == identity
    assert engine.out("run", "--rm", "alpine", "echo", "runs") == "runs"
    engine.ctr("rmi", "alpine:second")


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_skopeo_reads_what_is_saved_and_we_read_what_skopeo_writes(engine, tmp_path, form):
    save(engine, tmp_path / "a.tar", "alpine:latest")
    read = subprocess.run(["skopeo", "inspect", "--config", f"{form}:{tmp_path}/a.tar"], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["rootfs"]["diff_ids"] == engine.api("GET", "/images/alpine/json")[1]["RootFS"]["Layers"]
    subprocess.run(["skopeo", "--insecure-policy", "copy", f"{form}:{tmp_path}/a.tar",
                    f"{form}:{tmp_path}/b.tar:again:1"], check=True, capture_output=True)
    loaded = engine.ctr("load", "-i", str(tmp_path / "b.tar")).stdout
    assert "Loaded image" in loaded


def test_an_archive_that_is_none_changes_nothing(engine, tmp_path):
    before = engine.out("images", "-q")
    (tmp_path / "x").write_bytes(os.urandom(100_000))
    done = engine.ctr("load", "-i", str(tmp_path / "x"), check=False)
    assert done.returncode == 1 and "invalid" in done.stderr
    archive = save(engine, tmp_path / "a.tar", "alpine")
    with open(tmp_path / "cut", "wb") as cut, open(tmp_path / "a.tar", "rb") as whole:
        cut.write(whole.read()[:-200_000])
    assert engine.ctr("load", "-i", str(tmp_path / "cut"), check=False).returncode == 1
    assert engine.out("images", "-q") == before
    assert "No such image" in engine.ctr("save", "-o", str(tmp_path / "n"), "nobody", check=False).stderr
    assert not (tmp_path / "n").exists()
    del archive


def test_a_commit_has_what_the_container_changed_and_nothing_of_the_engines(engine, tmp_path):
    engine.ctr("run", "--name", "made", "alpine", "sh", "-c",
               "echo new > /srv/new; rm /etc/motd; rm -rf /media; mkdir /media; echo x > /media/x; chown 5:6 /srv/new")
    assert engine.out("diff", "made").splitlines() == sorted(
        ["C /etc", "D /etc/motd", "C /media", "A /media/x", "C /srv", "A /srv/new"], key=lambda line: line[2:]) or \
        "D /media/cdrom" in engine.out("diff", "made")
    identity = engine.out("commit", "-m", "a comment", "-a", "me", "-c", "CMD [\"cat\", \"/srv/new\"]", "-c", "ENV A=b",
                          "made", "committed:1")
    assert engine.out("run", "--rm", "committed:1") == "new"
    check = "test ! -e /etc/motd && ls -A /media && stat -c %u:%g /srv/new && echo $A && test -s /etc/passwd"
    assert engine.out("run", "--rm", "committed:1", "sh", "-c", check).split() == ["x", "5:6", "b"]
    image = engine.api("GET", "/images/committed:1/json")[1]
    assert image["Id"] == identity and image["Author"] == "me" and image["Comment"] == "a comment"
    assert len(image["RootFS"]["Layers"]) == len(engine.api("GET", "/images/alpine/json")[1]["RootFS"]["Layers"]) + 1
    archive = save(engine, tmp_path / "c.tar", "committed:1")
    layer = json.load(archive.extractfile("manifest.json"))[0]["Layers"][-1]
    entries = tarfile.open(fileobj=io.BytesIO(archive.extractfile(layer).read())).getnames()
    assert "etc/.wh.motd" in entries and "srv/new" in entries
    assert not {"etc/hosts", "etc/hostname", "etc/resolv.conf", "dev", "proc", "sys"} & set(entries)
    engine.ctr("rm", "made")
    engine.ctr("rmi", "committed:1")


def test_a_running_container_is_committed_by_dockers_client(engine):
    engine.ctr("run", "-d", "--name", "live", "alpine", "sh", "-c", "echo live > /tmp/live; sleep 600")
    engine.docker("commit", "--change", "WORKDIR /tmp", "live", "snap")
    assert engine.out("run", "--rm", "snap", "cat", "live") == "live"
    assert engine.inspect("live")["State"]["Status"] == "running"
    engine.ctr("rm", "-f", "live")
    engine.ctr("rmi", "snap")
    done = engine.ctr("commit", "-c", "FROM x", "nobody", check=False)
    assert "No such container" in done.stderr


def test_an_export_is_the_whole_tree_without_what_is_mounted(engine, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret").write_text("secret")
    engine.ctr("run", "-d", "--name", "ex", "-v", f"{tmp_path}/host:/mnt", "alpine", "sh", "-c", "echo x > /srv/x; sleep 600")
    engine.ctr("export", "-o", str(tmp_path / "e.tar"), "ex")
    names = set(tarfile.open(tmp_path / "e.tar").getnames())
    assert {"bin/sh", "srv/x", "etc/passwd", "proc", "mnt"} <= names
    assert not any(name.startswith(("proc/", "sys/", "mnt/", "dev/pts/")) for name in names)
    engine.ctr("rm", "-f", "ex")
    identity = engine.docker("import", "-c", "CMD [\"cat\", \"/srv/x\"]", str(tmp_path / "e.tar"), "imported").stdout.strip()
    assert identity.startswith("sha256:")
    assert engine.out("run", "--rm", "imported") == "x"
    engine.ctr("rmi", "imported")
    with open(tmp_path / "e.tar", "rb") as data:
        again = subprocess.run([str(engine_ctr()), "import", "-", "again"], stdin=data, capture_output=True, text=True,
                               env={**os.environ, "CTR_HOST": engine.host})
    assert again.returncode == 0, again.stderr
    engine.ctr("rmi", "again")


def engine_ctr():
    from engine import CTR
    return CTR


# --- import from the web ---

WEB = r"""
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, rest = self.path[1:].partition("/")
        if kind == "go":
            self.send_response(302); self.send_header("Location", "/" + rest); self.end_headers()
        elif kind == "loop":
            self.send_response(302); self.send_header("Location", self.path); self.end_headers()
        elif kind == "file":
            self.send_response(302); self.send_header("Location", "file:///etc/passwd"); self.end_headers()
        elif kind in ("tar", "half"):
            body = open(sys.argv[1], "rb").read()
            self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
            self.wfile.write(body if kind == "tar" else body[:len(body) // 2])
        else:
            self.send_error(404)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def web(engine, tmp_path_factory):
    path = tmp_path_factory.mktemp("web") / "root.tar"
    with tarfile.open(path, "w") as archive:
        for name, size in (("etc/hello", 5), ("big", 3_000_000)):
            entry = tarfile.TarInfo(name)
            entry.size = size
            archive.addfile(entry, io.BytesIO(b"x" * size))
    server = subprocess.Popen(["nsenter", f"--net=/run/netns/{engine.name}", "/usr/bin/python3", "-c", WEB, str(path)],
                              stdout=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    server.kill()
    server.wait()


@pytest.mark.parametrize("client", ["ctr", "docker"])
def test_an_image_is_imported_from_the_web(engine, web, client):
    done = getattr(engine, client)("import", "-c", "CMD /bin/x", f"{web}/go/tar/root.tar", "fromweb:1")
    assert "sha256:" in done.stdout
    image = engine.api("GET", "/images/fromweb:1/json")[1]
    assert image["Config"]["Cmd"] == ["/bin/sh", "-c", "/bin/x"] and image["Size"] > 3_000_000
    engine.ctr("rmi", "fromweb:1")


@pytest.mark.parametrize("path, words", [("/nothing", "status 404"), ("/loop/x", "redirects"), ("/file", ""), ("/half/x", "")])
def test_an_import_from_the_web_that_fails_says_why_and_leaves_nothing(engine, web, path, words):
    before = engine.out("images", "-aq")
    done = engine.ctr("import", web + path, "broken:1", check=False)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert engine.out("images", "-aq") == before
    assert list((engine.data / "tmp").iterdir()) == []
