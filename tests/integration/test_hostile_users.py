"""Attack class U: who a process is, and what is read in the image to find out."""

import os
import tarfile
import threading

import pytest

from engine import Engine
from hostile import entry, import_image


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


def test_u01_a_number_is_that_number_whatever_the_image_calls_by_it(engine, canary):
    """A user named "1000" who is root; CVE-2026-30892 of the same kind."""
    import_image(engine, "u01", entry("etc/passwd", content="root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n1:x:0:0::/:/bin/sh\n"))
    engine.ctr("run", "-d", "--name", "u01", "u01", "sleep", "600")
    for user in ("1000", "1", "1000:1000", "1:0"):
        assert engine.out("run", "--rm", "-u", user, "u01", "id", "-u") == user.split(":")[0], user
        assert engine.out("exec", "-u", user, "u01", "id", "-u") == user.split(":")[0], user
    engine.ctr("rm", "-f", "u01")


@pytest.mark.parametrize("user", ["4294967296", "2147483648", "-1", "0x0", "1e3", " 0", "1000:1000:extra", "nobodyhere",
                                  "root:nogroup", "18446744073709551616", "0\n", "1000:4294967296"])
def test_u02_odd_users_of_an_image_or_an_exec_are_nobody_s_and_never_root_s(engine, canary, user):
    engine.ctr("run", "-d", "--name", "u02", "busybox", "sleep", "600")
    done = engine.ctr("exec", f"--user={user}", "u02", "id", "-u", check=False)
    assert done.returncode != 0 and done.stdout == "", done
    status, answer = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["id", "-u"], "User": user})
    if status == 201:
        done = engine.ctr("start", "-a", answer["Id"], check=False)
        assert done.returncode != 0 and done.stdout == "", done
        engine.ctr("rm", answer["Id"])
    engine.ctr("rm", "-f", "u02")


def test_u04_a_name_that_is_missing_is_said_so(engine, canary):
    done = engine.ctr("run", "--rm", "-u", "nobodyhere", "busybox", "true", check=False)
    assert "unable to find user nobodyhere" in done.stderr


def test_u06_groups_are_those_of_the_image_and_those_that_were_added(engine, canary):
    groups = "".join(f"{name}:x:{number}:{members}\n" for name, number, members in (
        ("root", 0, ""), ("staff", 50, "worker"), ("other", 51, "nobody"), ("more", 52, "x,worker,y")))
    import_image(engine, "u06", entry("etc/passwd", content="root:x:0:0::/:\nworker:x:700:701::/home:\n"),
                 entry("etc/group", content=groups))
    assert sorted(engine.out("run", "--rm", "-u", "worker", "--group-add", "51", "u06", "id", "-G").split()) == \
        ["50", "51", "52", "701"]
    # A file that its group may not read stays closed to who has the group besides others: it cannot be given up.
    out = engine.ctr("run", "--rm", "-u", "worker", "u06", "sh", "-c", "id -G; cat /closed", check=False).stdout
    assert "701" in out.split()


@pytest.mark.parametrize("label", ["a\nb", "tab\there", "\u2028", '"quoted"\\'])
def test_u07_labels_come_back_as_they_were(engine, canary, label):
    _, made = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "Labels": {"odd": label}})
    assert engine.inspect(made["Id"])["Config"]["Labels"]["odd"] == label
    engine.ctr("rm", made["Id"])


def test_u07_an_image_s_variables_change_no_file(engine, canary):
    import_image(engine, "u07", changes=["ENV HOME=/evil\\n6.6.6.6\\tevil"])
    out = engine.out("run", "--rm", "u07", "cat", "/etc/hosts", "/etc/passwd", "/etc/hostname", "/etc/resolv.conf")
    assert "6.6.6.6" not in out


def test_u08_the_daemon_s_environment_stays_the_daemon_s(canary):
    os.environ["CTRD_SECRET"] = canary.token
    try:
        with Engine() as engine:
            engine.load_alpine()
            del os.environ["CTRD_SECRET"]
            for variables in (["FOO", "P*"], ["CTRD_SECRET"], ["A=1"], ["*"]):
                status, made = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["env"], "Env": variables})
                if status == 201:
                    canary.check_output(engine.ctr("start", "-a", made["Id"]).stdout)
                    engine.ctr("rm", made["Id"])
            for variables in (["=x"], ["A=1\x00B=2"], [""]):
                status, made = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["env"], "Env": variables})
                if status == 201:
                    out = engine.ctr("start", "-a", made["Id"]).stdout
                    assert "B=2" not in out.splitlines() and "=x" not in out.splitlines(), (variables, out)
                    engine.ctr("rm", made["Id"])
            engine.ctr("run", "-d", "--name", "u08", "busybox", "sleep", "600")
            canary.check_output(engine.out("exec", "u08", "env"))
    finally:
        os.environ.pop("CTRD_SECRET", None)


def passwd(kind, canary):
    if kind == "fifo":
        return entry("etc/passwd", kind=tarfile.FIFOTYPE)
    if kind == "directory":
        return entry("etc/passwd/")
    return entry("etc/passwd", {"host": str(canary.path / "secret"), "loop": "passwd", "up": "../../../../etc/shadow",
                                "proc": "/proc/self/environ", "zero": "/dev/zero"}[kind])


@pytest.mark.parametrize("kind", ["fifo", "directory", "host", "loop", "up", "proc", "zero"])
def test_u09_a_passwd_that_is_no_file_holds_up_nobody_and_leads_nowhere(engine, canary, kind):
    import_image(engine, "u09", passwd(kind, canary), without=["etc/passwd"])
    done = engine.ctr("run", "--rm", "-u", "root", "u09", "true", check=False, timeout=30)
    assert done.returncode != 0 and ("unable to find user root" in done.stderr or "symbolic links" in done.stderr), done
    canary.check_output(done.stderr)
    # Not id(1), which would read it.
    done = engine.ctr("run", "--rm", "-u", "1000", "u09", "grep", "^Uid:", "/proc/self/status", check=False, timeout=30)
    assert done.stdout.split()[1:] == ["1000"] * 4 or kind == "loop", done


def test_u09_a_passwd_of_holes_is_read_up_to_a_limit(oci):
    """A gigabyte of nothing: refused, and none of it is held."""
    path = oci.rootfs / "etc/passwd"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    oci.write("/bin/true")
    done = oci.run(check=False, timeout=60)
    assert done.returncode != 0 and "larger than the limit" in done.stderr, done


def test_u10_containers_of_one_image_do_not_see_each_other_s_variables(engine, canary):
    """CVE-2021-21334: many at once, each with its own."""
    wrong = []

    def run(number):
        out = engine.ctr("run", "--rm", "--network", "none", "-e", f"OWN{number}=v{number}", "busybox", "env", check=False).stdout
        own = [line for line in out.splitlines() if line.startswith("OWN")]
        if own != [f"OWN{number}=v{number}"]:
            wrong.append((number, own))
    threads = [threading.Thread(target=lambda base=base: [run(base * 10 + i) for i in range(6)]) for base in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong


def test_u10_nothing_of_one_process_s_environment_is_left_for_the_next(engine, canary):
    engine.ctr("run", "-d", "--name", "u10", "busybox", "sleep", "600")
    engine.ctr("exec", "-e", "ONLY=once", "u10", "true")
    assert "ONLY" not in engine.out("exec", "u10", "env")
    engine.ctr("rm", "-f", "u10")
