"""Start-up figures of ctr beside its peers. See tests/bench/run."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))

import figures  # noqa: E402
from engine import BUILD, CTR, Engine  # noqa: E402
from figures import pss_kilobytes, row, rss_kilobytes  # noqa: E402
from peers import docker, missing, podman  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 60


def milliseconds(command, rounds=ROUNDS, **options):
    return figures.milliseconds(command, rounds, **options)


def busybox_root(directory):
    root = pathlib.Path(directory) / "rootfs"
    subprocess.run([str(TOP / "image/embedded/make_busybox_root.sh"), "/bin/busybox", str(root)], check=True)
    return root


def limit(root, directory):
    out = subprocess.run([str(BUILD / "tests/limit"), str(ROUNDS), str(root), str(directory / "scratch"),
                          "/bin/true"], check=True, capture_output=True, text=True).stdout
    return float(out.split()[0])


def oci_bundle(root, directory):
    bundle = pathlib.Path(directory) / "bundle"
    bundle.mkdir()
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["/bin/true"])
    config["root"] = {"path": str(root), "readonly": False}
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


def oci_runtime(name, bundle):
    """Runs a ready bundle; crun of Debian 12 wants the unified tree of hybrid machines out of sight."""
    if not shutil.which(name):
        return None
    script = (f"umount /sys/fs/cgroup/unified 2>/dev/null; exec /usr/bin/python3 - <<'END'\n"
              f"import statistics,subprocess,time\nt=[]\n"
              f"for i in range({ROUNDS}):\n"
              f" b=time.perf_counter(); subprocess.run(['{name}','run','-b','{bundle}','bench-%d'%i],check=True,stdin=subprocess.DEVNULL)\n"
              f" t.append((time.perf_counter()-b)*1000)\nprint(statistics.median(t))\nEND")
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else None


def measure_ctr(base, crun):
    with Engine() as engine:
        environment = {**os.environ, "CTR_HOST": engine.host}
        engine.ctr("pull", "busybox")
        time.sleep(7)  # it gives back what it does not need once nobody has come for some seconds
        row("ctrd, idle memory (RSS)", rss_kilobytes(engine.pid) / 1024, "MB", 20)
        run = milliseconds([CTR, "run", "--rm", "busybox", "true"], env=environment)
        row("ctr run --rm busybox true", run, goal=min(4 * base, crun or 1e9), base=base)
        bare = milliseconds([CTR, "run", "--rm", "--network", "none", "busybox", "true"], env=environment)
        row("ctr run --rm --network none busybox true", bare, base=base)
        engine.ctr("run", "-d", "--name", "sleeper", "busybox", "sleep", "1000")
        row("ctr exec C true", milliseconds([CTR, "exec", "sleeper", "true"], env=environment), goal=5)
        row("ctr ps", milliseconds([CTR, "ps"], env=environment))
        time.sleep(3)  # a monitor gives back what starting took once its container has settled
        row("ctr-monitor, memory of one (PSS)", pss_kilobytes(engine.monitors()[0]) / 1024, "MB", 0.6)
        begin = time.perf_counter()
        commands = [[CTR, "run", "--rm", "busybox", "true"]] * 200
        running = []
        for command in commands:
            running.append(subprocess.Popen(command, env=environment))
            if len(running) == 8:
                assert running.pop(0).wait() == 0
        assert all(process.wait() == 0 for process in running)
        row("ctr run --rm, 8 at a time", 200 / (time.perf_counter() - begin), "a second")


def measure_docker(base):
    if missing("dockerd", "docker", "containerd"):
        return print("docker: not to be had here, left out")
    with docker(storage="overlay2", bridge=True) as peer:
        command = [*peer.command, "run", "--rm"]
        row("docker run --rm busybox true", milliseconds([*command, "busybox", "true"], 10, env=peer.env), base=base)
        bare = milliseconds([*command, "--network", "none", "busybox", "true"], 10, env=peer.env)
        row("docker run --rm --network none busybox true", bare, base=base)
        peer.call("run", "-d", "--name", "sleeper", "--network", "none", "busybox", "sleep", "1000")
        row("docker exec C true", milliseconds([*peer.command, "exec", "sleeper", "true"], 10, env=peer.env))
        row("docker ps", milliseconds([*peer.command, "ps"], 10, env=peer.env))
        daemons = [pid for pid in peer.our_processes() if "dockerd" in pathlib.Path(f"/proc/{pid}/comm").read_text()]
        row("dockerd, idle memory (RSS)", sum(rss_kilobytes(pid) for pid in daemons) / 1024, "MB")


def measure_podman(base):
    if missing("podman", "conmon"):
        return print("podman: not to be had here, left out")
    with podman(storage="overlay") as peer:
        command = [*peer.command, "run", "--rm", "--network", "none", *peer.image, "true"]
        row("podman run --rm --network none ROOTFS true", milliseconds(command, 10, env=peer.env), base=base)


def main():
    with tempfile.TemporaryDirectory(prefix="ctr-bench-", dir="/var/tmp") as text:
        directory = pathlib.Path(text)
        root = busybox_root(directory)
        base = limit(root, directory)
        row("limit: clone3, overlay, mounts, exec, wait", base, base=base)
        bundle = oci_bundle(root, directory)
        crun = oci_runtime("crun", bundle)
        for name, value in (("crun run, ready bundle", crun), ("runc run, ready bundle", oci_runtime("runc", bundle))):
            row(name, value, base=base) if value else print(f"{name}: did not run here")
        measure_ctr(base, crun)
        measure_docker(base)
        measure_podman(base)


main()
