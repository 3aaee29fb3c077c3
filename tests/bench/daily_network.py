"""Figures of networks: names, throughput, compose."""

import pathlib
import subprocess
import sys
import tempfile

from figures import median_of

# Asks for a name again and again: `names ADDRESS NAME SECONDS`, prints how many answers there were a second.
# Carries bytes: `sink PORT` prints how many a second came on its first connection, `source ADDRESS PORT SECONDS` sends.
TOOL = r"""
import os, socket, struct, sys, time
verb, *rest = sys.argv[1:]
if verb == "names":
    address, name, seconds = rest[0], rest[1], float(rest[2])
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); asker.settimeout(5); asker.connect((address, 53))
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        asker.send(struct.pack(">HHHHHH", count & 0xffff, 0x100, 1, 0, 0, 0) + question)
        answer = asker.recv(4096)
        assert answer[:2] == struct.pack(">H", count & 0xffff) and answer[7] >= 1, answer
        count += 1
    print(count / (time.perf_counter() - begin))
elif verb == "sink":
    listener = socket.create_server(("0.0.0.0", int(rest[0]))); print("ready", flush=True)
    stream = listener.accept()[0]; buffer = memoryview(bytearray(1 << 20)); begin = time.perf_counter(); total = 0
    while (size := stream.recv_into(buffer)): total += size
    print(total / (time.perf_counter() - begin))
else:
    stream = socket.create_connection((rest[0], int(rest[1]))); piece = memoryview(bytes(1 << 20))
    end = time.perf_counter() + float(rest[2])
    while time.perf_counter() < end: stream.sendall(piece)
"""


def tool(where, *arguments, **options):
    """In the network of a container (the id of a process), or of an engine's host."""
    path = f"/proc/{where}/ns/net" if isinstance(where, int) else f"/run/netns/{where}"
    return subprocess.Popen(["nsenter", f"--net={path}", sys.executable, "-c", TOOL, *map(str, arguments)],
                            stdout=subprocess.PIPE, text=True, **options)


def output_of(process):
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    return float(text.split()[-1])


def throughput(sink, source, address, port, listen_on, seconds):
    """Gigabits a second that arrive."""
    receiver = tool(sink, "sink", listen_on)
    assert receiver.stdout.readline() == "ready\n"
    sender = tool(source, "source", address, port, seconds)
    sender.wait(300)
    return output_of(receiver) * 8 / 1e9


def measure_names(side, sizes):
    side.run("network", "create", "bench")
    for name in ("asker", "known"):
        side.run("run", "-d", "--name", name, "--network", "bench", "busybox", "sleep", "100000")
    pid = side.pid_of("asker")
    one = output_of(tool(pid, "names", "127.0.0.11", "known", sizes.seconds))
    several = [tool(pid, "names", "127.0.0.11", "known", sizes.seconds) for _ in range(8)]
    rows = {"name lookups, one asker": (one, "a second"),
            "name lookups, eight askers": (sum(output_of(asker) for asker in several), "a second")}
    side.run("rm", "-f", "asker", "known")
    side.run("network", "rm", "bench")
    return rows


def measure_throughput(side, sizes):
    side.run("run", "-d", "--name", "sink", "-p", "18080:80", "busybox", "sleep", "100000")
    side.run("run", "-d", "--name", "source", "busybox", "sleep", "100000")
    sink, source = side.pid_of("sink"), side.pid_of("source")
    address = side.run("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "sink")
    gateway = side.run("inspect", "-f", "{{.NetworkSettings.Gateway}}", "sink")
    rows = {
        "between containers": (throughput(sink, source, address, 80, 80, sizes.seconds), "Gbit/s"),
        "host to a published port": (throughput(sink, side.namespace, gateway, 18080, 80, sizes.seconds), "Gbit/s"),
        "host's loopback to a published port": (throughput(sink, side.namespace, "127.0.0.1", 18080, 80, sizes.seconds), "Gbit/s"),
        "container to a published port": (throughput(sink, source, gateway, 18080, 80, sizes.seconds), "Gbit/s"),
    }
    side.run("rm", "-f", "sink", "source")
    return rows


def measure_compose(side, sizes):
    """docker-compose 1.29, unmodified, on either socket."""
    services = "".join(f"  s{number}: {{image: busybox, command: sleep 100000, stop_grace_period: 1s, init: false,\n"
                       f"       networks: [one, two], stop_signal: SIGKILL, volumes: ['v{number}:/data']}}\n"
                       for number in range(sizes.services))
    volumes = "".join(f"  v{number}: {{}}\n" for number in range(sizes.services))
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as directory:
        (pathlib.Path(directory) / "docker-compose.yml").write_text(
            f'version: "2.4"\nservices:\n{services}networks: {{one: {{}}, two: {{}}}}\nvolumes:\n{volumes}')

        def compose(*words):
            subprocess.run(["docker-compose", "-p", "bench", *words], cwd=directory, env=side.env, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ups, downs = [], []
        for _ in range(3):
            ups.append(median_of(lambda: compose("up", "-d"), 1))
            downs.append(median_of(lambda: compose("down", "-v"), 1))
    return {f"compose up of {sizes.services} services": (sorted(ups)[1] / 1000, "s"),
            f"compose down of {sizes.services} services": (sorted(downs)[1] / 1000, "s")}


GROUPS = {"names": measure_names, "throughput": measure_throughput, "compose": measure_compose}
