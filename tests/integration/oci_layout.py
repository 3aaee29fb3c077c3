"""Images as an attacker writes them: entry by entry, with whatever configuration."""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile

from images import busybox_layout

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def directory(name, mode=0o755):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry, b""


def file(name, content=b"", mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry, content.encode() if isinstance(content, str) else content


def link(name, target):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    return entry, b""


def fifo(name):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.FIFOTYPE, 0o644
    return entry, b""


def device(name, major, minor):
    entry = tarfile.TarInfo(name)
    entry.type, entry.devmajor, entry.devminor, entry.mode = tarfile.CHRTYPE, major, minor, 0o666
    return entry, b""


def gone(path):
    """A whiteout: what lies there in the layers below is gone."""
    parent, _, name = path.rpartition("/")
    return file(f"{parent}/.wh.{name}" if parent else f".wh.{name}")


def tar_of(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def base_blobs():
    """(config, manifest, directory of the blobs) of the busybox that hostile layers lie on."""
    blobs = pathlib.Path(busybox_layout()) / "blobs/sha256"
    index = json.loads((blobs.parents[1] / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    return json.loads((blobs / manifest["config"]["digest"][7:]).read_text()), manifest, blobs


def unpack_layout(target):
    """busybox's files, for those who compare with another runtime."""
    _, manifest, blobs = base_blobs()
    target.mkdir(parents=True)
    for layer in manifest["layers"]:
        with tarfile.open(blobs / layer["digest"][7:]) as archive:
            archive.extractall(target)


def write_layout(target, *layers, config=None, config_text=None, annotations=None, **document):
    """An OCI layout: busybox below, the given lists of entries above it.

    config goes into the configuration's "config", document beside it; config_text replaces the lot.
    """
    store = pathlib.Path(target) / "blobs/sha256"
    store.mkdir(parents=True)

    def keep(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (store / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    image, manifest, blobs = base_blobs()
    descriptors = [keep((blobs / layer["digest"][7:]).read_bytes(), layer["mediaType"])
                   for layer in manifest["layers"]]
    for entries in layers:
        tar = tar_of(entries)
        image["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(tar).hexdigest())
        descriptors.append(keep(gzip.compress(tar, mtime=0), LAYER))
    image.pop("history", None)
    image.update(document)
    image["config"] = {**image.get("config", {}), **(config or {})}
    text = json.dumps(image).encode() if config_text is None else config_text
    made = keep(json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": keep(text, CONFIG),
                            "layers": descriptors, "annotations": annotations or {}}).encode(), MANIFEST)
    (store.parents[1] / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (store.parents[1] / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [made]}))
    return store.parents[1]
