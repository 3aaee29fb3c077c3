"""The beginner labs of usage.md, line by line, with ctr and with Debian's docker client."""

import re
import time

import pytest

from engine import CTR, docker_client, wait_for


@pytest.fixture(params=["ctr", "docker"])
def cli(request, shared_engine):
    program = {"ctr": CTR, "docker": docker_client()}[request.param]

    def run(*arguments, **options):
        return shared_engine.command(program, *arguments, **options)
    run.engine = shared_engine
    run.program = program
    yield run
    shared_engine.remove_all()


def test_hello_world_prints_its_text_and_exits_with_0(cli):
    assert "Hello from ctr!" in cli("container", "run", "hello-world").stdout


def test_images_are_pulled_and_listed(cli):
    listing = cli("image", "ls").stdout
    assert re.search(r"^alpine\s+latest\s+[0-9a-f]{12}\s", listing, re.M), listing


def test_a_command_of_the_image_runs(cli):
    assert re.search(r"^drwxr-xr-x .* etc$", cli("container", "run", "alpine", "ls", "-l").stdout, re.M)


def test_echo_arrives_unchanged(cli):
    assert cli("container", "run", "alpine", "echo", "hello from alpine").stdout == "hello from alpine\n"


def test_a_shell_without_input_returns_at_once(cli):
    assert cli("container", "run", "alpine", "/bin/sh").stdout == ""


def test_ended_containers_are_listed_with_names_and_their_status(cli):
    cli("container", "run", "alpine", "true")
    assert len(cli("container", "ls").stdout.splitlines()) == 1
    listing = cli("container", "ls", "-a").stdout
    assert re.search(r"Exited \(0\) .* ago\s+[a-z]+_[a-z]+$", listing, re.M), listing


def test_a_container_keeps_its_files_and_another_does_not_have_them(cli):
    first = cli("container", "create", "-it", "alpine", "/bin/ash").stdout.strip()
    cli("container", "start", first[:6])
    wait_for(lambda: "Up" in cli("container", "ls").stdout, "the shell to stay up")
    cli("container", "exec", first[:6], "sh", "-c", "echo hello world > hello.txt")
    assert "hello.txt" not in cli("container", "run", "alpine", "ls").stdout
    assert "hello.txt" in cli("container", "exec", first[:6], "ls").stdout
    time.sleep(0.2)
    assert "Up" in cli("container", "ls").stdout


def test_a_layer_list_can_be_formatted(cli):
    out = cli("image", "inspect", "--format", "{{json .RootFS.Layers}}", "alpine").stdout
    assert re.fullmatch(r'\["sha256:[0-9a-f]{64}"\]\n', out)


def test_an_interactive_shell_talks_through_a_terminal(cli):
    script = f"{cli.program} container run -it --rm alpine /bin/sh"
    done = cli.engine.command("script", "-qec", script, "/dev/null", input="tty; echo $((6*7)); exit 3\n",
                              check=False)
    assert "/dev/pts/0" in done.stdout and "42" in done.stdout, done.stdout
    assert done.returncode == 3


def test_a_name_can_be_used_once(cli):
    cli("run", "--name", "only", "alpine", "true")
    again = cli("run", "--name", "only", "alpine", "true", check=False)
    assert again.returncode == 125
    assert "is already in use by container" in again.stderr


@pytest.mark.parametrize("command, code, words", [
    (["nosuchprogram"], 127, "executable file not found"),
    (["/etc/passwd"], 126, "permission denied"),
    (["/etc"], 126, "is a directory"),
    (["sh", "-c", "exit 7"], 7, ""),
    (["sh", "-c", "kill -TERM $$; sleep 5"], 143, ""),
])
def test_exit_codes_are_those_of_docker(cli, command, code, words):
    done = cli("run", "--rm", "--init" if code == 143 else "--rm", "alpine", *command, check=False)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
