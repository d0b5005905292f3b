"""Builds with real builders: what they make is kept whole, judged, and the same the second time."""

import json
import os
import shutil

from harness import HELLO, PASS, REFUSED, ROOT, VIOLATIONS, Server, Suite, imgguard, registry, socket_answers, tool
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


PEERS = ROOT / "target" / "peers"


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


class Buildx(Suite):
    """BuildKit through docker buildx: only when IMGGUARD_PEERS is set (see scripts/peers)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("buildx", "buildkitd"):
            assert (PEERS / name).is_file(), f"{PEERS / name} is missing: build it with scripts/peers"
        config, address = cls.dir / "docker", f"unix://{cls.short}/buildkit.sock"
        (config / "cli-plugins").mkdir(parents=True)
        (config / "cli-plugins" / "docker-buildx").symlink_to(PEERS / "buildx")
        cls.serve(Server("buildkitd", [PEERS / "buildkitd", "--addr", address, "--root", cls.short / "buildkit", "--oci-worker-snapshotter", "native", "--oci-worker-net", "host"],
                         socket_answers(cls.short / "buildkit.sock")))
        cls.env = {"DOCKER_CONFIG": str(config), "BUILDX_BUILDER": "peer"}
        tool("docker", "buildx", "create", "--name", "peer", "--driver", "remote", address, env=cls.env)
        cls.policy = cls.dir / "built.yaml"
        cls.policy.write_text(POLICY)

    context = Build.context

    def build(self, context, to, *arguments):
        return imgguard("build", context, "--to", to, "--source-date-epoch", "1700000000", *arguments, env=self.env)

    def test_buildx(self):
        """buildx is found first: its index byte for byte with provenance of every platform, images the same the second time, judged, released, refused"""
        context = self.context("x")
        arguments = ["--platform", "linux/amd64,linux/arm64", "--policy", self.policy]
        run = self.exits(self.build(context, f"oci:{self.dir}/x-out:app", *arguments), PASS, "$ SOURCE_DATE_EPOCH=1700000000 docker buildx build --provenance mode=max")
        self.assertNotIn("no provenance", run.err)
        self.exits(self.build(context, f"oci:{self.dir}/x-again:app", *arguments, "--no-cache"), PASS)
        images = []
        for name in ("x-out", "x-again"):
            index = json.loads(tool("skopeo", "inspect", "--raw", f"oci:{self.dir}/{name}:app"))
            images.append([entry["digest"] for entry in index["manifests"] if entry["platform"]["architecture"] != "unknown"])
            statements = [entry for entry in index["manifests"] if entry["platform"]["architecture"] == "unknown"]
            self.assertEqual({entry["annotations"]["vnd.docker.reference.digest"] for entry in statements}, set(images[-1]))
        self.assertEqual(images[0], images[1], "the same sources make the same images")
        self.assertEqual(len(images[0]), 2)
        blob = lambda digest: json.loads((self.dir / "x-again" / "blobs" / "sha256" / digest[7:]).read_text())
        layer = blob(statements[0]["digest"])["layers"][0]
        self.assertIn("slsa.dev/provenance", layer["annotations"]["in-toto.io/predicate-type"])
        for image in imgguard("inspect", f"oci:{self.dir}/x-out:app", "--platform", "all", "-o", "json").json()["images"]:
            self.assertEqual(image["config"]["healthcheck"]["test"], ["CMD", "/app"])
        server, host = registry(self.dir, "buildx")
        self.serve(server)
        digest = run.out.splitlines()[0].split()[-1]
        self.exits(imgguard("release", f"oci:{self.dir}/x-out:app", "--to", f"{host}/team/x", "--version", "1.0.0", "--policy", self.policy), PASS)
        self.assertEqual(tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{host}/team/x:1.0.0").strip(), digest)
        self.exits(self.build(self.context("x-root", DOCKERFILE.replace("USER 1000\n", "")), f"oci:{self.dir}/x-root-out", "--policy", self.policy), VIOLATIONS, "user.root")
        self.exits(self.build(self.context("x-bad", "FROM scratch\nCOPY nothing-of-this-name /x\n"), f"oci:{self.dir}/x-bad-out"), REFUSED, "did not build")
        self.assertFalse((self.dir / "x-bad-out").exists())


if not os.environ.get("IMGGUARD_PEERS"):
    print("  note   buildx is not driven: scripts/peers builds it with buildkitd, IMGGUARD_PEERS=1 asks for it", flush=True)
    del Buildx
