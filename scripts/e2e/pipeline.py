"""The whole way of one system, as examples/pipeline/run shows it: two platforms, two registries with accounts, from a refused build to a rollback."""

import json
import os
import shutil
import subprocess
import tarfile

from harness import BINARY, HELLO, ROOT, WORK, Suite
from own_image import in_store
from seeds import STORE, stand_in

BUILT = ["localhost/stand-in/busybox:latest", "docker.io/library/python:3.9-alpine", "docker.io/library/python:3.13-alpine"]


def foreign_busybox(folder):
    """The busybox of the second platform, from the committed image."""
    (folder / "bin").mkdir(parents=True)
    index = json.loads((HELLO / "index.json").read_text())
    entry = next(one for one in index["manifests"] if one["annotations"]["org.opencontainers.image.ref.name"] == "1.0.0")

    def blob(digest):
        return HELLO / "blobs" / "sha256" / digest.split(":")[1]
    children = json.loads(blob(entry["digest"]).read_text())["manifests"]
    child = next(one for one in children if one["platform"]["architecture"] == "arm64")
    for layer in json.loads(blob(child["digest"]).read_text())["layers"]:
        with tarfile.open(blob(layer["digest"])) as tar:
            if "bin/busybox" in tar.getnames():
                (folder / "bin" / "busybox").write_bytes(tar.extractfile("bin/busybox").read())
                (folder / "bin" / "busybox").chmod(0o755)
                return
    raise AssertionError("there is no busybox for arm64")


class Pipeline(Suite):
    def test_the_whole_way(self):
        """refused as designed; corrected, checked, released, signed, promoted, verified, and back again"""
        STORE.mkdir(parents=True, exist_ok=True)
        stand_in("busybox", BUILT[0])
        stand_in("python-alpine", BUILT[1], PYTHON_VERSION="3.9.25")
        stand_in("python-alpine", BUILT[2], PYTHON_VERSION="3.13.9")
        other = self.dir / "other"
        foreign_busybox(other)
        wrapper = self.dir / "buildah"
        wrapper.write_text(f'#!/bin/bash\nset -euo pipefail\ncd "{ROOT}"\n. scripts/lib/store.sh\nstore_open "{STORE}"\nstore_buildah "$@"\n')
        wrapper.chmod(0o755)
        out = self.dir / "way"
        variables = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache"),
                     "IMGGUARD": str(BINARY), "BUILDAH": str(wrapper), "OTHER": str(other)}
        # The store is opened there as it was here.
        variables.update({name: os.environ[name] for name in ["STORE_DRIVER"] if name in os.environ})
        done = subprocess.run([ROOT / "examples" / "pipeline" / "run", out], env=variables, cwd=ROOT, capture_output=True, timeout=900, check=False)
        said = done.stdout.decode() + done.stderr.decode()
        for image in reversed(BUILT):
            in_store("store_buildah", "rmi", "--force", image)
        self.assertEqual(done.returncode, 0, f"\n{said[-6000:]}")
        refused = json.loads((out / "refused.json").read_text())
        failed = {result["rule"] for subject in refused["subjects"] for platform in subject["platforms"] for result in platform["results"]
                  if result["outcome"] == "fail" and result["level"] == "deny"}
        self.assertEqual(failed, {"user.root", "base.allow", "healthcheck.present", "runtime.eol"})
        again = json.loads((out / "again.json").read_text())["applied"]
        self.assertEqual((again["blobs"], again["manifests"], again["statements"], again["tags"]), (0, 0, [], []))
        entries = json.loads((out / "history.json").read_text())["entries"]
        self.assertEqual([entry["says"]["purpose"] for entry in entries], ["rollback", "promotion", "promotion"])
        self.assertEqual(entries[0]["digest"], entries[2]["digest"])
        self.assertIn("latest", entries[0]["live"])
        self.assertEqual(entries[1]["live"], ["1.0.2"])
        self.assertEqual({entry["signer"] for entry in entries}, {"gate"})
        shutil.rmtree(out)
        # Passwords and keys are nowhere in what was said.
        self.assertNotRegex(said, r"Basic |PRIVATE KEY")
