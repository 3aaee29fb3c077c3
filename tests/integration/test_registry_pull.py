"""Pulls from registries that misbehave, and from Debian's docker-registry.

Numbers (G01, N05, L34 …) are those of the project's lists of hostile inputs and of faults.
The layers are unpacked, and the tests make a network namespace of their own.
"""
import ctypes
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "registry"))
from faulty_registry import *  # noqa: E402,F403
from tools import built  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parents[2]
TOOL = built("pull_tool")
CLONE_NEWNET = 0x40000000
OUTSIDE, ELSEWHERE = "10.99.0.1", "10.99.0.2"  # no loopback addresses, in our namespace only


@pytest.fixture(scope="module", autouse=True)
def network_namespace():
    """Rules for loopback are different: the tests want other addresses, and not the host's."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        pytest.skip("no network namespaces here")
    for command in ("link set lo up", f"addr add {OUTSIDE}/32 dev lo",
                    f"addr add {ELSEWHERE}/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    yield
    libc.setns(before, CLONE_NEWNET)
    os.close(before)


class Result:
    def __init__(self, process, lines, seconds):
        self.code, self.lines, self.seconds = process.returncode, lines, seconds
        self.text = "\n".join(json.dumps(line) for line in lines)
        self.pulled = [line for line in lines if line["event"] == "pulled"]
        self.errors = [line["error"] for line in lines if line["event"] == "failed"]
        self.phases = [line["phase"] for line in lines if line["event"] == "layer"]

    @property
    def error(self):
        assert self.code != 0 and len(self.errors) == 1, self.text
        return self.errors[0]


class Client:
    def __init__(self, root):
        self.root = root

    def start(self, *arguments, fast=True):
        options = ["--fast"] if fast else []
        return subprocess.Popen([TOOL, "--root", self.root, *options, *arguments],
                                stdout=subprocess.PIPE, text=True)

    def pull(self, *arguments, fast=True, timeout=60):
        began = time.monotonic()
        process = self.start(*arguments, fast=fast)
        output, _ = process.communicate(timeout=timeout)
        lines = [json.loads(line) for line in output.splitlines()]
        return Result(process, lines, time.monotonic() - began)

    def blobs(self):
        return set(os.listdir(self.root / "blobs/sha256"))

    def ingests(self):
        return {name: (self.root / "blobs/ingest" / name).stat().st_size
                for name in os.listdir(self.root / "blobs/ingest")}

    def layers(self):
        return {name for name in os.listdir(self.root / "layers") if len(name) == 64}

    def expect_nothing(self, but=()):
        assert self.blobs() <= set(but) and not self.layers() and not self.ingests()


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path / "root")


@pytest.fixture
def registry():
    server = FaultyRegistry()
    yield server
    server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) for the two addresses, signed by itself."""
    directory = tmp_path_factory.mktemp("tls")
    files = str(directory / "cert.pem"), str(directory / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-out", files[0], "-keyout", files[1], "-addext",
                    f"subjectAltName=IP:{OUTSIDE},IP:{ELSEWHERE}"], check=True, capture_output=True)
    return files


@pytest.fixture
def secure(certificate):
    servers = []

    def start(address=OUTSIDE):
        servers.append(FaultyRegistry(address, certificate))
        return servers[-1]
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def trust(tmp_path, certificate):
    """Arguments with which the certificate is trusted for the registries."""
    def arguments(*registries):
        for registry in registries:
            (tmp_path / "certs" / registry.name).mkdir(parents=True)
            shutil.copy(certificate[0], tmp_path / "certs" / registry.name / "ca.crt")
        return ["--certs", str(tmp_path / "certs")]
    return arguments


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def one_layer(size=300_000, seed=1):
    return [make_layer({"noise": noise(size, seed)})]


# --- the ordinary case

def test_an_image_arrives_whole(registry, client):
    image = registry.add_image("app", "1", [make_layer({"a": b"1"}), make_layer({"b": noise(99999)})])
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert result.pulled[0]["digest"] == image.manifest["digest"]
    assert result.pulled[0]["config"] == image.config.digest
    wanted = [image.manifest["digest"], image.config.digest] + [b.digest for b in image.layers]
    assert client.blobs() == {d[7:] for d in wanted}
    assert client.layers() == {d[7:] for d in image.diff_ids}
    assert not client.ingests()


def test_a_second_pull_is_one_request(registry, client):
    registry.add_image("app", "1", one_layer())
    client.pull(f"{registry.name}/app:1")
    registry.requests.clear()
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0 and set(result.phases) == {"Already exists"}
    assert [r["method"] for r in registry.requests] == ["HEAD"]


def test_the_platform_is_chosen_from_an_index(registry, client):
    entries = []
    for architecture in ("s390x", "amd64", "arm64"):
        image = registry.add_image("app", architecture, [make_layer({"a": architecture.encode()})],
                                   architecture=architecture)
        entries.append({**image.manifest, "platform": {"os": "linux", "architecture": architecture}})
    index = registry.add_manifest("app", "1", {"schemaVersion": 2, "manifests": entries}, INDEX)
    result = client.pull("--platform", "linux/arm64", f"{registry.name}/app:1")
    assert result.pulled[0]["architecture"] == "arm64"
    assert result.pulled[0]["digest"] == index["digest"]
    result = client.pull("--platform", "linux/riscv64", f"{registry.name}/app:1")
    assert "no matching manifest for linux/riscv64" in result.error and "linux/s390x" in result.error


# --- content that is not what it says (G)

def test_g01_a_wrong_layer_is_refused_and_not_kept(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.layers[0].path, corrupt, always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert "does not match its digest" in result.error
    client.expect_nothing(but=[image.config.digest[7:]])
    assert len(registry.asked(image.layers[0].path)) == 2


def test_g01_a_wrong_configuration_is_refused(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.config.path, corrupt, always=True)
    assert "does not match its digest" in client.pull(f"{registry.name}/app:1").error
    client.expect_nothing()


def test_g01_g07_a_wrong_manifest_by_digest_is_refused(registry, client):
    image = registry.add_image("app", "1", one_layer())
    other = registry.add_image("app", "2", one_layer(seed=2))
    path = f"/v2/app/manifests/{image.manifest['digest']}"
    registry.manifests[path] = registry.manifests[f"/v2/app/manifests/{other.manifest['digest']}"]
    result = client.pull(f"{registry.name}/app@{image.manifest['digest']}")
    assert "does not match its digest" in result.error
    client.expect_nothing()


def test_g07_local_content_does_not_answer_for_a_repository(registry, client):
    image = registry.add_image("app", "1", one_layer())
    assert client.pull(f"{registry.name}/app:1").code == 0
    assert "not found" in client.pull(f"{registry.name}/other@{image.manifest['digest']}").error


@pytest.mark.parametrize("size", [-1, 0, 1, 2**63, 1.5, "7", None, "more"])
def test_g02_a_wrong_size_is_refused(registry, client, size):
    layers = one_layer()
    wrong = len(layers[0][1]) + 1 if size == "more" else size
    registry.add_image("app", "1", layers, change=lambda m: m["layers"][0].update(size=wrong))
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 1 and not result.pulled
    assert not client.layers()


def test_g03_the_header_may_lie_about_a_tag(registry, client):
    image = registry.add_image("app", "1", one_layer())
    text, kind = registry.manifests["/v2/app/manifests/1"]
    lie = status(200, {"Docker-Content-Digest": "sha256:" + "0" * 64, "Content-Type": kind}, text)
    registry.fault("/v2/app/manifests/1", lie, always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert result.pulled[0]["digest"] == image.manifest["digest"]


def test_g04_a_wrong_diff_id_is_refused(registry, client):
    image = registry.add_image("app", "1", one_layer(), diff_ids=["sha256:" + "1" * 64])
    assert "does not match its diff ID" in client.pull(f"{registry.name}/app:1").error
    client.expect_nothing(but=[image.config.digest[7:]])


def test_g05_ambiguous_documents_are_refused(registry, client):
    registry.add_image("app", "1", one_layer(), change=lambda m: m.update(manifests=[]))
    assert "both manifests and layers" in client.pull(f"{registry.name}/app:1").error
    registry.add_image("app", "2", one_layer(), change=lambda m: m.update(mediaType=INDEX))
    assert "sent as" in client.pull(f"{registry.name}/app:2").error
    registry.add_manifest("app", "3", {"schemaVersion": 1, "fsLayers": []})
    assert "schema version 1" in client.pull(f"{registry.name}/app:3").error


@pytest.mark.parametrize("digest", [
    "sha256:../../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "md5:" + "a" * 32,
    "sha512:" + "a" * 128, "a" * 64, "sha256:", ":", "", "sha256:" + "a" * 60 + "/../", "sha256:" + "a" * 32 + "\0" + "a" * 31,
    None, 7, ["sha256:" + "a" * 64]], ids=repr)
def test_g06_what_is_no_digest_reaches_no_file_and_no_address(registry, client, digest):
    """Wherever documents name content: an index's entry, a configuration, a layer, a diff ID."""
    def say(where):
        return lambda manifest: (manifest["config"] if where == "config" else manifest["layers"][0]).update(digest=digest)
    registry.add_image("app", "config", one_layer(), change=say("config"))
    registry.add_image("app", "layer", one_layer(), change=say("layer"))
    registry.add_image("app", "diff", one_layer(), diff_ids=[digest])
    registry.add_manifest("app", "index", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "size": 100, "digest": digest, "platform": {"os": "linux", "architecture": "amd64"}}]},
        INDEX)
    for tag in ("config", "layer", "diff", "index"):
        result = client.pull("--platform", "linux/amd64", f"{registry.name}/app:{tag}")
        assert result.code == 1 and ("digest" in result.error or "diff_ids" in result.error), (tag, result.text)
    assert not client.layers() and not client.ingests()
    assert all(".." not in request["path"] for request in registry.requests)


def test_g08_a_damaged_blob_is_fetched_again(registry, client):
    image = registry.add_image("app", "1", one_layer())
    client.pull(f"{registry.name}/app:1")
    for name in client.blobs():
        path = client.root / "blobs/sha256" / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    shutil.rmtree(client.root / "layers")
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert client.layers() == {image.diff_ids[0][7:]}
    for name in client.blobs():
        assert digest_of((client.root / "blobs/sha256" / name).read_bytes())[7:] == name


def test_g09_unknown_layers_are_unsupported(registry, client):
    for kind in ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
                 "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", ""):
        registry.add_image("app", "1", one_layer(), change=lambda m: m["layers"][0].update(mediaType=kind))
        assert "unsupported media type" in client.pull(f"{registry.name}/app:1").error


def test_g10_indexes_do_not_nest_for_ever(registry, client):
    image = registry.add_image("app", "0", one_layer())
    entry = image.manifest
    for depth in range(1, 5):
        entry = registry.add_manifest("app", str(depth), {
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{**entry, "platform": {"os": "linux", "architecture": "amd64"}}]}, INDEX)
    assert client.pull("--platform", "linux/amd64", f"{registry.name}/app:2").code == 0
    assert "nested too deep" in client.pull("--platform", "linux/amd64", f"{registry.name}/app:4").error


def test_m07_an_image_of_another_system_is_refused(registry, client):
    registry.add_image("app", "1", one_layer(), system="windows")
    assert "image operating system \"windows\" cannot be used" in client.pull(f"{registry.name}/app:1").error


def test_m08_hostile_json_is_an_error(registry, client):
    for text in (b"[" * 100_000, b'{"a":' * 100_000, b'{"schemaVersion":2,"schemaVersion":2}',
                 b'{"schemaVersion":1e400}', b'{"a":"\xff"}', b"", b"null", b"{}",
                 b'{"schemaVersion":2,"layers":[null],"config":{}}'):
        registry.add_manifest("app", "1", text)
        assert client.pull(f"{registry.name}/app:1").error.startswith("invalid")


def test_d02_large_documents_are_capped(registry, client):
    registry.add_manifest("app", "1", b" " * (5 << 20))
    assert "more than" in client.pull(f"{registry.name}/app:1").error


# --- faults of the connection (L)

@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_l34_a_cut_connection_is_resumed(registry, client, part):
    image = registry.add_image("app", "1", one_layer(3_000_000))
    blob = image.layers[0]
    count = int(len(blob.data) * part)
    registry.fault(blob.path, cut_at(count))
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    asked = registry.asked(blob.path)
    assert len(asked) == 2
    if count:
        assert asked[1]["headers"]["Range"] == f"bytes={count}-"
    assert sum(r["sent"] for r in asked) <= 1.1 * len(blob.data)


def test_l34_many_cuts_with_progress_are_no_failure(registry, client):
    image = registry.add_image("app", "1", one_layer(3_000_000))
    registry.fault(image.layers[0].path, *[cut_at(200_000)] * 12)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert sum(r["sent"] for r in registry.asked(image.layers[0].path)) <= 1.1 * 3_100_000


@pytest.mark.parametrize("answer", [ignore_range, wrong_range, range_not_satisfiable])
def test_l34_a_registry_without_ranges_begins_again(registry, client, answer):
    image = registry.add_image("app", "1", one_layer(1_000_000))
    registry.fault(image.layers[0].path, cut_at(500_000), answer)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert client.layers() == {image.diff_ids[0][7:]}


def test_l34_the_cuts_of_a_registry_without_ranges_end(registry, client):
    image = registry.add_image("app", "1", one_layer(1_000_000))
    registry.fault(image.layers[0].path, cut_at_ignoring_range(500_000), always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 1 and len(registry.asked(image.layers[0].path)) <= 7


def test_l35_failures_that_pass_are_waited_for(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault("/v2/app/manifests/1", status(503), status(502), status(500))
    registry.fault(image.config.path, status(504), status(408))
    registry.fault(image.layers[0].path, status(500), reset, status(503))
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert "Retrying" in result.phases


def test_l35_retry_after_is_honoured(registry, client):
    registry.add_image("app", "1", one_layer())
    # The HEAD first, which is not repeated, then the GET.
    registry.fault("/v2/app/manifests/1", status(429), status(429, {"Retry-After": "1"}))
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0 and result.seconds >= 1
    registry.fault("/v2/app/manifests/1", status(429, {"Retry-After": "3600"}), always=True)
    shutil.rmtree(client.root)
    result = client.pull(f"{registry.name}/app:1")
    assert "toomanyrequests" in result.error and result.seconds < 5


def test_l35_a_lasting_failure_ends(registry, client):
    registry.add_image("app", "1", one_layer())
    registry.fault("/v2/app/manifests/1", status(503), always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert "status 503" in result.error and "try again" in result.error
    assert len(registry.asked("/v2/app/manifests/1")) == 5


def test_l36_n10_no_progress_is_noticed(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.layers[0].path, stall_at(100_000, 10), dribble)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert result.seconds < 10
    assert registry.asked(image.layers[0].path)[1]["headers"]["Range"] == "bytes=100000-"


def test_l36_slow_is_not_stalled(registry, client):
    image = registry.add_image("app", "1", one_layer(20_000))
    registry.fault(image.layers[0].path, slow(5000))
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert len(registry.asked(image.layers[0].path)) == 1


def test_l36_a_killed_pull_is_resumed_by_the_next_process(registry, client):
    image = registry.add_image("app", "1", one_layer(3_000_000))
    blob = image.layers[0]
    registry.fault(blob.path, stall_at(2_000_000, 5))
    process = client.start(f"{registry.name}/app:1", fast=False)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (client.root / "blobs/ingest").exists() and 2_000_000 in client.ingests().values():
            break
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert client.ingests() == {blob.digest[7:]: 2_000_000}
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert registry.asked(blob.path)[-1]["headers"]["Range"] == "bytes=2000000-"
    assert client.layers() == {image.diff_ids[0][7:]} and not client.ingests()


def test_l36_a_damaged_rest_of_an_earlier_try_is_thrown_away(registry, client):
    image = registry.add_image("app", "1", one_layer(1_000_000))
    blob = image.layers[0]
    for rest in (bytes(500_000), blob.data + b"more", bytes(len(blob.data))):
        shutil.rmtree(client.root, ignore_errors=True)
        (client.root / "blobs/ingest").mkdir(parents=True)
        (client.root / "blobs/ingest" / blob.digest[7:]).write_bytes(rest)
        result = client.pull(f"{registry.name}/app:1")
        assert result.code == 0, result.text
        assert client.layers() == {image.diff_ids[0][7:]} and not client.ingests()


@pytest.mark.parametrize("fault", [corrupt, truncated, endless])
def test_l37_one_corrupt_answer_is_repeated(registry, client, fault):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.layers[0].path, fault)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert client.layers() == {image.diff_ids[0][7:]}


def test_l37_a_lasting_lie_about_the_length_ends(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.layers[0].path, truncated, always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 1 and result.seconds < 10
    assert not client.layers()


def test_l38_an_unreachable_registry_is_one_clear_error(client):
    result = client.pull("127.0.0.1:1/app:1")
    assert result.error.startswith("cannot reach '127.0.0.1:1': connection refused")
    result = client.pull("registry.invalid/app:1")
    assert result.error.startswith("cannot reach 'registry.invalid': its name does not resolve")
    assert result.seconds < 20


def test_l38_a_registry_that_accepts_and_is_silent_ends(client):
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = client.pull(f"127.0.0.1:{server.getsockname()[1]}/app:1")
    assert "no answer in time" in result.error and result.seconds < 10


# --- sharing and cancelling

def test_l33_twenty_pulls_download_once(registry, client):
    image = registry.add_image("app", "1", [*one_layer(2_000_000), *one_layer(1_000_000, 2)])
    registry.fault(image.layers[0].path, slow(1_000_000))
    result = client.pull("--times", "20", f"{registry.name}/app:1")
    assert result.code == 0 and len(result.pulled) == 20, result.text
    for blob in (image.config, *image.layers):
        assert len(registry.asked(blob.path)) == 1
    assert len({line["pull"] for line in result.lines if line.get("phase") == "Downloading"}) > 1


def test_l33_cancelling_one_keeps_the_other(registry, client):
    image = registry.add_image("app", "1", one_layer(2_000_000))
    registry.fault(image.layers[0].path, slow(1_000_000))
    result = client.pull("--times", "2", "--cancel-after", "600", f"{registry.name}/app:1")
    assert result.errors == ["cancelled"] and len(result.pulled) == 1
    assert len(registry.asked(image.layers[0].path)) == 1


def test_what_came_before_a_cancel_is_kept(registry, client):
    image = registry.add_image("app", "1", one_layer(2_000_000))
    blob = image.layers[0]
    registry.fault(blob.path, slow(1_000_000))
    result = client.pull("--cancel-after", "1000", f"{registry.name}/app:1")
    assert result.error == "cancelled" and result.seconds < 3
    kept = client.ingests()[blob.digest[7:]]
    assert 0 < kept < 2_000_000
    assert client.pull(f"{registry.name}/app:1").code == 0
    assert registry.asked(blob.path)[-1]["headers"]["Range"] == f"bytes={kept}-"


def test_another_pull_takes_over_when_the_first_is_not_allowed(registry, client):
    """Two pulls of one layer: who joined a download that fails does it itself."""
    image = registry.add_image("app", "1", one_layer(500_000))
    for path in [image.config.path, image.layers[0].path]:
        registry.blobs[path.replace("/app/", "/other/")] = registry.blobs[path]
    for name in ("1", image.manifest["digest"]):
        registry.manifests[f"/v2/other/manifests/{name}"] = registry.manifests["/v2/app/manifests/1"]
    first = threading.Lock()

    def deny_the_first(request):
        if not first.acquire(blocking=False):
            return False
        time.sleep(0.5)
        return request.reply(403, b"{}")
    for path in (image.layers[0].path, image.layers[0].path.replace("/app/", "/other/")):
        registry.fault(path, deny_the_first)
    result = client.pull(f"{registry.name}/app:1", f"{registry.name}/other:1")
    assert len(result.pulled) == 1 and len(result.errors) == 1, (result.code, result.text)


# --- who may see what (N)

def test_n01_tls_never_becomes_http(client):
    plain = FaultyRegistry(OUTSIDE)
    plain.add_image("app", "1", one_layer())
    result = client.pull(f"{plain.name}/app:1")
    assert "does not speak TLS" in result.error and "insecure-registries" in result.error
    assert not plain.requests
    for entry in (plain.name, OUTSIDE, "10.99.0.0/16"):
        result = client.pull("--insecure", entry, f"{plain.name}/app:1")
        assert result.code == 0, result.text
    assert client.pull("--insecure", "10.98.0.0/16", f"{plain.name}/app:1").code == 1
    plain.close()


def test_n02_only_trusted_certificates(secure, client, trust):
    server = secure()
    server.add_image("app", "1", one_layer())
    result = client.pull(f"{server.name}/app:1")
    assert "is not trusted" in result.error and "ca.crt" in result.error
    assert not server.requests
    assert client.pull("--insecure", server.name, f"{server.name}/app:1").code == 0
    shutil.rmtree(client.root)
    assert client.pull(*trust(server), f"{server.name}/app:1").code == 0


def bearer(registry, tokens, user=None):
    """The registry wants a token of the server `tokens`."""
    registry.challenge = f'Bearer realm="{tokens.url}/token",service="the service"'
    registry.tokens = {"Bearer secret-token"}
    good = json.dumps({"token": "secret-token", "expires_in": 300}).encode()

    def give(request):
        if user and request.headers.get("Authorization") != user:
            return request.reply(401, b"{}")
        return request.reply(200, good)
    tokens.fault("/token", give, always=True)


def test_tokens_are_asked_for_once_and_for_this_repository(registry, client):
    tokens = FaultyRegistry()
    registry.add_image("app", "1", [*one_layer(), *one_layer(seed=2), *one_layer(seed=3)])
    bearer(registry, tokens, "Basic bWU6c2VjcmV0")
    result = client.pull("--user", "me:secret", f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert len(tokens.requests) == 1
    assert "scope=repository%3Aapp%3Apull" in tokens.requests[0]["path"]
    assert "service=the%20service" in tokens.requests[0]["path"]
    # The password goes to the token server, never to the registry.
    assert not any("Basic" in r["headers"].get("Authorization", "") for r in registry.requests)
    result = client.pull("--user", "me:wrong-password", f"{registry.name}/app:1")
    assert "incorrect username or password" in result.error
    assert "wrong-password" not in result.text
    tokens.close()


def test_l35_a_token_that_expires_is_renewed(registry, client):
    tokens = FaultyRegistry()
    image = registry.add_image("app", "1", one_layer())
    bearer(registry, tokens)
    refuse = status(401, {"WWW-Authenticate": registry.challenge})
    registry.fault(image.layers[0].path, refuse)
    assert client.pull(f"{registry.name}/app:1").code == 0
    assert len(tokens.requests) == 2
    tokens.close()


def test_an_identity_token_is_a_form(registry, client):
    tokens = FaultyRegistry()
    registry.add_image("app", "1", one_layer())
    bearer(registry, tokens)
    result = client.pull("--identity-token", "refresh&me", f"{registry.name}/app:1")
    assert result.code == 0, result.text
    assert tokens.requests[0]["method"] == "POST"
    assert "refresh_token=refresh%26me" in tokens.requests[0]["body"]
    tokens.close()


def test_basic_authentication(registry, client):
    registry.add_image("app", "1", one_layer())
    registry.challenge, registry.tokens = 'Basic realm="here"', {"Basic bWU6c2VjcmV0"}
    assert client.pull("--user", "me:secret", f"{registry.name}/app:1").code == 0
    assert "pull access denied" in client.pull(f"{registry.name}/app:1").error
    assert client.pull("--login", "--user", "me:secret", registry.name).code == 0
    assert "incorrect username" in client.pull("--login", "--user", "me:x", registry.name).error


def test_n09_a_token_that_never_helps_ends(registry, client):
    tokens = FaultyRegistry()
    registry.add_image("app", "1", one_layer())
    bearer(registry, tokens)
    registry.tokens = set()
    assert "pull access denied" in client.pull(f"{registry.name}/app:1").error
    assert len(tokens.requests) <= 5
    tokens.close()


def test_n05_redirects_take_no_credentials_along(secure, client, trust):
    server, elsewhere = secure(OUTSIDE), secure(ELSEWHERE)
    image = server.add_image("app", "1", one_layer(1_000_000))
    blob = image.layers[0]
    server.challenge, server.tokens = 'Basic realm="here"', {"Basic bWU6c2VjcmV0"}
    elsewhere.blobs["/stored"] = blob
    elsewhere.fault("/stored", cut_at(400_000))
    server.fault(blob.path, *[redirect(elsewhere.url + "/stored?signature=sign")] * 3)
    result = client.pull(*trust(server, elsewhere), "--user", "me:secret", f"{server.name}/app:1")
    assert result.code == 0, result.text
    assert [r["headers"].get("Range") for r in elsewhere.requests] == [None, "bytes=400000-"]
    for request in elsewhere.requests:
        assert "Authorization" not in request["headers"] and "Cookie" not in request["headers"]


def test_n04_a_401_behind_a_redirect_gets_nothing(secure, client, trust):
    server, elsewhere = secure(OUTSIDE), secure(ELSEWHERE)
    image = server.add_image("app", "1", one_layer())
    server.challenge, server.tokens = 'Basic realm="here"', {"Basic bWU6c2VjcmV0"}
    elsewhere.challenge = 'Basic realm="give me"'
    elsewhere.blobs["/stored"] = image.layers[0]
    server.fault(image.layers[0].path, redirect(elsewhere.url + "/stored"), always=True)
    result = client.pull(*trust(server, elsewhere), "--user", "me:secret", f"{server.name}/app:1")
    assert result.code == 1
    assert elsewhere.requests and not any("Authorization" in r["headers"] for r in elsewhere.requests)


@pytest.mark.parametrize("target", ["http://10.99.0.2:80/x", "file:///etc/passwd", "https://u@10.99.0.2/",
                                    "unix:/run/x", "ftp://10.99.0.2/", "//"])
def test_n05_bad_redirects_are_refused(secure, client, trust, target):
    server = secure()
    image = server.add_image("app", "1", one_layer())
    server.fault(image.layers[0].path, redirect(target), always=True)
    result = client.pull(*trust(server), f"{server.name}/app:1")
    assert result.code == 1 and not client.layers()
    assert len(server.asked(image.layers[0].path)) == 1


def test_n05_redirects_to_this_host_are_refused(secure, client, trust, certificate):
    server, internal = secure(), FaultyRegistry("127.0.0.1", certificate)
    image = server.add_image("app", "1", one_layer())
    server.fault(image.layers[0].path, redirect(internal.url + "/x"), always=True)
    assert "internal address" in client.pull(*trust(server), f"{server.name}/app:1").error
    assert not internal.requests
    internal.close()


def test_n05_redirects_do_not_go_round_for_ever(registry, client):
    image = registry.add_image("app", "1", one_layer())
    registry.fault(image.layers[0].path, redirect(image.layers[0].path), always=True)
    assert "more than 10 redirects" in client.pull(f"{registry.name}/app:1").error
    assert len(registry.asked(image.layers[0].path)) == 11


def test_n07_a_realm_without_tls_is_refused(secure, client, trust):
    server, thief = secure(), FaultyRegistry(OUTSIDE)
    server.add_image("app", "1", one_layer())
    bearer(server, thief)
    assert "without TLS" in client.pull(*trust(server), f"{server.name}/app:1").error
    assert not thief.requests
    thief.close()


def test_n07_credentials_do_not_go_to_another_domains_realm(secure, client, trust):
    server, thief = secure(OUTSIDE), secure(ELSEWHERE)
    server.add_image("app", "1", one_layer())
    bearer(server, thief)
    arguments = trust(server, thief)
    result = client.pull(*arguments, "--user", "me:secret", f"{server.name}/app:1")
    assert "another domain" in result.error and not thief.requests
    # Without credentials there is nothing to lose.
    assert client.pull(*arguments, f"{server.name}/app:1").code == 0


def test_n10_headers_that_dribble_end(registry, client):
    image = registry.add_image("app", "1", one_layer())

    def dribble_headers(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(100):
            request.wfile.write(b"X-%d: y\r\n" % i)
            request.wfile.flush()
            time.sleep(0.2)
        return True
    registry.fault(image.layers[0].path, dribble_headers)
    result = client.pull(f"{registry.name}/app:1")
    assert result.code == 0 and result.seconds < 8, result.text


def test_n10_an_endless_manifest_ends(registry, client):
    def endless_manifest(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while True:
            request.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
    registry.fault("/v2/app/manifests/1", endless_manifest, always=True)
    result = client.pull(f"{registry.name}/app:1")
    assert "more than" in result.error and result.seconds < 8


# --- mirrors

def test_a_mirror_is_asked_first_without_credentials(registry, client):
    registry.add_image("library/app", "1", one_layer())
    result = client.pull("--mirror", registry.url, "--user", "me:secret", "app:1")
    assert result.code == 0, result.text
    assert not any("Authorization" in r["headers"] for r in registry.requests)


def test_what_a_mirror_said_is_told_where_the_registry_behind_it_cannot_be_reached(registry, client):
    result = client.pull("--mirror", registry.url, "app:1")
    assert "registry-1.docker.io" in result.error
    assert f"the mirror '{registry.url}/' failed before: " in result.error and "not found" in result.error


def test_a_mirror_that_breaks_is_followed_by_the_next(registry, client):
    broken = FaultyRegistry()
    for server in (broken, registry):
        image = server.add_image("library/app", "1", one_layer(1_000_000))
    broken.fault(image.layers[0].path, cut_at(300_000), status(500))
    broken.fault(image.config.path, status(500), always=True)
    result = client.pull("--mirror", "http://127.0.0.1:1", "--mirror", broken.url, "--mirror",
                         registry.url, "app:1")
    assert result.code == 0, result.text
    assert registry.asked(image.layers[0].path)[-1]["headers"]["Range"] == "bytes=300000-"
    broken.close()


# --- a real one

@pytest.mark.skipif(not shutil.which("docker-registry") or not shutil.which("skopeo"),
                    reason="wants docker-registry and skopeo")
def test_debians_registry(tmp_path, client):
    layout = tmp_path / "layout"
    (layout / "blobs/sha256").mkdir(parents=True)
    layers = [make_layer({"bin/a": noise(2_000_000)}), make_layer({"b": b"2"})]
    documents = FaultyRegistry()
    image = documents.add_image("app", "1", layers)
    documents.close()
    text = documents.manifests["/v2/app/manifests/1"][0]
    for data in [text, image.config.data, *[blob.data for blob in image.layers]]:
        (layout / "blobs/sha256" / digest_of(data)[7:]).write_bytes(data)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [image.manifest]}))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "config.yml").write_text(json.dumps({
        "version": "0.1", "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"}}))
    server = subprocess.Popen(["docker-registry", "serve", str(tmp_path / "config.yml")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}",
                        f"docker://127.0.0.1:{port}/team/app:1"], check=True)
        for name in ("localhost", "127.0.0.1"):
            result = client.pull(f"{name}:{port}/team/app:1")
            assert result.code == 0, result.text
        assert client.layers() == {d[7:] for d in image.diff_ids}
        assert "manifest unknown" in client.pull(f"127.0.0.1:{port}/team/app:2").error
    finally:
        server.terminate()
        server.wait()
