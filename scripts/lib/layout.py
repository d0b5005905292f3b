"""Writes OCI layouts byte for byte reproducibly: layers from tar members, configs, manifests, indexes."""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
GZIP, TAR = OCI + "layer.v1.tar+gzip", OCI + "layer.v1.tar"
EPOCH = 1735689600


def sha256(data):
    """The digest of bytes as OCI writes it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encode(value):
    """JSON without spaces, in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def member(path, data=None, *, mode=None, kind=None, link="", uid=0, gid=0, **fields):
    """One tar member: a directory if `path` ends in `/`, a file if `data` is given, else what `kind` says."""
    info = tarfile.TarInfo(path)
    info.uid, info.gid, info.mtime, info.linkname = uid, gid, EPOCH, link
    if kind is None:
        kind = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
    info.type = kind
    info.mode = mode if mode is not None else {tarfile.DIRTYPE: 0o755, tarfile.SYMTYPE: 0o777}.get(kind, 0o644)
    for name, value in fields.items():
        setattr(info, name, value)
    content = data.encode() if isinstance(data, str) else data or b""
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def symlink(path, target, **fields):
    """A symbolic link."""
    return member(path, kind=tarfile.SYMTYPE, link=target, **fields)


def hardlink(path, target, **fields):
    """A further name of a file."""
    return member(path, kind=tarfile.LNKTYPE, link=target, **fields)


def archive(members, form=tarfile.PAX_FORMAT):
    """An uncompressed tar of the members, exactly in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Layer:
    """A layer blob with its descriptor and diffID; every field may be replaced to tell lies."""

    def __init__(self, plain, *, packed=None, media_type=GZIP, instruction="COPY . /", **descriptor):
        self.diff_id = sha256(plain)
        if packed is None:
            packed = gzip.compress(plain, 9, mtime=0) if media_type.endswith("gzip") else plain
        self.blob = packed
        self.instruction = instruction
        self.descriptor = {"mediaType": media_type, "digest": sha256(packed), "size": len(packed), **descriptor}


class Layout:
    """An OCI layout directory."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.blobs = self.root / "blobs" / "sha256"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.tags = []

    def blob(self, data):
        """Stores bytes and returns digest and size."""
        digest = sha256(data)
        (self.blobs / digest.removeprefix("sha256:")).write_bytes(data)
        return {"digest": digest, "size": len(data)}

    def image(self, layers, config=None, *, architecture="amd64", steps=(), annotations=None, document=None, **manifest):
        """Stores an image and returns its descriptor. `steps` are history lines that made no layer; `document` replaces config keys."""
        for layer in layers:
            (self.blobs / sha256(layer.blob).removeprefix("sha256:")).write_bytes(layer.blob)
        created = "2025-01-01T00:00:00Z"
        history = [{"created": created, "created_by": layer.instruction} for layer in layers]
        history += [{"created": created, "created_by": step, "empty_layer": True} for step in steps]
        config_document = {
            "created": created, "architecture": architecture, "os": "linux", "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}, "history": history,
            **(document or {}),
        }
        value = {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **self.blob(encode(config_document))},
            "layers": [layer.descriptor for layer in layers],
        }
        if annotations:
            value["annotations"] = annotations
        value.update(manifest)
        return {"mediaType": MANIFEST, **self.blob(encode(value))}

    def index(self, children, annotations=None):
        """Stores an index of (descriptor, platform) pairs and returns its descriptor."""
        value = {
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{**descriptor, "platform": platform} for descriptor, platform in children],
        }
        if annotations:
            value["annotations"] = annotations
        return {"mediaType": INDEX, **self.blob(encode(value))}

    def tag(self, descriptor, name):
        """Gives a descriptor a tag."""
        self.tags.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})

    def finish(self):
        """Writes the entry points."""
        (self.root / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
        (self.root / "index.json").write_bytes(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.tags}))
        return self.root
