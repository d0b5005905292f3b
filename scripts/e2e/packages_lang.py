"""The packages of programming languages: what is found is exactly what the package managers list."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

from harness import PASS, Suite, imgguard, tool
from layout import Layer, Layout

# Small packages with dependencies of their own.
DEBIAN = "python3-pip,python3-requests,python3-yaml,ruby,ruby-rack,ruby-nokogiri"
NODE = ["express@4.21.2", "@babel/code-frame@7.26.2"]
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>own</groupId><artifactId>own</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.commons</groupId><artifactId>commons-lang3</artifactId><version>3.14.0</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.9</version></dependency>
</dependencies></project>"""

GO = """package main

import (
	"fmt"

	"rsc.io/quote"
)

func main() { fmt.Println(quote.Hello()) }
"""


def canonical(name):
    """The form in which names of Python distributions are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packed(folder):
    """A layer of everything in a folder."""
    archive = folder.parent / f"{folder.name}.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, arcname=".")
    return Layer(archive.read_bytes())


class PackagesLang(Suite):
    def listed(self, layer, kind):
        """Full names, versions and records of a family, as they are found installed in an image with this layer."""
        layout = Layout(self.dir / self.id().rsplit(".", 1)[1])
        layout.tag(layout.image([layer]), "t")
        run = imgguard("inspect", f"oci:{layout.finish()}:t", "-o", "json", "--no-cache")
        facts = self.exits(run, PASS).json()["images"][0]["packages"]["list"]
        records = [fact["package"] for fact in facts if fact["package"]["kind"] == kind and fact["removed"] is None]
        return [
            ("/".join(filter(None, (record["namespace"], record["name"]))), record["version"], record)
            for record in records if record["presence"] == "installed"
        ]

    def client(self, name):
        """Whether a client that Debian does not need to have is there; says so if not."""
        if shutil.which(name):
            return True
        print(f"  note   {self.shortDescription()}: `{name}` is not installed, so this part is left out", flush=True)
        return False

    @classmethod
    def debian(cls):
        """A Debian system with Python and Ruby, made once."""
        root = cls.dir / "debian"
        if not root.is_dir():
            archive = cls.dir / "debian-root.tar"
            tool("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={DEBIAN}", "bookworm", archive)
            root.mkdir()
            tool("tar", "-xf", archive, "-C", root, "--exclude=./dev/*")
            cls.layer = Layer(archive.read_bytes())
        return root

    def test_python(self):
        """Python distributions are those of `pip list`"""
        root = self.debian()
        listed = json.loads(tool("chroot", root, "python3", "-m", "pip", "list", "--format", "json"))
        found = {(canonical(name), version) for name, version, _ in self.listed(self.layer, "pypi")}
        self.assertEqual(found, {(canonical(entry["name"]), entry["version"]) for entry in listed})

    def test_ruby(self):
        """Ruby gems are those of `gem list`, the gems of Ruby itself among them"""
        root = self.debian()
        wanted = set()
        for line in tool("chroot", root, "gem", "list", "--quiet").splitlines():
            name, _, versions = line.partition(" (")
            for version in versions.rstrip(")").split(", "):
                # `default: 1.2`, `1.2 x86_64-linux`
                wanted.add((name, version.removeprefix("default: ").split(" ")[0]))
        self.assertEqual({(name, version) for name, version, _ in self.listed(self.layer, "gem")}, wanted - {("", "")})

    def test_node(self):
        """JavaScript packages are those of `npm ls --all`, with the checksums of their archives"""
        if not self.client("npm"):
            return
        root = self.dir / "node" / "app"
        root.mkdir(parents=True)
        (root / "package.json").write_text('{"name":"own","version":"1.0.0"}')
        tool("npm", "install", "--prefix", root, "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *NODE)
        done = subprocess.run(["npm", "ls", "--all", "--json"], cwd=root, capture_output=True, check=False)
        wanted, open_lists = {("own", "1.0.0")}, [json.loads(done.stdout).get("dependencies", {})]
        while open_lists:
            for name, entry in open_lists.pop().items():
                if "version" in entry:
                    wanted.add((name, entry["version"]))
                open_lists.append(entry.get("dependencies", {}))
        found = self.listed(packed(root.parent), "npm")
        self.assertEqual({(name, version) for name, version, _ in found}, wanted)
        lock = json.loads((root / "package-lock.json").read_text())["packages"]
        with_sum = {place.rpartition("node_modules/")[2] for place, entry in lock.items() if "integrity" in entry}
        for name, _, record in found:
            if name in with_sum:
                self.assertIn("sha512", [checksum["algorithm"] for checksum in record["hashes"]], name)

    def test_go(self):
        """Modules of Go programs, and their checksums, are those of `go version -m`; stripped or not"""
        if not self.client("go"):
            return
        project = self.dir / "go"
        project.mkdir()
        (project / "main.go").write_text(GO)
        programs = self.dir / "go-programs"
        programs.mkdir()
        where = {"cwd": project, "env": {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}}
        run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True, **where).stdout
        run("go", "mod", "init", "example.org/own")
        run("go", "get", "rsc.io/quote@v1.5.2")
        run("go", "build", "-o", programs / "plain")
        run("go", "build", "-ldflags=-s -w", "-trimpath", "-o", programs / "stripped")
        for name in ("plain", "stripped"):
            alone = self.dir / f"go-{name}"
            alone.mkdir()
            shutil.copy(programs / name, alone / name)
            said = run("go", "version", "-m", programs / name).splitlines()
            toolchain = said[0].rpartition(": go")[2]
            lines = [line.strip().split("\t") for line in said[1:]]
            wanted = {(line[1], line[2], line[3]) for line in lines if line[0] == "dep"}
            self.assertEqual(len(wanted), 3)
            found = self.listed(packed(alone), "golang")
            named = {(full, version) for full, version, _ in found}
            own = {("stdlib", toolchain), ("stdlib", f"go{toolchain}"), ("stdlib", f"v{toolchain}")} & named
            self.assertEqual(len(own), 1, named)
            main = {(full, version) for full, version in named if full == "example.org/own"}
            self.assertEqual(len(main), 1, named)
            sums = {(full, version, record["properties"].get("go:h1")) for full, version, record in found}
            self.assertEqual({one for one in sums if one[:2] not in own | main}, wanted)

    def test_java(self):
        """Java archives have the coordinates under which Maven fetched them"""
        if not self.client("mvn"):
            return
        project = self.dir / "java"
        project.mkdir()
        (project / "pom.xml").write_text(POM)
        copies = project / "lib"
        tool("mvn", "--batch-mode", "--quiet", "-f", project / "pom.xml", "dependency:copy-dependencies",
             f"-DoutputDirectory={copies}", "-Dmdep.prependGroupId=true")
        wanted = set()
        for path in copies.glob("*.jar"):
            group, artifact, version = re.fullmatch(r"(.*?)\.([a-z][a-z0-9-]*)-(\d.*)", path.stem).groups()
            wanted.add((f"{group}/{artifact}", version))
            path.rename(path.with_name(f"{artifact}-{version}.jar"))
        self.assertGreaterEqual(len(wanted), 3)
        found = {(name, version) for name, version, _ in self.listed(packed(pathlib.Path(copies)), "maven")}
        self.assertEqual(found, wanted)
