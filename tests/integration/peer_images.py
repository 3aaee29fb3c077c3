"""Two images in one archive that every engine loads, so that both sides have the same ids."""

import hashlib
import io
import json
import subprocess
import tarfile

from oci_bundle import busybox_root

RICH = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROM=image", "A=image"], "Cmd": ["echo", "from the image"],
        "Labels": {"of": "image"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "WorkingDir": "/work", "User": "", "StopSignal": "SIGTERM"}
MADE, LATER = "2020-01-02T03:04:05.123456789Z", "2020-01-03T03:04:05.123456789Z"


def config_of(layer, created, run_config, *steps):
    digest = hashlib.sha256(layer).hexdigest()
    history = [{"created": MADE, "created_by": "/bin/sh -c #(nop) ADD file:1 in / ", "comment": "begun"}, *steps]
    return json.dumps({"architecture": "amd64", "os": "linux", "created": created, "author": "somebody", "docker_version": "20.10.24",
                       "config": run_config, "container_config": run_config, "history": history,
                       "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()


def docker_archive():
    """The bytes of `docker save plain:1 rich:1`."""
    layer = subprocess.run(["tar", "-C", str(busybox_root()), "--sort=name", "--mtime=@1600000000", "-cf", "-", "."], check=True,
                           capture_output=True).stdout
    empty = {"created": MADE, "created_by": "/bin/sh -c #(nop)  CMD [\"echo\"]", "empty_layer": True}
    files, manifest = {"layer/layer.tar": layer}, []
    for name, config in (("plain:1", config_of(layer, MADE, {})), ("rich:1", config_of(layer, LATER, RICH, empty))):
        path = hashlib.sha256(config).hexdigest() + ".json"
        files[path] = config
        manifest.append({"Config": path, "RepoTags": [name], "Layers": ["layer/layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()
