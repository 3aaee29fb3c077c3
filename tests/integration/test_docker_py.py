"""docker-py, as Debian has it: what scripts and Testcontainers do with it."""

import gc
import io
import tarfile
import threading
import time

import pytest

docker = pytest.importorskip("docker")

from engine import Engine, wait_for  # noqa: E402


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module", params=["1.24", "1.41", "auto"])
def client(engine, request):
    made = docker.DockerClient(base_url=engine.host, version=request.param, timeout=60)
    yield made
    made.close()


def test_run_gives_the_output_or_the_error(client):
    assert client.containers.run("alpine", "echo hello", remove=True) == b"hello\n"
    with pytest.raises(docker.errors.ContainerError) as failure:
        client.containers.run("alpine", "sh -c 'echo bad >&2; exit 3'", remove=True)
    assert failure.value.exit_status == 3 and b"bad" in failure.value.stderr
    with pytest.raises(docker.errors.APIError, match="cannot reach"):
        client.containers.run("127.0.0.1:5999/nobody", remove=True)
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nobody")


def test_a_detached_container_lives_and_is_looked_at(client):
    box = client.containers.run("alpine", ["sh", "-c", "echo one; sleep 1; echo two; sleep 600"], detach=True, name="box",
                                labels={"a": "b"}, environment={"X": "y"}, mem_limit="64m", hostname="inside")
    try:
        stream = box.logs(stream=True, follow=True)
        assert next(stream) == b"one\n" and next(stream) == b"two\n"
        assert [found.name for found in client.containers.list(filters={"label": "a=b"})] == ["box"]
        assert client.containers.get("box").status == "running"
        assert box.exec_run("hostname").output == b"inside\n"
        code, (out, err) = box.exec_run("sh -c 'echo o; echo e >&2; exit 4'", demux=True)
        assert (code, out, err) == (4, b"o\n", b"e\n")
        sample = box.stats(stream=False)
        assert sample["memory_stats"]["limit"] == 64 << 20 and sample["pids_stats"]["current"] >= 1
        assert "sleep 600" in str(box.top())
        box.pause()
        box.reload()
        assert box.status == "paused"
        box.unpause()
        box.rename("crate")
        box.update(mem_limit="128m", memswap_limit="256m")
        box.restart(timeout=0)
        box.stop(timeout=0)
        assert box.wait()["StatusCode"] == 137
    finally:
        box.remove(force=True)


def test_an_execs_socket_goes_both_ways(client):
    box = client.containers.run("alpine", "sleep 600", detach=True)
    try:
        api = client.api
        execution = api.exec_create(box.id, "cat", stdin=True)
        socket = api.exec_start(execution["Id"], socket=True)._sock
        socket.sendall(b"ping\n")
        header = socket.recv(8)
        assert header[0] == 1 and socket.recv(header[7]) == b"ping\n"
        socket.close()
        gc.collect()  # docker-py's answer holds the connection in a cycle of references
        wait_for(lambda: not api.exec_inspect(execution["Id"])["Running"], "cat to end")
    finally:
        box.remove(force=True)


def test_files_are_put_and_got(client):
    box = client.containers.create("alpine", "sleep 600")
    try:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            entry = tarfile.TarInfo("note")
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"hello"))
        assert box.put_archive("/srv", data.getvalue())
        pieces, stat = box.get_archive("/srv/note")
        assert stat["name"] == "note" and stat["size"] == 5
        got = tarfile.open(fileobj=io.BytesIO(b"".join(pieces)))
        assert got.extractfile("note").read() == b"hello"
        box.start()
        assert [change["Path"] for change in box.diff()] == ["/srv", "/srv/note"]
    finally:
        box.remove(force=True)


def test_images_are_tagged_saved_loaded_and_committed(client):
    image = client.images.get("alpine")
    assert image.tag("copy", "1")
    archive = b"".join(client.images.get("copy:1").save(named="copy:1"))
    client.images.remove("copy:1")
    assert "copy:1" in client.images.load(archive)[0].tags
    client.images.remove("copy:1")
    box = client.containers.run("alpine", "touch /made", detach=True)
    box.wait()
    made = box.commit("made", "1", message="m", author="a")
    assert client.containers.run("made:1", "ls /made", remove=True) == b"/made\n"
    box.remove()
    client.images.remove("made:1")
    assert made.attrs["Author"] == "a"
    assert image.history()


def test_networks_and_volumes(client):
    network = client.networks.create("pynet", driver="bridge", labels={"x": "y"})
    volume = client.volumes.create("pyvol", labels={"x": "y"})
    one = client.containers.run("alpine", "sh -c 'echo data > /v/file; sleep 600'", detach=True, name="one",
                                network="pynet", volumes={"pyvol": {"bind": "/v", "mode": "rw"}})
    two = client.containers.run("alpine", "sleep 600", detach=True, name="two")
    try:
        network.connect(two, aliases=["second"])
        assert two.exec_run("ping -c 1 -W 3 one").exit_code == 0
        assert one.exec_run("ping -c 1 -W 3 second").exit_code == 0
        network.reload()
        assert {found.name for found in network.containers} == {"one", "two"}
        network.disconnect(two)
        assert two.exec_run("ping -c 1 -W 1 one").exit_code != 0
        with pytest.raises(docker.errors.APIError) as refused:
            volume.remove()
        assert refused.value.status_code == 409
        assert client.volumes.list(filters={"label": "x=y"})[0].name == "pyvol"
    finally:
        one.remove(force=True)
        two.remove(force=True)
        network.remove()
        volume.remove()


def test_events_are_streamed_and_decoded(client):
    seen = []
    events = client.events(decode=True, filters={"type": "container"})
    thread = threading.Thread(target=lambda: seen.extend(event["Action"] for event in events), daemon=True)
    thread.start()
    time.sleep(0.3)
    client.containers.run("alpine", "true", remove=True)
    wait_for(lambda: "destroy" in seen, "the events")
    events.close()
    assert [action for action in seen if action in ("create", "start", "die", "destroy")] == [
        "create", "start", "die", "destroy"]


def test_what_the_daemon_says_of_itself(client):
    assert client.ping()
    assert client.info()["Swarm"]["LocalNodeState"] == "inactive"
    assert client.version()["ApiVersion"]
    if docker.utils.version_gte(client.api.api_version, "1.25"):
        assert client.df()["Images"]
