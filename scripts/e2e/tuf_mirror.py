"""A mirror of TUF metadata, written with python-tuf: tuf_mirror.py FOLDER init | publish TARGET VERSION EXPIRES | rotate. Two root keys sign
together, one key signs the rest; FOLDER/first.json is the first root, FOLDER/mirror what is served."""

import datetime
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

FAR = datetime.datetime(2040, 1, 1, tzinfo=datetime.timezone.utc)


def signer(folder, name):
    path = folder / f"{name}.pem"
    if not path.exists():
        make = CryptoSigner.generate_ed25519 if name.startswith("root-a") else CryptoSigner.generate_ecdsa
        path.write_bytes(make().private_bytes)
    return CryptoSigner(load_pem_private_key(path.read_bytes(), None))


def signed(metadata, signers):
    envelope = Metadata(metadata)
    for one in signers:
        envelope.sign(one, append=True)
    return envelope.to_bytes()


def root(folder, version, also=()):
    roots = [signer(folder, f"root-a{version}"), signer(folder, f"root-b{version}")]
    online = signer(folder, "online")
    content = Root(version=version, expires=FAR, consistent_snapshot=True)
    for one in roots:
        content.add_key(one.public_key, "root")
    content.roles["root"].threshold = 2
    for role in ("timestamp", "snapshot", "targets"):
        content.add_key(online.public_key, role)
    return signed(content, [*also, *roots])


def main(folder, command, *rest):
    mirror = folder / "mirror"
    (mirror / "targets").mkdir(parents=True, exist_ok=True)
    online = [signer(folder, "online")]
    if command == "init":
        (folder / "first.json").write_bytes(root(folder, 1))
        (mirror / "1.root.json").write_bytes((folder / "first.json").read_bytes())
    elif command == "rotate":
        before = [signer(folder, "root-a1"), signer(folder, "root-b1")]
        (mirror / "2.root.json").write_bytes(root(folder, 2, before))
    elif command == "publish":
        data, version, expires = pathlib.Path(rest[0]).read_bytes(), int(rest[1]), datetime.datetime.fromisoformat(rest[2])
        target = TargetFile.from_data("trusted_root.json", data, ["sha256"])
        (mirror / "targets" / f"{target.hashes['sha256']}.trusted_root.json").write_bytes(data)
        targets = signed(Targets(version=version, expires=FAR, targets={"trusted_root.json": target}), online)
        (mirror / f"{version}.targets.json").write_bytes(targets)
        pin = lambda bytes_: MetaFile.from_data(version, bytes_, ["sha256"])
        snapshot = signed(Snapshot(version=version, expires=FAR, meta={"targets.json": pin(targets)}), online)
        (mirror / f"{version}.snapshot.json").write_bytes(snapshot)
        (mirror / "timestamp.json").write_bytes(signed(Timestamp(version=version, expires=expires, snapshot_meta=pin(snapshot)), online))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
