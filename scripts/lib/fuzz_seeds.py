#!/usr/bin/env python3
"""Writes the seeds of one fuzz target into a folder: fuzz_seeds.py TARGET FOLDER."""

import base64
import hashlib
import io
import json
import pathlib
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


def member(archive, name, content=None, **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(content or b""))


def archive(form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        member(tar, "etc", type=tarfile.DIRTYPE)
        member(tar, "etc/passwd", b"root:x:0:0::/:/bin/sh\n")
        member(tar, "etc/" + "long/" * 40 + "name", b"x" * 700)
        member(tar, "bin/sh", type=tarfile.SYMTYPE, linkname="../usr/" + "l" * 120)
        member(tar, "bin/again", type=tarfile.LNKTYPE, linkname="etc/passwd")
        member(tar, "dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        member(tar, "etc/.wh.gone")
        if form == tarfile.PAX_FORMAT:
            member(tar, "tagged", b"1", pax_headers={"SCHILY.xattr.user.a": "b", "mtime": "1.5", "uid": "70000"})
            member(tar, "sparse", b"1\n0\n1\n".ljust(512, b"\0") + b"x", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": "9000"})
        else:
            member(tar, "d/../climbs", b"")
    return out.getvalue()


def documents():
    descriptor = {"mediaType": OCI + "config.v1+json", "digest": "sha256:" + hashlib.sha256(b"").hexdigest(), "size": 2}
    layer = {"mediaType": OCI + "layer.v1.tar+gzip", "digest": descriptor["digest"], "size": 3, "urls": ["https://x.example/"]}
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": descriptor, "layers": [layer], "annotations": {"a": "b"}}
    index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{
        **descriptor, "mediaType": OCI + "manifest.v1+json", "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}}]}
    return manifest, index


def config():
    return {"os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z", "config": {
        "User": "app", "Env": ["A=b"], "Cmd": ["x"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"},
        "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1}}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
        "history": [{"created_by": "COPY . /", "empty_layer": False}, {"created_by": "CMD", "empty_layer": True}]}


def seeds(target):
    """Bytes of each seed."""
    text = lambda value: json.dumps(value).encode()
    manifest, index = documents()
    match target:
        case "layer":
            for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
                try:
                    made = archive(form)
                except ValueError:  # ustar has no room for the long names
                    continue
                yield from (bytes([first]) + made for first in range(3))
        case "dockerfile":
            yield from (path.read_bytes() for path in sorted(ROOT.glob("testdata/seeds/**/Dockerfile*")))
            yield b"# escape=`\nFROM a AS b\nRUN <<-'E' sh `\n  x\n\tE\nONBUILD COPY --from=b [\"x\", \"y\"]\nHEALTHCHECK --interval=1s CMD x\n"
        case "evidence":
            yield from (path.read_bytes() for path in sorted(ROOT.glob("testdata/seeds/**/*.yml")))
            yield b"services: {a: &a {image: x, ports: [1:2/udp]}, b: {<<: *a, extends: a}}\n---\napiVersion: v1\nkind: List\nitems: []\n"
        case "policy":
            yield from (path.read_bytes() for path in sorted((ROOT / "policies").rglob("*.yaml")))
            yield b'version: 1\nname: x\nextends: ["other.yaml", "@strict"]\nrules: {}\n'
        case "reference":
            names = ["python:3.12", "localhost:5000/a/b@sha256:" + "0" * 64, "[::1]:5000/x:y", "oci:dir:tag", "docker-daemon:a", "-", "facts:f"]
            yield from (name.encode() for name in names)
        case "overlay":
            yield b"d a\nf a/x 1\nf a/y 2\n-\nf a/x 3\nf a/.wh.x\nf a/.wh..wh..opq"
            yield b"d usr\nd usr/lib\nl lib usr/lib\nl up ../../usr\n-\nf lib/x 1\nh lib/y usr/lib/x\n-\nf .wh.lib\nd lib"
            yield b"l a b\nl b a\nf a/x 1\n-\nf a 1\nh b a\n-\nf .wh.a"
        case "document":
            for first in range(6):
                yield from (bytes([first]) + text(value) for value in (manifest, index))
        case "config":
            yield text(config())
        case "strict_json":
            yield from map(text, (manifest, index, config(), [1.5e3, -0, "\u00e9\ud83d\ude00", None, True]))
        case "program_head":
            yield pathlib.Path(sys.executable).resolve().read_bytes()[:65536]
            yield b"#!/usr/bin/env -S python3 -u\r\n"
        case "cel":
            yield b"image.files.all(f, f.entry.mode < 512 || f.entry.path.startsWith('app/'))"
            yield b"image.config.labels['l'].matches('^x+$') && size(image.config.env) > 1 ? has(image.index) : !(1 / 0 == 2)"
            yield b"image.config.cmd.map(c, c + \"\\u00e9\").exists_one(c, c in ['/bin/app', r'\\']) && {'a': [1, -2.5e3]}.a[1] < 0x7f"
            yield b"image.files.exists(a, image.files.filter(b, a.entry.path == b.entry.path).size() > 1)"
        case "shell":
            yield b"curl -f http://localhost/ || exit 1"
            yield b". /f.sh; if [ -n \"$X\" ]; then f; else exec \"$@\"; fi"
            yield b"case $1 in a|b) f;; (*) busybox; esac; for x in $(ls); do f & done; cat <<E\nx\nE\nwhile ! f; do :; done"
        case "archive_plan":
            members = {"manifest.json": [{"Config": "c.json", "RepoTags": ["a:1.0"], "Layers": ["l/layer.tar"]}], "c.json": config(), "l/layer.tar": "x"}
            yield "\n".join(f"{name}\t{json.dumps(value)}" for name, value in members.items()).encode()
            members = {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": index}
            yield "\n".join(f"{name}\t{json.dumps(value)}" for name, value in members.items()).encode() + b"\nx\t>y"
        case "bundle" | "dsse" | "statement":
            for path in sorted((ROOT / "testdata" / "sigstore").glob("*.sigstore.json")):
                bundle = json.loads(path.read_bytes())
                if target == "bundle":
                    yield path.read_bytes()
                elif envelope := bundle.get("dsseEnvelope"):
                    yield text(envelope) if target == "dsse" else base64.b64decode(envelope["payload"])
        case "trust_kit":
            key = (ROOT / "testdata" / "sigstore" / "managed-key.pub").read_text()
            kit = {"mediaType": "application/vnd.imgguard.trust-kit.v1+json", "roots": [], "files": {"a.pub": key}, "keys": [key],
                   "policy": "version: 1\nsigners: { a: { key: a.pub } }\nrequire: [{ type: sign, any: [a] }]\n"}
            yield text(kit)
        case "notation":
            part = lambda value: base64.urlsafe_b64encode(text(value)).rstrip(b"=").decode()
            scheme = "io.cncf.notary.signingScheme"
            head = {"alg": "ES256", "cty": "application/vnd.cncf.notary.payload.v1+json", "crit": [scheme], scheme: "notary.x509"}
            target = {"mediaType": "x/y", "digest": "sha256:" + "0" * 64, "size": 1, "annotations": {"a": "b"}}
            yield text({"payload": part({"targetArtifact": target}), "protected": part(head), "header": {"x5c": ["AA=="]}, "signature": "AAAA"})
            yield b"C=DE, O=acme\\, inc"
        case "key_file":
            yield (ROOT / "testdata" / "sigstore" / "managed-key.pub").read_bytes()
            body = {"kdf": {"name": "scrypt", "params": {"N": 32768, "r": 8, "p": 1}, "salt": base64.b64encode(bytes(32)).decode()},
                    "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(bytes(24)).decode()}, "ciphertext": "AA=="}
            label = "ENCRYPTED SIGSTORE PRIVATE KEY"
            yield b"\n".join([f"-----BEGIN {label}-----".encode(), base64.b64encode(text(body)), f"-----END {label}-----".encode(), b""])
        case _:  # the target finds its own way from nothing
            return


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


main()
