"""Health checks: what they run, what they say, and who sees it."""

import json
import time

import pytest

from engine import Engine, wait_for


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


def health(engine, name):
    return engine.inspect(name)["State"].get("Health", {})


FAST = ["--health-interval", "200ms", "--health-timeout", "2s", "--health-retries", "2"]


def test_a_check_makes_a_container_healthy_and_then_unhealthy(engine):
    since = int(time.time())
    engine.ctr("run", "-d", "--name", "h1", *FAST, "--health-cmd", "test -e /tmp/well && echo fine", "alpine",
               "sh", "-c", "touch /tmp/well; sleep 600")
    wait_for(lambda: health(engine, "h1").get("Status") == "healthy", "healthy")
    assert "(healthy)" in engine.out("ps", "--format", "{{.Status}}", "-f", "name=h1")
    assert health(engine, "h1")["Log"][-1]["Output"] == "fine\n"
    assert health(engine, "h1")["Log"][-1]["ExitCode"] == 0
    assert engine.out("ps", "-q", "-f", "health=healthy") != ""
    engine.ctr("exec", "h1", "rm", "/tmp/well")
    wait_for(lambda: health(engine, "h1")["Status"] == "unhealthy", "unhealthy")
    assert health(engine, "h1")["FailingStreak"] >= 2
    assert len(health(engine, "h1")["Log"]) <= 5
    engine.ctr("rm", "-f", "h1")
    events = engine.out("events", "--since", since, "--until", int(time.time()) + 1, "--filter", "event=health_status",
                        "--format", "{{.Action}}")
    assert "health_status: healthy" in events and "health_status: unhealthy" in events


def test_failures_while_it_starts_do_not_count(engine):
    engine.ctr("run", "-d", "--name", "h2", *FAST, "--health-start-period", "1m", "--health-start-interval", "100ms",
               "--health-cmd", "test -e /tmp/well", "alpine", "sleep", "600")
    wait_for(lambda: len(health(engine, "h2")["Log"]) >= 3, "three checks")
    assert health(engine, "h2")["Status"] == "starting"
    assert "(health: starting)" in engine.out("ps", "--format", "{{.Status}}", "-f", "name=h2")
    engine.ctr("exec", "h2", "touch", "/tmp/well")
    wait_for(lambda: health(engine, "h2")["Status"] == "healthy", "healthy")
    engine.ctr("rm", "-f", "h2")


def test_a_check_that_takes_too_long_is_killed(engine):
    engine.ctr("run", "-d", "--name", "h3", "--health-interval", "200ms", "--health-timeout", "300ms", "--health-retries",
               "1", "--health-cmd", "echo begun; exec sleep 333", "alpine", "sleep", "600")
    wait_for(lambda: health(engine, "h3")["Status"] == "unhealthy", "unhealthy")
    entry = health(engine, "h3")["Log"][0]
    assert entry["ExitCode"] == -1 and "exceeded timeout (300ms)" in entry["Output"]
    wait_for(lambda: engine.out("top", "h3").count("sleep 333") <= 1, "the late checks to be gone")
    engine.ctr("rm", "-f", "h3")


def test_checks_go_on_after_a_restart_of_the_daemon(engine):
    engine.ctr("run", "-d", "--name", "h4", *FAST, "--health-cmd", "test -e /tmp/well", "alpine",
               "sh", "-c", "touch /tmp/well; sleep 600")
    wait_for(lambda: health(engine, "h4")["Status"] == "healthy", "healthy")
    engine.kill()
    engine.start()
    assert health(engine, "h4")["Status"] == "healthy"
    engine.ctr("exec", "h4", "rm", "/tmp/well")
    wait_for(lambda: health(engine, "h4")["Status"] == "unhealthy", "unhealthy")
    engine.ctr("rm", "-f", "h4")


def test_no_healthcheck_switches_off_the_images(engine):
    engine.ctr("run", "-d", "--name", "h5", "--no-healthcheck", "alpine", "sleep", "600")
    assert "Health" not in engine.inspect("h5")["State"]
    engine.ctr("rm", "-f", "h5")


@pytest.mark.parametrize("check, message", [
    ({"Test": ["CMD", "true"], "Interval": 1000}, "cannot be less than 1ms"),
    ({"Test": ["CMD", "true"], "Retries": -1}, "cannot be negative"),
    ({"Test": ["WHAT", "true"]}, "Unknown healthcheck type"),
])
def test_a_check_that_cannot_be_meant_is_refused(engine, check, message):
    status, answer = engine.api("POST", "/v1.41/containers/create", {"Image": "alpine", "Healthcheck": check})
    assert status == 400 and message in answer["message"]
