"""The image that the Dockerfile makes passes `policies/strict.yaml`, and the program works in it, alone and without rights."""

import os
import pathlib
import shutil
import subprocess

from harness import HELLO, PASS, ROOT, Suite, imgguard, tool

VERSION = "0.1.0"


def in_store(command, *arguments):
    """Runs a function of scripts/lib/store.sh on the store of the tests."""
    script = f'set -euo pipefail; . scripts/lib/store.sh; store_open "$0"; {command} "$@"'
    done = subprocess.run(["bash", "-c", script, str(ROOT / "target" / "store"), *map(str, arguments)], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command} {arguments} failed:\n{done.stdout.decode()[-2000:]}\n{done.stderr.decode()[-4000:]}")
    return done.stdout.decode()


def builder(sysroot, cargo):
    """A builder image from Debian packages. The Rust toolchain and the crates are this machine's, mounted at their own paths."""
    tar = ROOT / "target" / "store" / "builder.tar"
    in_store("store_debian", tar, "gcc,libc6-dev,ca-certificates")
    context = ROOT / "target" / "store" / "builder"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    os.link(tar, context / "builder.tar")
    (context / "Dockerfile").write_text(
        f"FROM scratch\nADD builder.tar /\nENV PATH={sysroot}/bin:/usr/bin:/bin CARGO_HOME={cargo} CARGO_NET_OFFLINE=true\n")
    in_store("store_buildah", "build", "--quiet", "--layers", "--tag", "localhost/imgguard-builder:latest", context)
    return "localhost/imgguard-builder:latest"


class OwnImage(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(in_store, "store_empty")
        cls.layout = cls.dir / "imgguard"
        sysroot = pathlib.Path(tool("rustc", "--print", "sysroot").strip())
        cargo = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
        # The static build of the same sources: crates that are built already are not built again.
        cache = ROOT / "target" / "static"
        cache.mkdir(parents=True, exist_ok=True)
        revision = tool("git", "-C", ROOT, "rev-parse", "HEAD").strip()
        in_store(
            "store_buildah", "build", "--quiet", "--format", "oci", "--tag", f"localhost/imgguard:{VERSION}",
            "--build-arg", f"BUILDER={builder(sysroot, cargo)}", "--build-arg", f"VERSION={VERSION}", "--build-arg", f"REVISION={revision}",
            "--build-arg", "CREATED=2026-01-01T00:00:00Z",
            "--volume", f"{sysroot}:{sysroot}:ro", "--volume", f"{cargo}/registry:{cargo}/registry", "--volume", f"{cache}:/src/target",
            ROOT)
        in_store("store_buildah", "push", "--quiet", f"localhost/imgguard:{VERSION}", f"oci:{cls.layout}:{VERSION}")
        if os.environ.get("IMGGUARD_LEAN"):
            shutil.rmtree(cache)

    def test_strict(self):
        """it passes the strict policy, without a warning about itself"""
        run = imgguard("check", f"oci:{self.layout}:{VERSION}", "--policy", ROOT / "policies" / "strict.yaml")
        self.exits(run, PASS)

    def test_content(self):
        """it holds the binary, the authorities, two account files, and nothing else"""
        facts = imgguard("inspect", f"oci:{self.layout}:{VERSION}", "-o", "json").json()["images"][0]
        files = [file["entry"]["path"] for file in facts["files"] if file["entry"]["kind"] != "directory"]
        self.assertEqual(files, ["etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/bin/imgguard"])
        self.assertEqual(facts["config"]["user"], "1000:1000")

    def test_runs(self):
        """the binary is static and runs as its user in its own file system, with nothing else around"""
        bundle = self.dir / "bundle"
        tool("umoci", "unpack", "--image", f"{self.layout}:{VERSION}", bundle)
        root = bundle / "rootfs"
        alone = ["chroot", "--userspec=1000:1000", root, "/usr/bin/imgguard"]
        self.assertIn(VERSION, tool(*alone, "--version"))
        shutil.copytree(HELLO, root / "hello")
        done = subprocess.run([*map(str, alone), "check", "oci:/hello:1.0.0"], capture_output=True, env={"PATH": os.environ["PATH"]}, check=False)
        self.assertEqual(done.returncode, PASS, done.stdout.decode() + done.stderr.decode())
