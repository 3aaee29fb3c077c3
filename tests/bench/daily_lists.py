"""Figures of what is looked at: ps, inspect, events, stats."""

import concurrent.futures
import select
import threading
import time

from figures import median_of, milliseconds
from sides import Connection, query


def create_many(side, count, prefix, start=False):
    """Containers made (and started) by eight clients at a time; what they are called."""
    names = [f"{prefix}{number}" for number in range(count)]
    local = threading.local()

    def make(name):
        if not hasattr(local, "connection"):
            local.connection = Connection(side)
        local.connection.request("POST", "/v1.41/containers/create" + query(name=name),
                                 {"Image": "busybox", "Cmd": ["sleep", "100000"], "Labels": {"bench": prefix}})
        if start:
            local.connection.request("POST", f"/v1.41/containers/{name}/start")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(make, names))
    return names


def remove_many(side, names):
    local = threading.local()

    def remove(name):
        if not hasattr(local, "connection"):
            local.connection = Connection(side)
        local.connection.request("DELETE", f"/v1.41/containers/{name}?force=1")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, names))


def measure_ps(side, sizes):
    names = create_many(side, sizes.containers, "listed")
    connection = Connection(side)
    rows = {
        f"ps -a of {sizes.containers} containers": (milliseconds([*side.cli, "ps", "-a"], sizes.rounds, env=side.env), "ms"),
        f"GET /containers/json of {sizes.containers}":
            (median_of(lambda: connection.request("GET", "/v1.41/containers/json?all=1"), sizes.rounds, 1), "ms"),
        "inspect of one": (milliseconds([*side.cli, "inspect", names[0]], sizes.rounds, env=side.env), "ms"),
        f"inspect of {len(names[:100])}": (milliseconds([*side.cli, "inspect", *names[:100]], sizes.rounds, env=side.env), "ms"),
        "GET /containers/x/json": (median_of(lambda: connection.request("GET", f"/v1.41/containers/{names[-1]}/json"),
                                             20 * sizes.rounds, 5), "ms"),
    }
    remove_many(side, names)
    return rows


EVENTS = 200


def measure_events(side, sizes):
    """From the first of so many changes until the last of the readers has heard of the last one."""
    side.run("create", "--name", "renamed0", "busybox", "true")
    streams = [side.open_stream("/v1.41/events" + query(filters='{"event":["rename"]}')) for _ in range(sizes.readers)]
    seen = {stream: 0 for stream in streams}
    connection = Connection(side)

    def change():
        for number in range(EVENTS):
            connection.request("POST", f"/v1.41/containers/renamed{number}/rename" + query(name=f"renamed{number + 1}"))
    begin = time.perf_counter()
    changing = threading.Thread(target=change)
    changing.start()
    while any(count < EVENTS for count in seen.values()):
        for stream in select.select(streams, [], [], 60)[0]:
            seen[stream] += stream.recv(1 << 20).count(b'"Action":"rename"')
    elapsed = time.perf_counter() - begin
    changing.join()
    for stream in streams:
        stream.close()
    side.run("rm", f"renamed{EVENTS}")
    return {f"events, {EVENTS} to {sizes.readers} readers": (EVENTS * sizes.readers / elapsed, "a second")}


def measure_stats(side, sizes):
    names = create_many(side, sizes.running, "running", start=True)
    connection = Connection(side)

    def ask_each():
        for name in names:
            connection.request("GET", f"/v1.41/containers/{name}/stats?stream=0&one-shot=1")
    rows = {
        f"stats --no-stream of {sizes.running}": (milliseconds([*side.cli, "stats", "--no-stream"], 3, 1, env=side.env), "ms"),
        f"GET /stats?one-shot of {sizes.running}": (median_of(ask_each, 3, 1), "ms"),
        f"ps of {sizes.running} that run": (milliseconds([*side.cli, "ps"], sizes.rounds, env=side.env), "ms"),
    }
    remove_many(side, names)
    return rows


GROUPS = {"ps": measure_ps, "events": measure_events, "stats": measure_stats}
