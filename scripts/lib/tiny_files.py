#!/usr/bin/env python3
"""Writes an OCI layout with one gzip layer of many tiny files: tiny_files.py COUNT DIRECTORY."""

import hashlib
import json
import pathlib
import sys
import zlib


class Layer:
    """A gzip stream into a file, with the digests of both sides."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
        self.plain, self.packed, self.size = hashlib.sha256(), hashlib.sha256(), 0

    def write(self, data):
        self.plain.update(data)
        self._store(self.gzip.compress(data))

    def _store(self, data):
        self.packed.update(data)
        self.size += len(data)
        self.out.write(data)

    def close(self):
        self._store(self.gzip.flush())
        self.out.close()
        return "sha256:" + self.packed.hexdigest(), "sha256:" + self.plain.hexdigest(), self.size


def header(name, size, mode, kind):
    """One ustar header block."""
    block = b"".join(
        (
            name.encode().ljust(100, b"\0"),
            b"%07o\0" % mode, b"0001750\0", b"0001750\0", b"%011o\0" % size, b"14731266000\0",
            b"        ", kind, bytes(100), b"ustar\x0000", bytes(247),
        )
    )
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def blob(blobs, value):
    data = json.dumps(value, separators=(",", ":")).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def main():
    count, root = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = Layer(root / "layer")
    pending = []
    for number in range(count):
        if number % 1000 == 0:
            layer.write(b"".join(pending))
            pending = [header(f"srv/data/{number // 1000:04d}/", 0, 0o755, b"5")]
        text = (f'{{"id":{number},"sum":"' + hashlib.md5(str(number).encode()).hexdigest() * (number % 5) + '"}\n').encode()
        pending.append(header(f"srv/data/{number // 1000:04d}/{number:07d}.json", len(text), 0o644, b"0"))
        pending.append(text.ljust(512, b"\0"))
    layer.write(b"".join(pending) + bytes(10240))
    digest, diff_id, size = layer.close()
    (root / "layer").rename(blobs / digest.removeprefix("sha256:"))
    config = blob(blobs, {
        "architecture": "amd64", "os": "linux", "config": {"User": "1000"},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": f"{count} tiny files"}],
    })
    manifest = blob(blobs, {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": size}],
    })
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
        "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}))


main()
