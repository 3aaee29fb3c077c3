"""Pushing to a real registry, with and without a password, by both clients."""

import base64
import json
import os

import pytest

from engine import Engine
from registry import Registry


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module")
def registry(engine):
    with Registry(engine) as running:
        yield running


@pytest.fixture(scope="module")
def closed(engine):
    with Registry(engine, port=5001, user=("alice", "secret word")) as running:
        yield running


@pytest.fixture(params=["docker", "ctr"])
def client(engine, request):
    return engine.docker if request.param == "docker" else engine.ctr


def manifest(registry, repository, tag):
    answer = registry.get(f"/v2/{repository}/manifests/{tag}", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                          "-H", "Accept: application/vnd.docker.distribution.manifest.v2+json")
    return json.loads(answer.stdout)


def test_what_is_pushed_is_pulled_again(engine, registry, client, request):
    name = f"{registry.address}/team/{request.node.callspec.params['client']}:1"
    engine.ctr("tag", "alpine", name)
    identity = engine.out("inspect", "-f", "{{.Id}}", "alpine")
    done = client("push", name)
    assert "Pushed" in done.stdout and "digest: sha256:" in done.stdout
    engine.ctr("rmi", name)
    engine.ctr("pull", name)
    assert engine.out("inspect", "-f", "{{.Id}}", name) == identity
    assert "Layer already exists" in client("push", name).stdout
    engine.ctr("rmi", name)


def test_a_committed_image_is_pushed_and_its_layers_are_mounted_from_where_they_are(engine, registry):
    base, made = f"{registry.address}/one/base:1", f"{registry.address}/two/made:1"
    engine.ctr("tag", "alpine", base)
    engine.ctr("push", base)
    engine.ctr("tag", base, f"{registry.address}/three/copy:1")
    assert "Mounted from" in engine.ctr("push", f"{registry.address}/three/copy:1").stdout
    engine.ctr("run", "--name", "maker", base, "sh", "-c", "echo made > /made")
    engine.ctr("commit", "maker", made)
    assert "Pushed" in engine.ctr("push", made).stdout
    assert len(manifest(registry, "two/made", "1")["layers"]) == len(manifest(registry, "one/base", "1")["layers"]) + 1
    engine.ctr("rm", "maker")
    engine.ctr("rmi", made)
    assert engine.out("run", "--rm", made, "cat", "/made") == "made"


def test_all_tags_of_a_repository_are_pushed(engine, registry):
    for tag in ("a", "b"):
        engine.ctr("tag", "alpine", f"{registry.address}/many:{tag}")
    engine.docker("push", "--all-tags", f"{registry.address}/many")
    assert manifest(registry, "many", "a") == manifest(registry, "many", "b")


def test_a_registry_with_a_password_takes_it_from_login(engine, closed, client, request):
    name = f"{closed.address}/private/{request.node.callspec.params['client']}:1"
    engine.ctr("tag", "alpine", name)
    refused = client("push", name, check=False)
    assert refused.returncode == 1 and "denied" in refused.stdout + refused.stderr
    wrong = client("login", "-u", "alice", "--password-stdin", closed.address, input="wrong", check=False)
    assert wrong.returncode == 1 and "unauthorized" in wrong.stdout + wrong.stderr
    right = client("login", "-u", "alice", "--password-stdin", closed.address, input="secret word\n")
    assert "Login Succeeded" in right.stdout
    config = json.loads((engine.base / "docker-config/config.json").read_text())
    assert base64.b64decode(config["auths"][closed.address]["auth"]) == b"alice:secret word"
    assert os.stat(engine.base / "docker-config/config.json").st_mode & 0o777 == 0o600
    assert "Pushed" in client("push", name).stdout or "already exists" in client("push", name).stdout
    engine.ctr("rmi", name)
    client("pull", name)
    client("logout", closed.address)
    assert closed.address not in json.loads((engine.base / "docker-config/config.json").read_text()).get("auths", {})
    assert client("pull", name, check=False).returncode == 1
    engine.ctr("rmi", name)


def test_a_credential_helper_keeps_the_password(engine, closed):
    helper = engine.base / "docker-credential-test"
    kept = engine.base / "kept"
    helper.write_text(f"""#!/bin/sh
case $1 in
  store) cat > {kept} ;;
  get) test -e {kept} && cat {kept} || {{ echo credentials not found in native keychain; exit 1; }} ;;
  erase) rm {kept} ;;
esac
""")
    helper.chmod(0o755)
    (engine.base / "docker-config").mkdir(exist_ok=True)
    (engine.base / "docker-config/config.json").write_text('{"credsStore": "test"}')
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{engine.base}:{path}"
    try:
        name = f"{closed.address}/helped:1"
        engine.ctr("tag", "alpine", name)
        assert engine.ctr("push", name, check=False).returncode == 1
        engine.ctr("login", "-u", "alice", "--password-stdin", closed.address, input="secret word")
        assert json.loads(kept.read_text())["Secret"] == "secret word"
        assert "secret" not in (engine.base / "docker-config/config.json").read_text()
        engine.ctr("push", name)
        engine.ctr("logout", closed.address)
        assert not kept.exists()
    finally:
        os.environ["PATH"] = path
        (engine.base / "docker-config/config.json").unlink()


def test_what_cannot_be_pushed_says_why(engine, registry):
    assert "does not exist locally" in engine.ctr("push", f"{registry.address}/nothing:1", check=False).stderr
    engine.ctr("tag", "alpine", "127.0.0.1:5999/nobody:1")
    done = engine.ctr("push", "127.0.0.1:5999/nobody:1", check=False)
    assert done.returncode == 1 and "cannot reach" in done.stderr
    assert "digest reference" in engine.ctr("push", "alpine@sha256:" + "0" * 64, check=False).stderr
    engine.ctr("rmi", "127.0.0.1:5999/nobody:1")
