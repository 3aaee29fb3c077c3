"""docker-compose 1.29, as Debian has it, against our socket: a day's work with several services."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from engine import Engine, wait_for

pytestmark = pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")

COMPOSE = """
version: "2.4"
services:
  db:
    image: alpine
    command: ["sh", "-c", "echo kept >> /data/log; touch /tmp/ready; sleep 6000"]
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/ready"], interval: 300ms, timeout: 2s, retries: 20}
    networks: {back: {aliases: [database]}}
    stop_grace_period: 1s
  web:
    image: busybox
    command: ["httpd", "-f", "-h", "/www"]
    volumes: ["./www:/www:ro"]
    depends_on: {db: {condition: service_healthy}}
    networks: [back, front]
    ports: ["8080:80"]
    environment: {MODE: production}
    labels: {tier: front}
    stop_grace_period: 1s
  worker:
    image: alpine
    command: ["sh", "-c", "ping -c 1 -W 3 database && echo reached; sleep 6000"]
    depends_on: [db]
    networks: [back]
    stop_grace_period: 1s
networks:
  back: {internal: true}
  front: {}
volumes:
  data: {}
"""


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


class Project:
    def __init__(self, engine, directory, text=COMPOSE):
        self.engine = engine
        self.directory = directory
        (directory / "www").mkdir(exist_ok=True)
        (directory / "www/index.html").write_text("hello from compose\n")
        (directory / "docker-compose.yml").write_text(text)

    def __call__(self, *arguments, check=True, timeout=180):
        done = subprocess.run(["docker-compose", "-p", "shop", *arguments], cwd=self.directory, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              env={**os.environ, "DOCKER_HOST": self.engine.host, "COMPOSE_HTTP_TIMEOUT": "120"})
        if check:
            assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.engine.log_tail()}"
        return done


@pytest.fixture
def project(engine, tmp_path):
    made = Project(engine, tmp_path)
    yield made
    made("down", "-v", "--remove-orphans")
    assert engine.out("ps", "-aq") == "" and engine.out("volume", "ls", "-q") == ""
    assert "shop" not in engine.out("network", "ls", "--format", "{{.Name}}")


def fetch(engine, address):
    """What the server says, once it listens."""
    def get():
        return engine.in_netns("curl", "-s", "--max-time", "3", f"http://{address}/", capture_output=True, text=True,
                               check=False).stdout
    return wait_for(get, f"an answer from {address}")


def test_up_ps_logs_exec_scale_and_down(engine, project):
    project("up", "-d")
    assert fetch(engine, "127.0.0.1:8080") == "hello from compose\n"
    listed = project("ps").stdout
    assert "shop_web_1" in listed and "Up (healthy)" in listed and "0.0.0.0:8080->80/tcp" in listed
    wait_for(lambda: "reached" in project("logs", "worker").stdout, "the worker to find the database")
    assert project("exec", "-T", "web", "sh", "-c", "echo $MODE").stdout == "production\n"
    assert "httpd" in project("top", "web").stdout
    project("up", "-d", "--scale", "worker=3")
    assert project("ps", "-q", "worker").stdout.count("\n") == 3
    project("up", "-d", "--scale", "worker=1")
    assert project("ps", "-q", "worker").stdout.count("\n") == 1
    assert project("port", "web", "80").stdout.strip() == "0.0.0.0:8080"


def test_data_outlives_down_and_a_changed_service_is_made_anew(engine, project):
    project("up", "-d")
    before = project("ps", "-q", "web").stdout
    project("down")
    project("up", "-d")
    assert project("exec", "-T", "db", "cat", "/data/log").stdout == "kept\nkept\n"
    assert project("ps", "-q", "web").stdout != before
    file = project.directory / "docker-compose.yml"
    file.write_text(file.read_text().replace("production", "test"))
    assert "Recreating" in project("up", "-d").stderr
    assert project("exec", "-T", "web", "sh", "-c", "echo $MODE").stdout == "test\n"


def test_stop_start_restart_pause_and_kill(engine, project):
    project("up", "-d")
    project("stop", "web")
    assert "Exit" in project("ps", "web").stdout
    project("start", "web")
    project("restart", "-t", "1", "web")
    wait_for(lambda: fetch(engine, "127.0.0.1:8080") == "hello from compose\n", "the web server")
    project("pause", "worker")
    assert "Paused" in project("ps", "worker").stdout
    project("unpause", "worker")
    project("kill", "worker")
    assert "Exit 137" in project("ps", "worker").stdout


def test_run_makes_a_container_of_its_own(engine, project):
    assert project("run", "--rm", "-T", "worker", "echo", "once").stdout == "once\n"
    assert "No such service" in project("run", "--rm", "-T", "nobody", "true", check=False).stderr
    config = json.loads(json.dumps(project("config", "--services").stdout.split()))
    assert sorted(config) == ["db", "web", "worker"]


def test_a_service_that_never_gets_healthy_fails_the_up(engine, tmp_path):
    broken = Project(engine, tmp_path, COMPOSE.replace("/tmp/ready\"]", "/tmp/never\"]").replace("retries: 20", "retries: 2"))
    done = broken("up", "-d", check=False)
    assert done.returncode == 1 and "unhealthy" in done.stderr
    broken("down", "-v")


def test_the_events_of_a_project_are_told(engine, project):
    events = subprocess.Popen(["docker-compose", "-p", "shop", "events", "--json"], cwd=project.directory, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "DOCKER_HOST": engine.host})
    try:
        project("up", "-d", "db")
        seen = [json.loads(events.stdout.readline()) for _ in range(2)]
        assert [event["action"] for event in seen] == ["create", "start"]
        assert all(event["service"] == "db" for event in seen)
    finally:
        events.kill()
        events.wait()


def test_everything_of_the_host_is_as_it_was(engine):
    assert "shop" not in pathlib.Path("/proc/self/mountinfo").read_text()
