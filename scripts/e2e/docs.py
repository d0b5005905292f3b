"""The command blocks of README and docs, run from top to bottom as a reader would, page by page, with registries on loopback in place of
their names. A block that cannot be run here says so: <!-- not run: REASON --> in the line before it; such blocks are listed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time

from harness import BINARY, HELLO, PASS, ROOT, VIOLATIONS, WORK, Run, Suite, imgguard, registry, tool
from own_image import in_store

BLOCK = re.compile(r"^(?:<!-- not run: (?P<why>.+?) -->\n)?```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = ("sh", "console", "bash")
# Names without a registry, which Docker Hub would be asked for.
SHORT = re.compile(r"(?<![\w./:=-])(app|python|debian)(?=:\d)")
PASSWORD = "open sesame"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# What ends otherwise than well, and what it says: page, a part of the command, exit code, words.
ENDS = [
    ("promote.md", "--attest-refusals", VIOLATIONS, "summaries that say FAILED were attached"),
    ("promote.md", "--vsa-resource", VIOLATIONS, "user.root"),
    ("README.md", "--as kyverno", VIOLATIONS, "log"),
    ("tags.md", "tags audit", VIOLATIONS, "points at"),
]

# The places of the pages: each has repositories of its own.
POLICY = """version: 1
name: docs
rules:
  user: { root: deny }
  base: { allow: { refs: [BASES], level: warn } }
"""
DOCKERFILE = "FROM scratch\nCOPY --chown=1000:1000 app.conf /etc/app.conf\nUSER 1000\nENTRYPOINT [\"/app\"]\n"
COMPOSE = "services:\n  app:\n    image: registry.example/acme/app:1.4.2\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: { name: app }\nspec: { containers: [{ name: app, image: 'registry.example/acme/app:1.4.2' }] }\n"


def blocks(text):
    """Language, body, and why it is not run, of every block."""
    return [(found["language"], found["body"], found["why"]) for found in BLOCK.finditer(text)]


def commands(language, body):
    """The commands of a block: whole lines, without the output that a console shows."""
    for line in body.replace("\\\n", " ").splitlines():
        if language == "console":
            if not line.startswith("$ "):
                continue
            line = line.removeprefix("$ ")
        if line.strip() and not line.startswith("#"):
            yield line.strip()


class Docs(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (ROOT / "target" / "store").mkdir(parents=True, exist_ok=True)
        cls.addClassCleanup(in_store, "store_empty")
        cls.hosts = {}
        for name in ("staging", "prod"):
            folder = cls.dir / name
            folder.mkdir()
            server, cls.hosts[name] = registry(folder, f"docs-{name}")
            cls.serve(server)
        # What readers have on their machine. The daemon is none: `docker save` gives the image that the page is about.
        cls.bin = cls.dir / "bin"
        cls.bin.mkdir()
        (cls.bin / "imgguard").symlink_to(BINARY)
        archive = cls.dir / "app.tar"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:1.0.0", f"docker-archive:{archive}:app:1.4.2")
        cls.script("docker", f'[ "$*" = "save app" ] && exec cat {archive}\nexit 1\n')
        cls.script("cargo", '[ "$1 $2 $3" = "run --release --" ] && shift 3 && exec imgguard "$@"\nexit 1\n')
        driver = in_store("eval", 'printf "%s" "$STORE_DRIVER"')
        storage = cls.dir / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{ROOT}/target/store/root"\nrunroot = "{ROOT}/target/store/run"\n')
        cls.env = {
            "PATH": f"{cls.bin}:{os.environ['PATH']}", "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache"),
            "IMGGUARD_KEY_PASSWORD": PASSWORD, "BUILDAH_ISOLATION": "chroot", "CONTAINERS_STORAGE_CONF": str(storage), "SOURCE_DATE_EPOCH": "1700000000",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@acme.example", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@acme.example",
        }
        cls.not_run, cls.ran = [], 0

    @classmethod
    def script(cls, name, text):
        path = cls.bin / name
        path.write_text(f"#!/bin/bash\n{text}")
        path.chmod(0o755)

    def page(self, path):
        """Runs a page."""
        self.name, self.text = path.name, path.read_text()
        self.place = path.stem.lower()
        self.work = self.dir / "work" / self.place
        self.prepare()
        for language, body, why in blocks(self.text):
            if why:
                self.not_run.append(f"{path.name}: {' '.join(next(commands(language, body), body).split()[:3])} …: {why}")
            elif language in SHELL:
                for line in commands(language, body):
                    self.command(line)
            elif language == "yaml":
                self.document(body)

    def real(self, text):
        """A text of the page with the names of what is there."""
        staging, prod = (f"{self.hosts[name]}/{self.place}" for name in ("staging", "prod"))
        text = text.replace("prod.example/", f"{prod}/").replace("staging.example/", f"{staging}/").replace("registry.example/", f"{staging}/")
        text = SHORT.sub(lambda found: f"{staging}/acme/{found[1]}", text)
        return text.replace("sha256:…", self.digest) if self.digest else text

    def prepare(self):
        """A folder with what a project has, and repositories with the images of the pages."""
        self.digest = ""
        shutil.copytree(HELLO, self.work / "layout")
        at = self.real("registry.example/acme/app")
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", f"oci:{HELLO}:1.0.0", f"oci:{self.work}/layout:1.4.2")
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", f"oci:{HELLO}:1.0.0", f"oci:{self.work}/mirror:3.12")
        for tag in ("1.4.2", "build-7"):
            self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", f"{at}:{tag}"), PASS)
        # An image that runs as root where the page is about refusals.
        self.exits(imgguard("copy", f"oci:{HELLO}:{'0.9.0' if self.name == 'promote.md' else '1.0.0'}", f"{at}:1.4.3"), PASS)
        if self.name == "tags.md":
            for tag, version in (("2.0.1", "1.0.0"), ("1.9.0", "0.9.0"), ("latest", "0.9.0"), ("0", "0.9.0")):
                self.exits(imgguard("copy", f"oci:{HELLO}:{version}", f"{at}:{tag}"), PASS)
        for name in ("python:3.12-slim", "debian:13"):
            self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", self.real(name)), PASS)
        policy = POLICY.replace("BASES", ", ".join(f'"{self.real(name)}"' for name in ("python:3.12-slim", "debian:13")))
        if self.name == "promote.md":
            policy = policy.replace("rules:", "promote: { signers: { gate: { key: gate.pub } } }\nrules:")
        files = {
            "imgguard.yaml": policy, "Dockerfile": DOCKERFILE, "docker-compose.yml": self.real(COMPOSE), "k8s/pod.yaml": self.real(POD),
            "team.yaml": "version: 1\nname: team\nextends: ['@minimal']\n", "house.yaml": "version: 1\nname: house\nextends: ['@minimal']\n", "src/main.py": "print('hello')\n", "app.conf": "port = 8080\n",
        }
        for name, text in files.items():
            (self.work / name).parent.mkdir(exist_ok=True)
            (self.work / name).write_text(text)
        (self.work / "testdata" / "images").mkdir(parents=True)
        (self.work / "testdata" / "images" / "hello").symlink_to(HELLO)
        for line in ("git init -q", "git add src", "git commit -q -m first"):
            self.shell(line)
        for name in ("gate", "alice", "house"):
            if f"{name}.key" in self.text:
                self.exits(self.shell(f"imgguard key generate --out {name}"), PASS)
        if self.name == "promote.md":
            # A promotion before that of the page, so that there is somewhere to go back to.
            self.exits(self.shell(f"imgguard copy oci:{self.another()}:1.4.1 {at}:1.4.1"), PASS)
            self.exits(self.shell(self.real("imgguard promote staging.example/acme/app:1.4.1 prod.example/acme/app --version 1.4.1 --key gate.key")), PASS)
            time.sleep(1.1)
            self.digest = self.shell(f"imgguard tree {at}:1.4.2 -o json").json()["digest"]
        if self.name == "signing.md":
            tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.work / "old.pem")
            self.exits(self.shell(f"imgguard sbom {at}:1.4.2 -o cyclonedx-json=app.cdx.json"), PASS)

    def another(self):
        """A layout with another image that passes: the same index with an annotation."""
        folder = self.work / "another"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", f"oci:{HELLO}:1.0.0", f"oci:{folder}:1.4.1")
        index = json.loads((folder / "index.json").read_text())
        entry = index["manifests"][0]
        document = json.loads((folder / "blobs" / "sha256" / entry["digest"][7:]).read_text())
        document.setdefault("annotations", {})["acme.example/another"] = "1"
        text = json.dumps(document)
        entry["digest"], entry["size"] = "sha256:" + hashlib.sha256(text.encode()).hexdigest(), len(text)
        (folder / "blobs" / "sha256" / entry["digest"][7:]).write_text(text)
        (folder / "index.json").write_text(json.dumps(index))
        return folder

    def shell(self, line):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=self.env, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        return Run([line], done)

    def command(self, line):
        if self.name == "signing.md" and "sha256:…" in line:
            nodes = self.shell(self.real("imgguard referrers list app:1.4.2 -o json")).json()["nodes"]
            self.digest = next(one["digest"] for node in nodes for one in node["referrers"])
        if " rollback " in line:
            # Records tell their order in seconds.
            time.sleep(1.1)
        run = self.shell(self.real(line))
        for page, part, code, words in ENDS:
            if page == self.name and part in line:
                self.exits(run, code, words)
                break
        else:
            self.assertEqual(run.exit, PASS, f"{self.name}: {line}\n{run}")
        type(self).ran += 1

    def document(self, body):
        """A policy of a page is one; a file with promotions is applied."""
        if "promotions:" in body:
            # The digests of the page are cut short.
            lines = re.sub(r'"sha256:9f2c…"', f'"{self.digest}"', self.real(body)).splitlines()
            text = "\n".join(line for line in lines if "41ac" not in line).replace('"1.4", ', "") + "\n"
            (self.work / "many.yaml").write_text(text)
            self.exits(self.shell("imgguard promote diff many.yaml"), VIOLATIONS, "differ")
        elif re.match(r"version: 1\n", body) and re.search(r"^(rules|extends|custom):", body, re.MULTILINE):
            (self.work / "page.yaml").write_text(body.replace('sha256: "…"', f'sha256: "{"0" * 64}"'))
            self.exits(self.shell("imgguard policy check page.yaml"), PASS)
        else:
            return
        type(self).ran += 1

    def test_every_page(self):
        """every command block of README and docs does what it is shown for; what cannot be run here is listed with its reason"""
        wrong = []
        for path in PAGES:
            if any(language in SHELL or language == "yaml" for language, _, _ in blocks(path.read_text())):
                try:
                    self.page(path)
                except AssertionError as error:
                    # One page keeps no other one from being read.
                    wrong.append(f"{path.name}: {error}")
        for line in self.not_run:
            print(f"  note   not run: {line}", flush=True)
        self.assertEqual(wrong, [], "\n\n".join(wrong))
        self.assertLessEqual(len(self.not_run), 8, self.not_run)
        self.assertGreater(self.ran, 60)

    def test_a_wrong_command_is_found(self):
        """a command that is none, an option that is none, and a block in a language without a name fail"""
        for text in ("```sh\nimgguard chek app:1.4.2\n```\n", "```console\n$ imgguard check app:1.4.2 --polcy x\nPASS\n```\n"):
            path = self.dir / "wrong.md"
            path.write_text(text)
            shutil.rmtree(self.dir / "work" / "wrong", ignore_errors=True)
            with self.assertRaises(AssertionError):
                self.page(path)
        for path in PAGES:
            for language, body, _ in blocks(path.read_text()):
                self.assertNotEqual(language, "", f"{path.name}: a block without a language: {body[:60]}")
