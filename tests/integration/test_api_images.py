"""Images over the API: what a pull says, where it falls back to, and what lists and inspects show."""

import json
import socket
import subprocess
import threading
import time

import pytest


@pytest.fixture(scope="module")
def engine():
    from engine import Engine
    with Engine(bridge=False) as running:
        yield running


def messages_of(engine, path):
    """(status, the messages) of a pull."""
    status, body = engine.api("POST", path)
    if isinstance(body, dict):
        return status, [body]
    return status, [json.loads(line) for line in body.splitlines()]


@pytest.fixture(scope="module")
def busybox(engine):
    status, messages = messages_of(engine, "/images/create?fromImage=busybox&tag=latest")
    assert status == 200 and "error" not in messages[-1], messages
    return messages


def test_an_installed_image_takes_the_place_of_an_unreachable_registry(engine, busybox):
    assert "installed with ctr" in busybox[0]["status"]
    assert "cannot reach 'registry-1.docker.io'" in busybox[0]["status"]
    assert busybox[-2]["status"].startswith("Digest: sha256:")
    assert busybox[-1]["status"] == "Status: Downloaded newer image for busybox:latest"
    _, again = messages_of(engine, "/images/create?fromImage=docker.io%2Flibrary%2Fbusybox")
    assert again[-1]["status"] == "Status: Image is up to date for busybox:latest"


def test_what_fails_before_the_first_message_is_a_status(engine):
    status, (error,) = messages_of(engine, "/images/create?fromImage=no/such&tag=1")
    assert status == 503 and "cannot reach" in error["message"]
    status, (error,) = messages_of(engine, "/images/create?fromImage=UPPER")
    assert status == 400 and error["message"].startswith("invalid reference format")
    assert messages_of(engine, "/images/create?fromImage=a&tag=b%20c")[0] == 400
    assert messages_of(engine, "/images/create?fromImage=a&platform=x/y/z/w")[0] == 400
    assert messages_of(engine, "/images/create?fromSrc=-")[0] == 400  # an empty archive
    assert messages_of(engine, "/images/create?fromSrc=ftp://x")[0] == 400
    assert messages_of(engine, "/images/create?fromSrc=http://127.0.0.1:1/x")[0] == 503
    assert messages_of(engine, "/images/create")[0] == 400


SILENT_REGISTRY = """
import socket
listener = socket.create_server(("127.0.0.1", 5999))
print("listening", flush=True)
connection = listener.accept()[0]
print("accepted", flush=True)
while connection.recv(4096):
    pass
print("closed", flush=True)
"""


def test_a_client_that_goes_away_ends_its_pull(engine):
    """A registry that accepts and never answers would hold the pull for ten seconds and more."""
    silent = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{engine.name}", "python3", "-c", SILENT_REGISTRY],
        stdout=subprocess.PIPE, text=True)
    try:
        assert silent.stdout.readline() == "listening\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(engine.socket))
            client.sendall(b"POST /images/create?fromImage=127.0.0.1:5999/x HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Length: 0\r\n\r\n")
            assert silent.stdout.readline() == "accepted\n"
            gone = time.monotonic()
        assert silent.stdout.readline() == "closed\n"
        assert time.monotonic() - gone < 3
    finally:
        silent.kill()
        silent.wait()


def test_lists_in_the_shapes_of_all_versions(engine, busybox):
    (image,) = engine.api("GET", "/images/json")[1]
    assert image["RepoTags"] == ["busybox:latest"]
    assert image["RepoDigests"][0].startswith("busybox@sha256:")
    assert image["Id"].startswith("sha256:") and image["Size"] > 100_000
    assert image["Containers"] == 0 and image["SharedSize"] == -1
    assert "VirtualSize" not in image and "Manifests" not in image
    (old,) = engine.api("GET", "/v1.42/images/json")[1]
    assert old["VirtualSize"] == image["Size"] and old["Containers"] == -1
    (full,) = engine.api("GET", "/images/json?manifests=1&shared-size=1")[1]
    assert full["SharedSize"] == 0
    (manifest,) = full["Manifests"]
    assert manifest["Available"] and manifest["Kind"] == "image"
    assert manifest["ImageData"]["Platform"]["os"] == "linux"
    assert manifest["Size"]["Content"] > 1000


def test_filters(engine, busybox):
    def count(filters):
        status, body = engine.api("GET", "/images/json?filters=" + filters)
        return len(body) if status == 200 else (status, body["message"])
    assert count('%7B"reference":%7B"busy*":true%7D%7D') == 1
    assert count('%7B"reference":["alpine"]%7D') == 0
    assert count('%7B"dangling":["true"]%7D') == 0
    assert count('%7B"dangling":["perhaps"]%7D') == (400, "invalid filter 'dangling=[perhaps]'")
    assert count('%7B"foo":["x"]%7D') == (400, "invalid filter 'foo'")
    assert count('%7B"before":["nosuch"]%7D')[0] == 404


def test_inspect_and_history(engine, busybox):
    status, image = engine.api("GET", "/images/docker.io/library/busybox:latest/json")
    assert status == 200
    assert image["Config"]["Cmd"] == ["sh"] and "Hostname" not in image["Config"]
    assert image["RootFS"]["Type"] == "layers" and len(image["RootFS"]["Layers"]) == 1
    old = engine.api("GET", "/v1.44/images/busybox/json")[1]
    assert old["Config"]["Hostname"] == "" and old["Container"] == ""
    assert engine.api("GET", f"/images/{image['Id'][7:19]}/json")[1]["Id"] == image["Id"]
    history = engine.api("GET", "/images/busybox/history")[1]
    assert history[0]["Id"] == image["Id"] and history[0]["Tags"] == ["busybox:latest"]
    assert sum(step["Size"] for step in history) == image["Size"]
    status, error = engine.api("GET", "/images/nosuch/json")
    assert (status, error["message"]) == (404, "No such image: nosuch:latest")


def test_tag_untag_and_events(engine, busybox):
    since = engine.api("GET", "/info")[1]["SystemTime"]
    assert engine.api("POST", "/images/busybox/tag?repo=team/box&tag=1")[0] == 201
    assert engine.api("POST", "/images/busybox/tag?repo=BAD")[0] == 400
    assert engine.api("POST", "/images/nosuch/tag?repo=x")[0] == 404
    status, removed = engine.api("DELETE", "/images/team/box:1")
    assert (status, removed) == (200, [{"Untagged": "team/box:1"}])
    until = engine.api("GET", "/info")[1]["SystemTime"]
    events = engine.api("GET", f"/events?since={since}&until={until}"
                               '&filters=%7B"type":["image"]%7D')[1]
    events = [json.loads(line) for line in events.splitlines()]
    assert [event["Action"] for event in events] == ["tag", "untag"]
    assert events[0]["Actor"]["Attributes"]["name"] == "team/box:1"
    assert events[0]["id"] == events[0]["Actor"]["ID"] and events[0]["status"] == "tag"


def test_disk_usage(engine, busybox):
    usage = engine.api("GET", "/system/df")[1]
    assert usage["LayersSize"] == usage["Images"][0]["Size"]
    assert set(engine.api("GET", "/system/df?type=volume")[1]) == {"BuilderSize", "Volumes"}
    assert engine.api("GET", "/system/df?type=foo")[0] == 400


def test_several_pulls_of_one_image_at_once(engine):
    results = []

    def pull():
        results.append(messages_of(engine, "/images/create?fromImage=hello-world")[1][-1]["status"])
    threads = [threading.Thread(target=pull) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(text.startswith("Status: ") for text in results), results


def test_prune_takes_what_nobody_uses(engine, busybox):
    _, pruned = engine.api("POST", "/images/prune")
    assert pruned == {"ImagesDeleted": None, "SpaceReclaimed": 0}
    _, pruned = engine.api("POST", '/images/prune?filters=%7B"dangling":["false"]%7D')
    assert {"Untagged": "busybox:latest"} in pruned["ImagesDeleted"]
    assert pruned["SpaceReclaimed"] > 100_000
    assert engine.api("GET", "/images/json")[1] == []
    assert not list((engine.data / "blobs/sha256").iterdir())
    assert not [entry for entry in (engine.data / "layers").iterdir() if len(entry.name) == 64]


def test_search_needs_a_reachable_hub(engine):
    status, error = engine.api("GET", "/images/search?term=alpine")
    assert status == 503 and "cannot reach 'index.docker.io'" in error["message"]
    assert engine.api("GET", "/images/search?term=")[0] == 400
    assert engine.api("GET", "/images/search?term=a&limit=1000")[0] == 400
