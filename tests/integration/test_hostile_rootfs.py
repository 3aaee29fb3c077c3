"""Attack class R: root file systems and volumes that lead a start somewhere else.

Through both front ends: `ctr run` with images, ctr-runtime with bundles, whose root others may be changing.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

from canary import HostCanary, describe_tree

from hostile import ITERATIONS, Companion, allowed_failures, entry, import_image, racer

STANDARD = ["etc", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "tmp", "run", "var", "bin", "sbin",
            "usr", "root"]
BUSYBOX = ["-v", "/bin/busybox:/busybox:ro"]


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


@pytest.fixture
def bare():
    """A canary without a daemon."""
    with HostCanary() as watching:
        yield watching


def replace(path, target):
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def bind(source, destination, *options):
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", *options]}


def without_mount(config, *destinations):
    config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] not in destinations]


def clean(done):
    """It worked, or said why it did not."""
    return done.returncode == 0 or (done.stderr.strip() and "internal error" not in done.stderr)


# --- R01: links in the place of standard paths ---

@pytest.mark.parametrize("form", ["absolute", "relative"])
@pytest.mark.parametrize("name", STANDARD)
def test_r01_a_standard_path_that_is_a_link_to_the_host_leads_nowhere(oci, bare, name, form):
    target = str(bare.path) if form == "absolute" else "../" * 12 + str(bare.path)[1:]
    replace(oci.rootfs / name, target)
    hosts = oci.base / "hosts"
    hosts.write_text("127.0.0.1 here\n")
    oci.config["mounts"] += [bind(hosts, "/etc/hosts"), bind(hosts, "/etc/resolv.conf"), bind("/bin/busybox", "/busybox")]
    oci.config["mounts"].append({"destination": "/tmp/fresh", "type": "tmpfs", "source": "tmpfs"})
    oci.write("/busybox", "sh", "-c", "/busybox cat /etc/hosts; /busybox echo made > /tmp/fresh/x; /busybox echo written > /run/x; true")
    done = oci.run(check=False)
    assert clean(done), done
    bare.check_output(done.stdout)
    assert done.returncode != 0 or "127.0.0.1 here" in done.stdout, done


@pytest.mark.parametrize("form", ["absolute", "relative"])
def test_r01_so_it_is_with_an_image_in_which_they_all_are(engine, canary, form):
    target = str(canary.path) if form == "absolute" else "../" * 12 + str(canary.path)[1:]
    for tag, names in (("dirs", ["etc", "tmp", "run", "var", "usr", "root"]),
                       ("files", ["etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"])):
        import_image(engine, f"r01:{tag}", *[entry(name, target) for name in names])
        done = engine.ctr("run", "--rm", *BUSYBOX, "-v", "/tmp/r01", "r01:" + tag, "/busybox", "sh", "-c",
                          "/busybox cat /etc/hosts; /busybox echo made > /tmp/r01/x", check=False)
        assert done.returncode == 0 and "localhost" in done.stdout, done
        canary.check_output(done.stdout)


def test_r01_a_chain_that_leads_nowhere_yet_is_made_inside(engine, canary):
    """R05, runc's own test: /etc/hosts → /jump/baz/hosts, /jump → /tmp/foo."""
    import_image(engine, "r05:chain", entry("etc/hosts", "/jump/baz/hosts"), entry("jump", "/tmp/foo"))
    out = engine.out("run", "--rm", "r05:chain", "sh", "-c", "cat /tmp/foo/baz/hosts; readlink -f /etc/hosts")
    assert "localhost" in out and out.endswith("/tmp/foo/baz/hosts")


# --- R02, R03: /dev, /proc and /sys ---

def test_r02_a_link_at_dev_does_not_lead_to_the_host(engine, canary):
    import_image(engine, "r02", entry("dev", str(canary.path)))
    done = engine.ctr("run", "--rm", "r02", "sh", "-c", "ls -l /dev/; test -c /dev/null && echo null", check=False)
    assert clean(done), done
    canary.check_output(done.stdout)


@pytest.mark.parametrize("mounted", [True, False])
def test_r02_nor_does_one_in_a_bundle(oci, bare, mounted):
    replace(oci.rootfs / "dev", str(bare.path))
    if not mounted:
        without_mount(oci.config, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    oci.write("/bin/sh", "-c", "ls -l /dev/; test -f /dev/ptmx && cat /dev/ptmx; true")
    done = oci.run(check=False)
    assert done.returncode == 0 or done.stderr.strip()
    bare.check_output(done.stdout)


@pytest.mark.parametrize("name,what", [("proc", "link"), ("sys", "link"), ("proc", "file"), ("proc", "up")])
def test_r03_the_kernel_s_file_systems_are_mounted_on_ordinary_directories(oci, bare, name, what):
    targets = {"link": f"/bad-{name}", "up": "../" * 9 + "proc", "file": None}
    replace(oci.rootfs / name, targets[what] or "x")
    (oci.rootfs / f"bad-{name}").mkdir(exist_ok=True)
    if what == "file":
        (oci.rootfs / name).unlink()
        (oci.rootfs / name).write_text("")
    oci.write("/bin/sh", "-c", "mount")
    done = oci.run(check=False)
    assert done.returncode != 0 and "must be mounted on ordinary directory" in done.stderr


def test_r03_so_it_is_with_an_image(engine, canary):
    for tag, name in (("p", "proc"), ("s", "sys")):
        import_image(engine, f"r03:{tag}", entry(name, f"/bad-{name}"), entry(f"bad-{name}/"))
        done = engine.ctr("run", "--rm", f"r03:{tag}", "true", check=False)
        assert done.returncode == 125 and "must be mounted on ordinary directory" in done.stderr


def test_r03_files_that_an_image_has_in_proc_are_not_believed(oci, bare):
    for name in ("self", "1", "thread-self"):
        (oci.rootfs / "proc" / name).mkdir(parents=True)
        (oci.rootfs / "proc" / name / "status").write_text("CapEff:\tffffffffffffffff\nSeccomp:\t0\n")
    oci.write("/bin/sh", "-c", "grep CapEff /proc/self/status")
    assert "ffffffffffffffff" not in oci.run().stdout


# --- R04: working directories ---

def test_r04_a_working_directory_behind_a_link_is_made_inside(engine, canary):
    """CVE-2026-55686"""
    links = [entry("link", str(canary.path)), entry("up", "../" * 9 + str(canary.path)[1:])]
    import_image(engine, "r04", *links, changes=["WORKDIR /link/new/dir"])
    for flags in ([], ["-w", "/up/new/dir"], ["-w", "/link/../link/other"]):
        done = engine.ctr("run", "--rm", *flags, "r04", "pwd", check=False)
        assert clean(done), done
    engine.ctr("run", "-d", "--name", "r04", "r04", "sleep", "600")
    engine.ctr("exec", "-w", "/up/x/y", "r04", "pwd", check=False)
    engine.ctr("rm", "-f", "r04")


# --- R05, R06: volumes ---

def test_r05_volumes_land_inside_whatever_the_image_has_on_the_way(engine, canary, tmp_path):
    (tmp_path / "file").write_text("bound\n")
    import_image(engine, "r05:way", entry("a", "/"), entry("b", "../../../.."), entry("c", str(canary.path)),
                 entry("d/"), entry("d/e", "../../../../" + str(canary.path)[1:]), changes=["VOLUME /a/v1"])
    out = engine.out("run", "--rm", "-v", "r05vol:/a/b/deep", "-v", f"{tmp_path}/file:/c/sub/bound",
                     "-v", f"{tmp_path}/file:/d/e/other", "--tmpfs", "/d/e/t", "r05:way", "sh", "-c",
                     "cat /c/sub/bound /d/e/other; echo x > /a/b/deep/y; grep -c r05vol /proc/self/mountinfo; ls /")
    assert out.splitlines()[:2] == ["bound", "bound"]
    engine.ctr("volume", "rm", "r05vol")


def subpath(volume, part, target="/part"):
    return ["--mount", f"type=volume,src={volume},dst={target},volume-subpath={part}"]


def test_r06_a_part_of_a_volume_is_found_inside_of_it(engine, canary):
    links = {"data": str(canary.path), "up": "../../../../../.." + str(canary.path), "top": "/", "proc": "/proc/self/root",
             "good": "real"}
    engine.ctr("run", "--rm", "-v", "r06:/v", "busybox", "sh", "-c",
               "mkdir /v/real; echo inside > /v/real/mark; " + "; ".join(f"ln -s {to} /v/{name}" for name, to in links.items()))
    for part in ["data", "up", "proc", "data/sub", "top/etc", "../..", "real/../../.."]:
        done = engine.ctr("run", "--rm", *subpath("r06", part), "busybox", "sh", "-c", "ls -a /part; cat /part/*",
                          check=False)
        assert clean(done), done
        canary.check_output(done.stdout)
        assert "etc" not in done.stdout.split(), done.stdout
    assert engine.out("run", "--rm", *subpath("r06", "good"), "busybox", "cat", "/part/mark") == "inside"
    engine.ctr("volume", "rm", "r06")


def test_r06_also_when_it_is_changed_between_create_and_start(engine, canary):
    """CVE-2021-30465's way: what was a directory when it was looked at is a link when it is mounted."""
    engine.ctr("run", "--rm", "-v", "r06b:/v", "busybox", "sh", "-c", "mkdir /v/data; echo inside > /v/data/mark")
    engine.ctr("create", "--name", "late", *subpath("r06b", "data"), "busybox", "sh", "-c", "cat /part/*")
    engine.ctr("run", "--rm", "-v", "r06b:/v", "busybox", "sh", "-c", f"mv /v/data /v/old; ln -s {canary.path} /v/data")
    done = engine.ctr("start", "-a", "late", check=False)
    assert done.returncode != 0
    canary.check_output(done.stdout)
    # Nor may those reach it that look at a stopped container.
    copied = engine.ctr("cp", "late:/part/readable", "-", check=False, text=False)
    assert canary.token.encode() not in copied.stdout
    engine.ctr("rm", "late")
    engine.ctr("volume", "rm", "r06b")


def test_r06_and_while_it_is_being_exchanged(engine, canary):
    engine.ctr("run", "--rm", "-v", "r06c:/v", "busybox", "sh", "-c",
               f"mkdir /v/data; echo inside > /v/data/readable; ln -s {canary.path} /v/link")
    spy = Companion(engine, "r06racer", "-v", "r06c:/v", mode=["exchange", "/v/data", "/v/link"])
    outcomes = {"inside": 0, "error": 0}
    for _ in range(ITERATIONS):
        done = engine.ctr("run", "--rm", "--network", "none", *subpath("r06c", "data"), "busybox", "cat", "/part/readable",
                          check=False)
        canary.check_output(done.stdout)
        assert clean(done), done
        outcomes["inside" if done.stdout == "inside\n" else "error"] += 1
    raced = spy.finish()
    assert raced["done"] > 0 and outcomes["inside"] > 0, (raced, outcomes)
    engine.ctr("volume", "rm", "r06c")


# --- R07: the kernel's own files ---

@pytest.mark.parametrize("path", ["/proc", "/proc/self", "/proc/self/attr", "/proc/sys", "/sys", "/sys/fs/cgroup"])
def test_r07_no_volume_of_an_image_takes_the_place_of_the_kernel_s_files(engine, canary, path):
    import_image(engine, "r07", changes=[f"VOLUME {path}"])
    done = engine.ctr("run", "--rm", "r07", "true", check=False)
    assert done.returncode == 125, done


@pytest.mark.parametrize("path", ["/proc", "/proc/sys", "/proc/self/exe", "/proc/self/attr", "/proc/1", "/sys",
                                  "/proc/../proc", "/proc/sysrq-trigger"])
def test_r07_nor_does_anything_of_the_user_s(engine, canary, tmp_path, path):
    (tmp_path / "file").write_text("")
    for flags in (["-v", f"{tmp_path}:{path}"], ["--tmpfs", path], ["-v", f"r07:{path}"],
                  ["-v", f"{tmp_path}/file:{path}"]):
        done = engine.ctr("run", "--rm", *flags, "busybox", "true", check=False)
        assert done.returncode in (125, 126, 127), (flags, done)
    engine.ctr("volume", "rm", "r07", check=False)


def test_r07_what_lxcfs_makes_and_the_real_things_are_allowed(engine, canary, tmp_path):
    (tmp_path / "uptime").write_text("42.00 42.00\n")
    assert engine.out("run", "--rm", "-v", f"{tmp_path}/uptime:/proc/uptime", "busybox", "cat", "/proc/uptime") == "42.00 42.00"
    engine.ctr("run", "--rm", "-v", "/sys:/sys:ro", "busybox", "test", "-d", "/sys/kernel")
    engine.ctr("run", "--rm", "--pid", "host", "-v", "/proc:/proc", "busybox", "test", "-d", "/proc/1")


@pytest.mark.parametrize("where", ["/proc", "/proc/self/attr", "/proc/sys", "/sys"])
def test_r07_nor_in_a_bundle_in_whatever_order(oci, bare, where):
    """Before or in the place of the mount of the kernel's own: then there is no procfs yet to know it by."""
    false = oci.base / "false"
    false.mkdir()
    original = [dict(mount) for mount in oci.config["mounts"]]
    for mount in (bind(false, where), {"destination": where, "type": "tmpfs", "source": "tmpfs"}):
        for mounts in ([mount, *original], [*original, mount], [m for m in original if m["destination"] != where] + [mount]):
            oci.config["mounts"] = mounts
            oci.write("/bin/true")
            done = oci.run(check=False)
            assert done.returncode != 0 and "cannot be mounted because it is" in done.stderr, done


# --- R08, R09: races for the target of a mount ---

def race_setup(canary_path, top):
    """top/dir and top/link → the target: the racer's two names."""
    (top / "dir").mkdir(parents=True)
    (top / "link").symlink_to(canary_path)


@pytest.mark.parametrize("target", ["canary", "/", "/proc"])
def test_r08_mounts_inside_a_volume_that_is_being_exchanged_stay_inside(oci, bare, target):
    """CVE-2021-30465, CVE-2023-28642: the target of a nested mount is a directory and a link in turns."""
    shared = oci.base / "shared"
    race_setup(bare.path if target == "canary" else target, shared)
    inner = oci.base / "inner"
    inner.mkdir()
    (inner / "mine").write_text("")
    oci.config["mounts"] += [bind(shared, "/mnt"), bind(inner, "/mnt/dir/sub/deep")]
    oci.write("/bin/sh", "-c", "ls -a /mnt/dir/ /mnt/link/ / 2>/dev/null; cat /mnt/dir/readable; true")
    failures, before = 0, describe_tree(oci.rootfs / "etc")
    with racer(shared / "dir", shared / "link"):
        for _ in range(ITERATIONS):
            done = oci.run(check=False)
            bare.check_output(done.stdout + done.stderr)
            failures += done.returncode != 0
            assert clean(done), done
    assert describe_tree(oci.rootfs / "etc") == before
    # A link to /proc is refused, and must be.
    assert target == "/proc" or failures <= allowed_failures(ITERATIONS), (failures, done.stderr)


def test_r08_so_it_is_between_two_containers_of_the_engine(engine, canary):
    engine.ctr("run", "--rm", "-v", "r08:/v", "busybox", "sh", "-c", "mkdir /v/a /v/a/b; ln -s / /v/link")
    spy = Companion(engine, "r08racer", "-v", "r08:/v", mode=["exchange", "/v/a", "/v/link"])
    failures = 0
    for _ in range(ITERATIONS):
        done = engine.ctr("run", "--rm", "--network", "none", "-v", "r08:/mnt", "-v", "r08b:/mnt/a/b", "busybox", "sh", "-c",
                          f"ls -d {canary.path} && echo host", check=False)
        assert "host" not in done.stdout, done
        canary.check_output(done.stdout)
        failures += done.returncode not in (0, 1, 2)
        assert clean(done), done
    raced = spy.finish()
    assert raced["done"] > 0 and failures <= allowed_failures(ITERATIONS), (raced, failures, done.stderr)
    engine.ctr("volume", "rm", "r08", "r08b")


def test_r09_a_root_that_is_being_exchanged_never_gives_a_container_without_its_masks(oci, bare):
    """CVE-2025-52881's kin: /proc of a root that others can write is away just when the masks are put on."""
    decoy = oci.rootfs / "decoy"
    (decoy / "self").mkdir(parents=True)
    oci.config["linux"]["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/sys/firmware"]
    oci.config["linux"]["readonlyPaths"] = ["/proc/sys", "/proc/bus", "/sys/kernel/profiling"]
    oci.config["process"]["oomScoreAdj"] = 321
    oci.config["linux"]["sysctl"] = {"kernel.shmmax": "12345678"}
    # The mounts as the process has them, whatever lies at /proc at the moment.
    oci.write("/bin/sleep", "600")
    started = 0
    with racer(oci.rootfs / "proc", decoy):
        for turn in range(ITERATIONS):
            try:
                if oci.call("run", "--detach", "--bundle", oci.bundle, "c", check=False, capture_output=False,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                    continue
                started += 1
                pid = oci.state()["pid"]
                assert_protected(pid)
            finally:
                oci.call("delete", "--force", "c", check=False)
    assert ITERATIONS - started <= allowed_failures(ITERATIONS), started


def assert_protected(pid):
    process = pathlib.Path("/proc", str(pid))
    fields = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert int(fields["CapEff"], 16) & (1 << 21) == 0
    assert (process / "oom_score_adj").read_text().strip() == "321"
    points = {}
    for line in (process / "mountinfo").read_text().splitlines():
        words = line.split()
        points.setdefault(words[words.index("-") + 1], []).append((words[3], words[4], words[5].split(",")))
    # Wherever it is visible at the moment: by what is mounted, not by where.
    procfs = {root: options for root, _, options in points.get("proc", [])}
    assert "ro" in procfs.get("/sys", []), points.get("proc")
    masked = [point for point in points.get("tmpfs", []) if point[0] == "/null" or point[1].endswith(
        ("/kcore", "/keys", "/timer_list", "/sysrq-trigger"))]
    assert len(masked) >= sum(os.path.exists(f"/proc/{name}") for name in ("kcore", "keys", "timer_list", "sysrq-trigger"))


# --- R10: masks ---

@pytest.mark.parametrize("what", ["link", "file", "missing", "other"])
def test_r10_a_dev_null_that_is_none_masks_nothing_and_starts_nothing(oci, bare, what):
    """In a /dev of the bundle's own, bound so that nothing is made in it."""
    dev = oci.base / "dev"
    dev.mkdir()
    null = dev / "null"
    if what == "link":
        null.symlink_to("/proc/sys/kernel/core_pattern")
    elif what == "file":
        null.write_text("gift")
    elif what == "other":
        os.mknod(null, 0o020666, os.makedev(1, 5))
    without_mount(oci.config, "/dev/pts", "/dev/shm", "/dev/mqueue")
    oci.config["mounts"] = [bind(dev, "/dev") if mount["destination"] == "/dev" else mount for mount in oci.config["mounts"]]
    oci.write("/bin/sh", "-c", "cat /proc/kcore | head -c 4")
    done = oci.run(check=False)
    assert done.returncode != 0 and "null" in done.stderr, done


def test_r10_a_dev_null_of_the_root_s_own_is_made_again(oci, bare):
    without_mount(oci.config, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    replace(oci.rootfs / "dev/null", "/proc/sys/kernel/core_pattern")
    oci.write("/bin/sh", "-c", "stat -c %t:%T /dev/null; cat /proc/keys /proc/timer_list; echo x > /proc/sys/kernel/core_pattern")
    done = oci.run(check=False)
    assert done.stdout == "1:3\n" and "Read-only" in done.stderr, done


def test_r10_a_racer_who_takes_dev_null_away_gets_no_container_without_masks(oci, bare):
    dev = oci.base / "dev"
    dev.mkdir()
    os.mknod(dev / "null", 0o020666, os.makedev(1, 3))
    (dev / "none").symlink_to("/proc/sys/kernel/core_pattern")
    without_mount(oci.config, "/dev/pts", "/dev/shm", "/dev/mqueue")
    oci.config["mounts"] = [bind(dev, "/dev") if mount["destination"] == "/dev" else mount for mount in oci.config["mounts"]]
    oci.write("/bin/sh", "-c", "cat /proc/timer_list /proc/keys | wc -c; (echo x > /proc/sys/kernel/core_pattern) 2>/dev/null && echo written; true")
    with racer(dev / "null", dev / "none"):
        for _ in range(ITERATIONS):
            done = oci.run(check=False)
            assert done.stdout in ("0\n", ""), done
            assert clean(done), done


# --- R11 to R13: terminals and standard streams ---

@pytest.mark.parametrize("name", ["pts/0", "pts/ptmx", "ptmx", "console", "pts"])
def test_r11_a_terminal_is_one_whatever_an_image_has_in_dev(engine, canary, name):
    import_image(engine, "r11", entry("dev/"), entry(f"dev/{name}", "/proc/sys/kernel/core_pattern"))
    done = subprocess.run(["script", "-qec", f"{engine_command(engine)} run --rm -t r11 sh -c 'tty; stat -c %t:%T /dev/console'",
                           "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "/dev/pts/0" in done.stdout and "88:0" in done.stdout, done.stdout


def engine_command(engine):
    from engine import CTR
    return f"{CTR} -H {engine.host}"


def test_r12_a_console_that_is_a_link_makes_no_file_on_the_host(oci, bare):
    without_mount(oci.config, "/dev", "/dev/shm", "/dev/mqueue")
    replace(oci.rootfs / "dev/console", str(bare.path / "newfile"))
    oci.config["process"]["terminal"] = True
    oci.write("/bin/sh", "-c", "stat -c %t:%T /dev/console")
    done = subprocess.run(["script", "-qec", f"{oci.program} --root {oci.root} run --bundle {oci.bundle} c", "/dev/null"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "88:" in done.stdout or "console" in done.stdout, done.stdout


def test_r13_standard_streams_stay_what_they_are_and_keep_their_owner(oci, bare, tmp_path):
    """A /dev/null of the image's that is a file of the host's: its owner is none of the container's."""
    file = tmp_path / "output"
    file.write_text("")
    oci.config["process"]["user"] = {"uid": 33, "gid": 33}
    oci.config["mounts"].append(bind(file, "/bound"))
    without_mount(oci.config, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    replace(oci.rootfs / "dev/null", "/bound")
    oci.write("/bin/sh", "-c", "readlink /proc/self/fd/0; readlink /proc/self/fd/1; stat -L -c %u /proc/self/fd/1")
    left, right = socket.socketpair()
    with open(file, "ab") as out:
        subprocess.run([oci.program, "--root", str(oci.root), "run", "--bundle", str(oci.bundle), "c"], stdin=left,
                       stdout=out, stderr=subprocess.DEVNULL, timeout=60, check=False)
    left.close()
    right.close()
    assert file.stat().st_uid == 0
    assert file.read_text().startswith("socket:"), file.read_text()
    piped = oci.run(check=False)
    assert piped.stdout.splitlines()[1].startswith("pipe:"), piped


# --- R14 to R21 ---

def test_r14_a_read_only_root_is_so_whatever_the_image_has_in_proc(oci, bare):
    fake = oci.rootfs / "proc/self/fd"
    fake.mkdir(parents=True)
    for number in range(3, 20):
        (fake / str(number)).symlink_to("/tmp")
    oci.config["root"]["readonly"] = True
    oci.write("/bin/sh", "-c", "echo x > /file; grep ' / / ' /proc/self/mountinfo")
    done = oci.run(check=False)
    assert "Read-only file system" in done.stderr and not (oci.rootfs / "file").exists()


def test_r15_a_source_that_is_a_link_is_followed_as_docker_does_and_once(engine, canary, tmp_path):
    """Binding is the host's root's own act; but what was bound stays, whatever becomes of the name."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/mark").write_text("real\n")
    (tmp_path / "link").symlink_to("real")
    engine.ctr("run", "-d", "--name", "r15", "-v", f"{tmp_path}/link:/d", "busybox", "sleep", "600")
    replace(tmp_path / "link", str(canary.path))
    assert engine.out("exec", "r15", "cat", "/d/mark") == "real"
    engine.ctr("rm", "-f", "r15")


def test_r18_a_bundle_that_is_exchanged_between_create_and_start_changes_nothing(oci, bare):
    oci.write("/bin/sh", "-c", "ls /")
    oci.create("c")
    away = oci.bundle / "moved"
    oci.rootfs.rename(away)
    oci.rootfs.symlink_to(bare.path)
    oci.call("start", "c")
    oci.wait_for_status("stopped")
    assert "bin" in oci.output().split() and "secret" not in oci.output()
    oci.call("delete", "c")


@pytest.mark.parametrize("option", ["size=1", "context=x", "loop", "lowerdir=/", "data=1", "uid=0", "ro\x00rw", "mode=7777"])
def test_r19_options_of_a_file_system_are_refused_at_a_bind(oci, bare, option):
    """They would be set on the host's."""
    oci.config["mounts"].append(bind(bare.path, "/d", option))
    oci.write("/bin/true")
    done = oci.run(check=False)
    assert done.returncode != 0 and "mount" in done.stderr, done


@pytest.mark.parametrize("name", ["with:colon", "with,comma", "with\\backslash", "with space", "with\nbreak"])
def test_r19_odd_characters_in_paths_are_characters(engine, canary, name):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ctr-odd-", dir="/var/tmp"))
    try:
        (directory / name).mkdir()
        (directory / name / "mark").write_text("x")
        done = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["cat", "/d/mark"], "HostConfig": {
            "Mounts": [{"Type": "bind", "Source": str(directory / name), "Target": "/d"}]}})
        assert done[0] == 201, done
        assert engine.out("start", "-a", done[1]["Id"]) == "x"
        engine.ctr("rm", done[1]["Id"])
    finally:
        shutil.rmtree(directory)


def test_r20_hooks_get_their_own_environment_and_nothing_of_the_image_s(oci, bare):
    """CVE-2025-23266: LD_PRELOAD of an image, run with the host's privileges."""
    script = oci.base / "hook"
    seen = oci.base / "seen"
    script.write_text(f"#!/bin/sh\n(env; pwd) > {seen}.$1\n")
    script.chmod(0o755)
    kinds = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
    oci.config["hooks"] = {kind: [{"path": str(script), "args": ["hook", kind], "env": ["KNOWN=yes"]}] for kind in kinds}
    (oci.rootfs / "evil.so").write_text("no library")
    oci.write("/bin/true", env=["PATH=/evil", "LD_PRELOAD=./evil.so", "LD_LIBRARY_PATH=/", "SECRET=x"])
    oci.run()
    for kind in kinds:
        text = pathlib.Path(f"{seen}.{kind}").read_text()
        assert "KNOWN=yes" in text and "LD_PRELOAD" not in text and "SECRET" not in text and "/evil" not in text, (kind, text)
        assert not text.splitlines()[-1].startswith(str(oci.rootfs)), (kind, text)


@pytest.mark.parametrize("destination", ["/" + "a/" * 2047 + "b", "/" + "n" * 256, "/" + "x/" * 600, "/" + "d" * 255, "/" + "../" * 1000 + "x"])
def test_r21_long_and_deep_paths_end_in_success_or_a_message(oci, bare, destination):
    source = oci.base / "source"
    source.mkdir(exist_ok=True)
    oci.config["mounts"].append(bind(source, destination))
    oci.config["process"]["cwd"] = destination
    oci.write("/bin/true")
    done = oci.run(check=False, timeout=120)
    assert done.returncode in (0, 1, 125, 126, 127) and clean(done), done


def test_r21_many_mounts_are_all_there(oci, bare):
    source = oci.base / "source"
    source.mkdir()
    oci.config["mounts"] += [bind(source, f"/m/{number}") for number in range(2000)]
    oci.write("/bin/sh", "-c", "grep -c ' /m/' /proc/self/mountinfo")
    assert oci.run(timeout=120).stdout.strip() == "2000"


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "x\x00y", "a" * 300, "-rf", "a\nb", "", " a", "ä"])
def test_r22_a_name_that_could_be_a_path_or_an_option_is_refused(engine, canary, name):
    status, answer = engine.api("POST", "/containers/create?name=" + "".join(f"%{byte:02x}" for byte in name.encode()),
                                {"Image": "busybox", "Cmd": ["true"]})
    if name == "":  # none: one is made up
        assert status == 201
        engine.ctr("rm", answer["Id"])
    else:
        assert status == 400, (name, status, answer)


@pytest.mark.parametrize("field", ["Hostname", "Domainname"])
@pytest.mark.parametrize("name", ["a b\n", "x" * 300, "a\x00b", "../../etc"])
def test_r22_hostnames_are_names(engine, canary, field, name):
    status, answer = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["cat", "/etc/hosts"], field: name})
    if status == 201:
        done = engine.ctr("start", "-a", answer["Id"], check=False)
        assert clean(done) and "\n\n" not in done.stdout, done
        engine.ctr("rm", "-f", answer["Id"])
    else:
        assert status == 400, answer
