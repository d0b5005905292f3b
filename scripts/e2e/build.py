"""Builds with real builders: what they make is kept whole, judged, and the same the second time."""

import json
import os
import shutil

from harness import HELLO, PASS, REFUSED, ROOT, VIOLATIONS, Suite, imgguard, registry, tool
from own_image import in_store

DOCKERFILE = """FROM scratch
COPY --chown=1000:1000 app /app
COPY notes /notes
HEALTHCHECK --interval=30s CMD ["/app"]
USER 1000
ENTRYPOINT ["/app"]
"""
POLICY = """version: 1
name: built
rules:
  user: { root: deny }
  healthcheck: { present: deny }
"""


class Build(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        store = ROOT / "target" / "store"
        store.mkdir(parents=True, exist_ok=True)
        cls.addClassCleanup(in_store, "store_empty")
        cls.driver = in_store("eval", 'printf "%s" "$STORE_DRIVER"')
        cls.buildah = [f"--root={store}/root", f"--runroot={store}/run", f"--storage-driver={cls.driver}"]
        cls.policy = cls.dir / "built.yaml"
        cls.policy.write_text(POLICY)

    def context(self, name, dockerfile=DOCKERFILE):
        folder = self.dir / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / "app").write_text("#!/none\n")
        (folder / "app").chmod(0o755)
        (folder / "notes").write_text("x" * 10_000)
        return folder

    def build(self, context, to, *arguments, builder="buildah", options=None, env=None):
        options = [f"--builder-option={option}" for option in (self.buildah if options is None else options)]
        return imgguard("build", context, "--to", to, "--builder", builder, *options, *arguments,
                        env={"BUILDAH_ISOLATION": "chroot", **(env or {})})

    def test_two_platforms(self):
        """buildah: two platforms under one index, health check and layers kept, the same digest the second time, judged"""
        context = self.context("two")
        arguments = ["--platform", "linux/amd64,linux/arm64", "--source-date-epoch", "1700000000", "--policy", self.policy]
        first = self.exits(self.build(context, f"oci:{self.dir}/one:app", *arguments), PASS, "buildah build --format docker", "no provenance")
        second = self.exits(self.build(context, f"oci:{self.dir}/two-again:app", *arguments, "--no-cache"), PASS)
        digests = {run.out.splitlines()[0].split()[-1] for run in (first, second)}
        self.assertEqual(len(digests), 1, f"\n{first}\n{second}")
        index = json.loads(tool("skopeo", "inspect", "--raw", f"oci:{self.dir}/one:app"))
        self.assertEqual([entry["platform"]["architecture"] for entry in index["manifests"]], ["amd64", "arm64"])
        for image in imgguard("inspect", f"oci:{self.dir}/one:app", "--platform", "all", "-o", "json").json()["images"]:
            self.assertEqual(image["config"]["healthcheck"]["test"], ["CMD", "/app"])
            self.assertEqual(len(image["layers"]), 2)
        tool("umoci", "unpack", "--image", self.flat("one"), self.dir / "bundle")
        self.assertEqual((self.dir / "bundle" / "rootfs" / "notes").stat().st_size, 10_000)
        left = in_store("store_buildah", "images", "--format", "{{.Name}}")
        self.assertNotIn("imgguard-build", left, "what the build named in the store is gone")

    def flat(self, name):
        """One platform of a layout for umoci, which reads no nested index."""
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{self.dir}/{name}:app", f"oci:{self.dir}/{name}-flat:app")
        return f"{self.dir}/{name}-flat:app"

    def test_verdict(self):
        """an image that the policy forbids is built and refused; without the check it is only built"""
        context = self.context("root", DOCKERFILE.replace("USER 1000\n", ""))
        self.exits(self.build(context, f"oci:{self.dir}/root-out", "--policy", self.policy), VIOLATIONS, "user.root")
        self.exits(self.build(context, f"oci:{self.dir}/root-out:again", "--no-check"), PASS, "built oci:")

    def test_podman(self):
        """podman: the same, from its own store"""
        store = self.short / "store"
        self.addCleanup(shutil.rmtree, store, ignore_errors=True)
        options = [f"--root={store}/root", f"--runroot={store}/run", f"--storage-driver={self.driver}", "--cgroup-manager=cgroupfs"]
        run = self.build(self.context("pod"), f"oci:{self.dir}/pod-out:app", "--policy", self.policy, builder="podman", options=options)
        self.exits(run, PASS, "podman save")
        image = imgguard("inspect", f"oci:{self.dir}/pod-out:app", "-o", "json").json()["images"][0]
        self.assertEqual(image["config"]["healthcheck"]["test"], ["CMD", "/app"])

    def test_refusals(self):
        """no builder, a Dockerfile with a mistake, a destination that is none: exit 2, nothing is written, and it is said why"""
        context = self.context("bad", "FROM scratch\nCOPY nothing-of-this-name /x\n")
        out = self.dir / "bad-out"
        self.exits(self.build(context, f"oci:{out}"), REFUSED, "did not build", "nothing-of-this-name")
        self.exits(self.build(context, f"oci:{out}", builder="auto", env={"PATH": str(self.dir)}), REFUSED, "no builder", "install")
        self.exits(self.build(context, f"docker-archive:{out}"), REFUSED, "oci:DIR")
        self.assertFalse(out.exists())
        planned = self.exits(self.build(context, f"oci:{out}", "--dry-run", "--build-arg", "A=b c"), PASS)
        self.assertIn("--build-arg 'A=b c'", planned.out)

    def test_pipeline(self):
        """imgguard run: the whole way of a policy file, every step shown; what is not passed ends it before the release"""
        server, host = registry(self.dir, "pipeline")
        self.serve(server)
        env = {"IMGGUARD_KEY_PASSWORD": "open sesame", "BUILDAH_ISOLATION": "chroot", "SOURCE_DATE_EPOCH": "1700000000"}
        context = self.context("whole")
        self.exits(imgguard("key", "generate", "--out", self.dir / "run", env=env), PASS)
        target = f"{host}/team/whole"
        policy = self.dir / "pipeline.yaml"
        policy.write_text(POLICY + f"""pipeline:
  build: {{ context: {context}, to: 'oci:{self.dir}/whole-out:app', platforms: [linux/amd64, linux/arm64], builder: buildah, options: {json.dumps(self.buildah)} }}
  sbom: {{ files: {{ spdx-json: '{self.dir}/{{platform}}.spdx.json' }}, attest: [cyclonedx-json] }}
  sign: {{ key: {self.dir}/run.key }}
  release: {{ to: {target}, annotations: {{}} }}
""")
        self.exits(imgguard("policy", "check", policy), PASS)
        self.exits(imgguard("run", "--policy", policy, env=env), REFUSED, "no version")
        planned = self.exits(imgguard("run", "--policy", policy, "--version", "1.0.0", "--dry-run", env=env), PASS)
        self.assertEqual([line.split()[:4] for line in planned.err.splitlines()], [
            ["==>", f"{at}/4", "imgguard", name] for at, name in enumerate(("build", "check", "sbom", "release"), 1)])
        self.exits(imgguard("run", "--policy", policy, "--version", "1.0.0", env=env), PASS, "==> 4/4 imgguard release")
        self.exits(imgguard("verify", f"{target}:latest", "--key", self.dir / "run.pub"), PASS, "verified")
        for name in ("linux-amd64", "linux-arm64", "index"):
            self.assertIn("SPDXRef-DOCUMENT", (self.dir / f"{name}.spdx.json").read_text())
        (context / "Dockerfile").write_text(DOCKERFILE.replace("USER 1000\n", ""))
        self.exits(imgguard("run", "--policy", policy, "--version", "1.0.1", env=env), VIOLATIONS, "ended at step 2 of 4, check")
        self.assertNotIn("1.0.1", tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{target}"))
        policy.write_text(POLICY + "pipeline: { release: { too: a/b } }\n")
        self.exits(imgguard("policy", "check", policy), REFUSED, "too")

    def test_docker_archives_are_copied_and_released(self):
        """an archive of docker save, plain or packed: one made manifest, the config's digest kept, a second release writes nothing"""
        server, host = registry(self.dir, "converted")
        self.serve(server)
        archive = self.dir / "hello.tar"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:1.0.0", f"docker-archive:{archive}:hello:1")
        release = ["release", f"docker-archive:{archive}", "--to", f"{host}/team/hello", "--version", "1.0.0", "--policy", "@minimal", "-o", "json"]
        first = self.exits(imgguard(*release), PASS).json()
        again = self.exits(imgguard(*release), PASS).json()["written"]
        self.assertEqual((again["blobs"], again["manifests"], again["tags"]), (0, 0, []))
        manifest = json.loads(tool("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/team/hello:1.0.0"))
        config = json.loads(tool("skopeo", "inspect", "--raw", f"docker-archive:{archive}"))["config"]["digest"]
        self.assertEqual(manifest["config"]["digest"], config)
        self.assertEqual({layer["mediaType"] for layer in manifest["layers"]}, {"application/vnd.oci.image.layer.v1.tar+gzip"})
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false", f"docker://{host}/team/hello:1.0.0", f"oci:{self.dir}/pulled:1")
        tool("gzip", "-k", archive)
        packed = self.exits(imgguard("copy", f"docker-archive:{archive}.gz", f"oci:{self.dir}/copied:1", "-o", "json"), PASS)
        copied = json.loads((self.dir / "copied" / "index.json").read_text())["manifests"][0]["digest"]
        self.assertEqual(copied, first["digest"], f"\n{packed}")
        damaged = self.dir / "damaged.tar"
        whole = archive.read_bytes()
        at = whole.rindex(b"busybox") if b"busybox" in whole else len(whole) // 2
        damaged.write_bytes(whole[:at] + b"X" + whole[at + 1:])
        run = imgguard("release", f"docker-archive:{damaged}", "--to", f"{host}/team/damaged", "--version", "1.0.0", "--policy", "@minimal")
        self.assertNotEqual(run.exit, PASS, f"\n{run}")
        self.exits(imgguard("tags", "audit", f"{host}/team/damaged"), REFUSED, "not found")
