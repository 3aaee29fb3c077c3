"""Every example's script runs as it is."""

import os

import pytest

from engine import BIN, TOP, docker_client

SCRIPTS = sorted(path.parent.name for path in (TOP / "examples").glob("*/run.sh"))


def run_example(engine, name, **environment):
    # Inside the engine's network namespace, where the containers' addresses can be reached.
    return engine.in_netns(
        str(TOP / "examples" / name / "run.sh"), check=False, capture_output=True, text=True, timeout=180,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "CTR_HOST": engine.host,
             "DOCKER_HOST": engine.host, **environment})


@pytest.mark.parametrize("name", SCRIPTS)
def test_example_runs_to_its_end(engine, name):
    done = run_example(engine, name)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{engine.log_tail()}"


def test_the_labs_run_with_the_docker_client_too(engine):
    done = run_example(engine, "labs", CLI=docker_client())
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{engine.log_tail()}"
