"""Five systems, built from the Dockerfiles of their design documents: each gets the verdict that its document deserves."""

import io
import os
import random
import shutil
import tarfile

from harness import HELLO, INCONCLUSIVE, PASS, ROOT, VIOLATIONS, Suite, imgguard
from layout import member
from own_image import in_store

SEEDS = ROOT / "testdata" / "seeds"
STORE = ROOT / "target" / "store"
# Packages of the Dockerfiles, with the commands they bring; label-studio is heavy enough to be seen in a cache.
PACKAGES = {
    "streamlit-1.40.0": "streamlit", "pandas-2.2.3": "", "fastapi-0.115.0": "", "uvicorn-0.30.0": "uvicorn",
    "alembic-1.13.0": "alembic", "label-studio-1.9.2": "label-studio", "poetry-2.1.2": "poetry",
}
POETRY = """import os
os.makedirs('.venv/bin')
os.makedirs('.venv/lib/python3.12/site-packages/streamlit')
open('.venv/lib/python3.12/site-packages/streamlit/__init__.py', 'w').close()
with open('.venv/bin/streamlit', 'w') as file:
    file.write('#!/usr/bin/env python3\\nimport streamlit\\n')
os.chmod('.venv/bin/streamlit', 0o755)
"""


def package(name, command):
    """A source package that pip builds and installs: one module, one command."""
    module = name.rsplit("-", 1)[0].replace("-", "_")
    body = "def main():\n" + "".join("    " + line + "\n" for line in (POETRY if command == "poetry" else "return 0\n").splitlines())
    scripts = f"entry_points={{'console_scripts': ['{command} = {module}:main']}}, " if command else ""
    setup = (f"from setuptools import setup\nsetup(name='{name.rsplit('-', 1)[0]}', version='{name.rsplit('-', 1)[1]}', packages=['{module}'], "
             f"{scripts}package_data={{'{module}': ['*.bin']}})\n")
    members = [member(f"{name}/setup.py", setup), member(f"{name}/{module}/__init__.py", body)]
    if command == "label-studio":
        members.append(member(f"{name}/{module}/data.bin", random.Random(1).randbytes(2 << 20)))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def stand_in(name, *tags, **arguments):
    """Builds one of testdata/seeds/bases under the names that the Dockerfiles use."""
    context = STORE / f"base-{name}"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(SEEDS / "bases" / name, context)
    if name == "python-slim":
        tar = STORE / "python.tar"
        in_store("store_debian", tar, "ca-certificates,netbase,tzdata,python3,python3-pip")
        os.link(tar, context / "debian.tar")
        (context / "packages").mkdir()
        for full, command in PACKAGES.items():
            (context / "packages" / f"{full}.tar.gz").write_bytes(package(full, command))
    elif name == "busybox":
        for blob in (HELLO / "blobs" / "sha256").iterdir():
            if blob.stat().st_size > 1_000_000:
                with tarfile.open(blob) as tar:
                    (context / "busybox").write_bytes(tar.extractfile("bin/busybox").read())
        (context / "busybox").chmod(0o755)
    options = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    in_store("store_buildah", "build", "--quiet", "--format", "docker", *options, "--tag", tags[0], context)
    for tag in tags[1:]:
        in_store("store_buildah", "tag", tags[0], tag)
    shutil.rmtree(context)


class Seeds(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        STORE.mkdir(parents=True, exist_ok=True)
        # With the driver vfs every layer is a copy of all below it: what a test is done with goes at once.
        cls.addClassCleanup(in_store, "store_empty")
        library = "docker.io/library"
        key11, key12 = "A035C8C19219BA821ECEA86B64E628F8D684696D", "7169605F62C751356D054A26A821E680E5FA6305"
        stand_in("busybox", "localhost/stand-in/busybox:latest")
        stand_in("python-alpine", f"{library}/python:3.9-alpine", PYTHON_VERSION="3.9.25")
        stand_in("python-alpine", f"{library}/python:3.13-alpine", PYTHON_VERSION="3.13.9")
        stand_in("node-alpine", f"{library}/node:18", f"{library}/node:18-alpine", NODE_VERSION="18.20.8")
        stand_in("node-alpine", f"{library}/node:22", f"{library}/node:22-alpine", NODE_VERSION="22.21.1")
        stand_in("python-slim", f"{library}/python:3.11-slim", PYTHON_VERSION="3.11.14", GPG_KEY=key11)
        stand_in("python-slim", f"{library}/python:3.12-slim", PYTHON_VERSION="3.12.12", GPG_KEY=key12)

    def built(self, name, tag, file="Dockerfile", *options):
        """Builds a seed in Docker's format, which keeps health checks; returns a reference to the archive."""
        image = f"localhost/{name}:{tag}"
        in_store("store_buildah", "build", "--quiet", "--format", "docker", "--tag", image, *options, "--file", SEEDS / name / file, SEEDS / name)
        archive = self.dir / f"{name}-{tag}.tar"
        self.addCleanup(in_store, "store_buildah", "rmi", "--force", image)
        archive.unlink(missing_ok=True)
        in_store("store_buildah", "push", "--quiet", image, f"docker-archive:{archive}:{image}")
        self.addCleanup(archive.unlink, missing_ok=True)
        return f"docker-archive:{archive}"

    def judged(self, reference, name, verdict, *options, deny=(), warn=(), passed=(), named=None):
        """The verdict is as expected; exactly these rules fail at deny level, these at warn level, and these do not fail; these are the subjects."""
        run = imgguard("check", reference, "--policy", ROOT / "policies" / "examples" / f"{name}.yaml", "-o", "json", *options)
        self.exits(run, verdict)
        results = run.json()["subjects"][0]["platforms"][0]["results"]
        failed = {level: {result["rule"] for result in results if result["outcome"] == "fail" and result["level"] == level} for level in ("deny", "warn")}
        self.assertEqual(failed["deny"], set(deny), f"\n{run}")
        self.assertLessEqual(set(warn), failed["warn"], f"\n{run}")
        for rule, subjects in (named or {}).items():
            found = {fault["subject"] for result in results if result["rule"] == rule for fault in result["faults"]}
            self.assertEqual(found, set(subjects), f"{rule}\n{run}")
        held = {result["rule"] for result in results if result["outcome"] == "pass"}
        self.assertLessEqual(set(passed), held, f"\n{run}")

    def test_analytics_platform(self):
        """analytics-platform: no health check in the image, deployed as `latest`, no labels; corrected, it passes"""
        name = "analytics-platform"
        self.judged(
            self.built(name, "latest"), name, VIOLATIONS,
            deny=["healthcheck.present", "tags.forbid", "tags.semver", "labels.require"],
            warn=["user.numeric"],
            passed=["user.root", "user.uid", "user.exists", "user.owns", "user.path-usable", "exec.resolve", "platforms.match", "accounts.empty-password",
                    "secrets.content", "secrets.names", "ports.exactly", "size.total", "base.allow", "layers.caches",
                    "layers.count", "files.capabilities", "files.empty", "files.world-writable", "env.require", "env.tls-off", "packages.require",
                    "packages.forbid", "runtime.eol"])
        corrected = self.built(name, "1.4.2", "Dockerfile.corrected", "--build-arg", f"AS_WRITTEN=localhost/{name}:latest")
        self.judged(
            corrected, name, PASS,
            passed=["healthcheck.exec", "healthcheck.shape", "healthcheck.timing", "exec.resolve", "user.owns", "user.path-usable"])

    def test_strain_seer(self):
        """strain-seer: its health check asks with curl, which is not there; package lists, no EXPOSE, no version; corrected, it passes"""
        name = "strain-seer"
        self.judged(
            self.built(name, "latest"), name, VIOLATIONS, deny=["layers.caches", "healthcheck.exec"],
            warn=["tags.forbid", "tags.semver", "ports.exactly", "user.numeric", "healthcheck.timing", "healthcheck.exposed"],
            passed=["user.root", "user.uid", "user.exists", "user.owns", "user.path-usable", "exec.resolve", "healthcheck.present", "healthcheck.shape",
                    "secrets.content", "packages.require", "packages.forbid"])
        self.judged(
            self.built(name, "1.0.0", "Dockerfile.corrected"), name, PASS,
            passed=["ports.exactly", "healthcheck.exec", "healthcheck.timing", "healthcheck.exposed", "user.numeric", "user.path-usable", "exec.resolve",
                    "packages.require"])

    def test_superinsight_a(self):
        """superinsight-a: root, no health check, both database ports open, pip's cache shipped; servers and users that nobody installed; corrected, it passes"""
        self.judged(
            self.built("superinsight-a", "2.3.0"), "superinsight-a", VIOLATIONS,
            deny=["user.root", "healthcheck.present", "ports.forbid", "exec.resolve", "user.exists"], warn=["layers.caches", "exec.init", "files.logs"],
            passed=["secrets.content", "tags.semver", "user.path-usable"],
            named={"exec.resolve": ["program:postgresql: /usr/lib/postgresql/14/bin/postgres", "program:redis: redis-server"],
                   "user.exists": ["program:fastapi: uvicorn", "program:label-studio: label-studio", "program:postgresql: /usr/lib/postgresql/14/bin/postgres"]})
        self.judged(
            self.built("superinsight-a", "2.3.1", "Dockerfile.corrected"), "superinsight-a", PASS,
            passed=["user.root", "user.exists", "healthcheck.present", "healthcheck.exec", "ports.forbid", "exec.resolve", "layers.caches"])

    def test_superinsight_b(self):
        """superinsight-b: root, no health check, the whole context copied, servers that nobody installed; no database port, no cache; corrected, it passes"""
        self.judged(
            self.built("superinsight-b", "2.3.0"), "superinsight-b", VIOLATIONS,
            deny=["user.root", "healthcheck.present", "exec.resolve", "user.exists"], warn=["files.forbid", "exec.init"],
            passed=["ports.forbid", "layers.caches", "secrets.content", "user.path-usable"],
            named={"exec.resolve": ["CMD: /usr/lib/postgresql/14/bin/postgres", "CMD: redis-server", "CMD: label-studio"],
                   "user.exists": ["CMD: su - postgres"]})
        self.judged(
            self.built("superinsight-b", "2.3.1", "Dockerfile.corrected"), "superinsight-b", PASS,
            passed=["user.root", "user.exists", "healthcheck.present", "healthcheck.exec", "files.forbid", "exec.resolve", "layers.caches"])

    def test_goaltrajectory_backend(self):
        """goaltrajectory-backend: nothing speaks against it, but its base is not proved: inconclusive; with the base recorded, it passes"""
        name, base = "goaltrajectory-backend", "docker.io/library/python:3.11-slim"
        image = self.built(name, "1.0.0")
        self.judged(image, name, INCONCLUSIVE, warn=["user.numeric"], passed=["user.root", "user.path-usable", "exec.resolve", "secrets.content"])
        layout, known = self.dir / "python-layout", self.dir / "bases.json"
        self.addCleanup(shutil.rmtree, layout, ignore_errors=True)
        in_store("store_buildah", "push", "--quiet", base, f"oci:{layout}:3.11-slim")
        self.exits(imgguard("bases", "update", "--lock", known, f"{base}=oci:{layout}:3.11-slim"), PASS)
        self.judged(image, name, PASS, "--bases", known, warn=["user.numeric"], passed=["base.allow", "exec.resolve", "runtime.eol"])

    def test_goaltrajectory_frontend(self):
        """goaltrajectory-frontend: Node.js 18 is no base any more; corrected, it passes"""
        name = "goaltrajectory-frontend"
        self.judged(
            self.built(name, "1.0.0"), name, VIOLATIONS,
            deny=["base.allow", "runtime.eol"], passed=["user.root", "user.path-usable", "exec.resolve", "secrets.content", "secrets.names", "ports.exactly"])
        self.judged(
            self.built(name, "1.0.1", "Dockerfile.corrected"), name, PASS,
            passed=["base.allow", "runtime.eol", "user.root", "user.numeric", "exec.resolve", "ports.exactly"])

    def test_tearsheet_analyzer(self):
        """tearsheet-analyzer: root without a word, Python 3.9, no health check, `latest`, pip's cache; corrected, it passes"""
        name = "tearsheet-analyzer"
        self.judged(
            self.built(name, "latest"), name, VIOLATIONS,
            deny=["user.root", "base.allow", "healthcheck.present", "runtime.eol", "tags.forbid", "tags.semver"], warn=["layers.caches"],
            passed=["ports.exactly", "size.total", "secrets.content", "env.forbid-values", "exec.resolve"])
        self.judged(self.built(name, "1.0.0", "Dockerfile.corrected"), name, PASS, passed=["user.root", "layers.caches", "healthcheck.exec", "healthcheck.shape", "exec.resolve", "user.path-usable"])

    def compared(self, reference, files, *rules):
        """Which of the consistency rules fail at level warn with these files beside the image; nothing is inconclusive."""
        policy = self.dir / "consistency.yaml"
        policy.write_text("version: 1\nname: consistency\nrules:\n  consistency: { compose: warn, kubernetes: warn }\n" + "".join(rules))
        run = imgguard("check", reference, "--policy", policy, *[part for file in files for part in ("--with", file)], "-o", "json")
        self.assertIn(run.exit, (PASS, VIOLATIONS), f"\n{run}")
        results = run.json()["subjects"][0]["platforms"][0]["results"]
        return {result["rule"].removeprefix("consistency."): result for result in results if result["outcome"] == "fail"}, run

    def test_deployments_of_the_seeds(self):
        """compose files and manifests of the seeds contradict their images where the documents do, and nowhere else"""
        deploy = SEEDS / "deploy"
        health = "  healthcheck:\n    present: { level: deny, accept: [image, compose] }\n    exec: deny\n"
        image = self.built("analytics-platform", "latest")
        found, run = self.compared(image, [SEEDS / "analytics-platform" / "docker-compose.yml"], health)
        self.assertEqual(set(found), {"healthcheck.exec", "image-refs"}, f"\n{run}")
        self.assertIn("curl", found["healthcheck.exec"]["faults"][0]["message"])
        found, run = self.compared(self.built("superinsight-a", "2.3.0"), [deploy / "superinsight.k8s.yml"])
        self.assertEqual(set(found), {"ports"}, f"\n{run}")
        self.assertEqual(len(found["ports"]["faults"]), 3, "four ports declared, one deployed")
        found, run = self.compared(self.built("superinsight-b", "2.3.0"), [deploy / "superinsight.k8s.yml"])
        self.assertEqual(set(found), set(), f"\n{run}")
        found, run = self.compared(self.built("strain-seer", "1.0.0", "Dockerfile.corrected"), [deploy / "strain-seer.compose.yml"])
        self.assertEqual(set(found), {"read-only"}, f"\n{run}")
        self.assertIn("/tmp/app", found["read-only"]["faults"][0]["message"])
        tearsheet = self.built("tearsheet-analyzer", "latest")
        found, run = self.compared(tearsheet, [deploy / "tearsheet-analyzer.compose.yml", deploy / "tearsheet-analyzer.k8s.yml"],
                                   "  healthcheck:\n    present: { level: deny, accept: [image, compose, kubernetes] }\n")
        self.assertEqual(set(found), {"image-refs", "healthcheck.present"}, f"\n{run}")

    def test_every_example_policy_is_right(self):
        """every policy in policies/ and policies/examples is free of mistakes"""
        for policy in sorted(path for path in (ROOT / "policies").rglob("*.yaml") if path.parent.name != "tables"):
            self.exits(imgguard("policy", "check", policy), PASS)
