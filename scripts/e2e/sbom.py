"""Bills of materials: every format against the validators that others publish, verified against the image, converted, scored."""

import json
import pathlib
import re
import subprocess

from harness import HELLO, INCONCLUSIVE, PASS, REFUSED, ROOT, VIOLATIONS, Suite, imgguard

VENV = ROOT / "target" / "venv" / "bin" / "python"
VALIDATORS = {"cyclonedx": "cyclonedx-python-lib", "spdx_tools": "spdx-tools", "spdx3_validate": "spdx3-validate",
              "ntia_conformance_checker": "ntia-conformance-checker"}
READABLE = {"cyclonedx-json": "cdx.json", "cyclonedx-xml": "cdx.xml", "cyclonedx-1.6-json": "1.6.cdx.json", "cyclonedx-1.6-xml": "1.6.cdx.xml",
            "spdx-json": "spdx.json", "spdx-tag-value": "spdx", "spdx-3-json": "spdx3.json"}
IMAGE = f"oci:{HELLO}:1.0.0"
CREATOR = ["--creator", "ACME Corp.", "--creator-email", "sbom@acme.example"]


def package(kind, name, version, purl, **more):
    """A package as the facts tell it."""
    place = more.pop("place", "var/lib/dpkg/status")
    fact = {key: more.pop(key) for key in ("removed", "depends_on", "part_of", "unresolved") if key in more}
    record = {"kind": kind, "namespace": None, "name": name, "version": version, "arch": None, "qualifiers": {}, "presence": "installed",
              "role": "library", "licences": {"raw": [], "declared": None, "concluded": None, "texts": {}}, "supplier": None, "author": None,
              "description": None, "homepage": None, "download": None, "vcs": None, "cpes": [], "hashes": [], "files": [], "depends": [],
              "provides": [], "method": "database", "inside": "", "properties": {}, **more}
    return {"id": re.sub(r"[^A-Za-z0-9.-]", "-", f"{name}-{len(name)}"), "purl": purl, "package": record, "introduced": 0, "changed": 0, "removed": None, "depends_on": [],
            "unresolved": [], "part_of": None,
            "places": [{"path": place, "inside": record["inside"], "layer": 0, "cataloger": "test", "method": record["method"]}], **fact}


PACKAGES = [
    package("deb", "libssl3", "3.0.11-1~deb12u2", "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
            supplier="Debian OpenSSL Team <openssl@debian.example>", homepage="https://www.openssl.org/", depends_on=["libc6-5"],
            licences={"raw": ["Apache-2.0"], "declared": "Apache-2.0", "concluded": "Apache-2.0", "texts": {}}),
    package("deb", "libc6", "2.36-9+deb12u4", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
            supplier="GNU Libc Maintainers", cpes=["cpe:2.3:a:gnu:glibc:2.36:*:*:*:*:*:*:*"],
            licences={"raw": ["LGPL"], "declared": "LGPL-2.1-or-later OR LicenseRef-x", "concluded": "LGPL-2.1-or-later AND MIT",
                      "texts": {"LicenseRef-x": "A text of\ntwo <lines> & more"}}),
    package("npm", "core", "17.1.0", "pkg:npm/%40angular/core@17.1.0", namespace="@angular", method="manifest", author="A. Uthor <a@example.org>",
            download="https://files.example.org/core-17.1.0.tgz", vcs="git+https://code.example.org/core.git", place="app/package.json",
            hashes=[{"algorithm": "sha512", "value": "ab" * 64}]),
    package("maven", "slf4j-api", "2.0.9", "pkg:maven/org.slf4j/slf4j-api@2.0.9", namespace="org.slf4j", method="manifest",
            inside="BOOT-INF/lib/slf4j-api-2.0.9.jar", place="app/app.jar", hashes=[{"algorithm": "sha1", "value": "7c" * 20}]),
    package("pypi", "no-version", "", "pkg:pypi/no-version", method="manifest", place="app/x.dist-info/METADATA"),
    package("apk", "gcc", "13.2.1-r0", "pkg:apk/alpine/gcc@13.2.1-r0", removed=0),
    package("cargo", "rand", "0.8.5", "pkg:cargo/rand@0.8.5", presence="declared", method="claim", place="app/Cargo.lock"),
    package("pypi", "=ev\"il\x1b[31m\u202e\n</text>]]>&<b>ü漢\U0001f389", "1\n2", "pkg:pypi/evil@1", supplier="<b>&(x)\n", description="a\r\nb\x00",
            homepage="no address", licences={"raw": ["?\n"], "declared": "not an expression", "concluded": None, "texts": {}}),
]


class Sbom(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run = imgguard("inspect", IMAGE, "--platform", "all", "-o", "json")
        facts = run.json()
        cls.facts = cls.dir / "facts.json"
        for image in facts["images"]:
            image["packages"] = {"list": PACKAGES, "tampered": [], "unowned": [], "removed_databases": [], "unconfirmed": []}
            image["gaps"] = []
        facts["gaps"] = []
        cls.facts.write_text(json.dumps(facts))
        one = {**facts, "images": facts["images"][:1]}
        cls.one = cls.dir / "one.json"
        cls.one.write_text(json.dumps(one))
        one["images"][0] = {**one["images"][0], "gaps": [{"kind": "catalog", "layer": 0, "path": "var/lib/dpkg/status", "detail": "line 3: no name"}]}
        cls.gap = cls.dir / "gap.json"
        cls.gap.write_text(json.dumps(one))

    def write(self, source, folder, *more):
        folder = self.dir / folder
        folder.mkdir(exist_ok=True)
        outputs = [word for name, extension in READABLE.items() for word in ("-o", f"{name}={folder}/app.{extension}")]
        run = imgguard("sbom", source, *more, *outputs)
        files = sorted(folder.iterdir())
        self.assertEqual(len(files), len(READABLE), f"\n{run}")
        return run, files

    def validated(self, files, names=tuple(VALIDATORS.values())):
        """Every validator is satisfied with every file; one that is not there is an error, not a pass."""
        self.assertTrue(VENV.is_file(), f"{VENV} is missing: `scripts/test e2e sbom` makes it")
        for module, name in VALIDATORS.items():
            done = subprocess.run([VENV, "-c", f"import {module}"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, f"the validator {name} is not installed:\n{done.stderr.decode()[-500:]}")
        done = subprocess.run([VENV, ROOT / "scripts" / "e2e" / "sbom_validators.py", *files], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])
        answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
        for answer in answers:
            self.assertFalse(answer.get("errors"), json.dumps(answer, indent=1))
        for answer in answers:
            if "announced" in answer:
                print(f"  note   {answer['file']}: {answer['announced']}", flush=True)
        self.assertEqual({answer["file"] for answer in answers}, {path.name for path in files})
        seen = " ".join(answer.get("validator", "") for answer in answers)
        for name in names:
            self.assertIn(name, seen)
        return answers

    def test_validators(self):
        """every format satisfies cyclonedx-python-lib, spdx-tools, spdx3-validate and is read by ntia-conformance-checker"""
        run, files = self.write(f"facts:{self.one}", "plain", "--include", "removed,declared,claimed", *CREATOR)
        self.exits(run, PASS)
        answers = self.validated(files)
        for answer in answers:
            if answer.get("standard") == "ntia":
                self.assertTrue(answer["author"] and answer["timestamp"] and answer["relationships"], answer)
                self.assertEqual(answer["without_name"], 0, answer)

    def test_real_image(self):
        """documents of a real image satisfy the validators and agree with the image"""
        run, files = self.write(IMAGE, "real", *CREATOR)
        self.exits(run, PASS)
        self.validated(files)
        for path in files:
            self.exits(imgguard("sbom", "verify", IMAGE, path), PASS, "agrees with the image")
        self.exits(imgguard("sbom", "verify", f"oci:{HELLO}:0.9.0", files[0]), VIOLATIONS, "differences")

    def test_reproducible(self):
        """the same image gives the same bytes, and SOURCE_DATE_EPOCH is the time"""
        source = f"facts:{self.one}"
        first, second = (imgguard("sbom", source, "-o", "cyclonedx-json").out for _ in range(2))
        self.assertEqual(first, second)
        dated = imgguard("sbom", source, "-o", "cyclonedx-json", env={"SOURCE_DATE_EPOCH": "1700000000"}).json()
        self.assertEqual(dated["metadata"]["timestamp"], "2023-11-14T22:13:20Z")
        self.exits(imgguard("sbom", source, env={"SOURCE_DATE_EPOCH": "now"}), REFUSED, "SOURCE_DATE_EPOCH")

    def test_convert(self):
        """a document converted through every format is the one that was written from the image"""
        _, files = self.write(f"facts:{self.one}", "convert", *CREATOR)
        texts = {path.name: path.read_bytes() for path in files}
        for start in files:
            for name, extension in READABLE.items():
                target = self.dir / f"back.{extension}"
                self.exits(imgguard("sbom", "convert", start, "-o", f"{name}={target}"), PASS)
                self.assertEqual(target.read_bytes(), texts[f"app.{extension}"], f"{start.name} to {name}")

    def test_verify(self):
        """a changed document is told field by field, with exit 1"""
        _, files = self.write(f"facts:{self.one}", "verify")
        path = next(path for path in files if path.name == "app.cdx.json")
        self.exits(imgguard("sbom", "verify", f"facts:{self.one}", path), PASS, "agrees")
        document = json.loads(path.read_text())
        document["components"] = [part for part in document["components"] if part["name"] != "libc6"]
        next(part for part in document["components"] if part["name"] == "libssl3")["version"] = "9.9"
        path.write_text(json.dumps(document))
        run = imgguard("sbom", "verify", f"facts:{self.one}", path)
        self.exits(run, VIOLATIONS, "not in the file", "version: the image says `3.0.11-1~deb12u2`, the file `9.9`")

    def test_gap(self):
        """a record that could not be read gives exit 3, and the document names it"""
        run = imgguard("sbom", f"facts:{self.gap}", "-o", "spdx-json")
        self.exits(run, INCONCLUSIVE, "line 3: no name")
        self.assertIn("libssl3", run.out)

    def test_platforms(self):
        """all platforms: one document each and one for the index"""
        folder = self.dir / "all"
        self.exits(imgguard("sbom", f"facts:{self.facts}", "--platform", "all", "-o", f"spdx-3-json={folder}/"), PASS)
        names = sorted(path.name for path in folder.iterdir())
        self.assertEqual([name.split(".", 1)[1] for name in names], ["index.spdx3.json", "linux-amd64.spdx3.json", "linux-arm64.spdx3.json"])
        self.validated(sorted(folder.iterdir()), ["spdx3-validate"])
        run = imgguard("sbom", f"facts:{self.facts}", "--platform", "all", "-o", f"csv={self.dir}/one.csv")
        self.exits(run, REFUSED, "{platform}")
        self.exits(imgguard("sbom", f"facts:{self.facts}", "--platform", "all", "-o", "csv"), REFUSED, "stdout holds one")

    def test_score(self):
        """what is missing is told per yardstick and component"""
        _, files = self.write(f"facts:{self.one}", "score", *CREATOR)
        path = next(path for path in files if path.name == "app.spdx3.json")
        scores = imgguard("sbom", "score", path, "-o", "json").json()["scores"]
        self.assertEqual([score["yardstick"] for score in scores], ["ntia", "cisa2025", "bsi"])
        for score in scores:
            self.assertEqual([field["id"] for field in score["fields"] if field["of"] == "document" and field["missing"]], [])
        self.exits(imgguard("sbom", "score", path), PASS, "lacks")
        self.exits(imgguard("sbom", "score", path, "--against", "bsi"), VIOLATIONS, "sha512")
        self.exits(imgguard("sbom", "score", path, "--against", "nist"), REFUSED, "cisa2025")

    def test_github(self):
        """a dependency snapshot needs a commit, and names every installed package"""
        self.exits(imgguard("sbom", f"facts:{self.one}", "-o", "github"), REFUSED, "GITHUB_SHA")
        env = {"GITHUB_SHA": "0" * 40, "GITHUB_REF": "refs/heads/main", "GITHUB_SERVER_URL": "https://code.example.org",
               "GITHUB_REPOSITORY": "acme/app", "GITHUB_JOB": "image"}
        snapshot = imgguard("sbom", f"facts:{self.one}", "-o", "github", env=env).json()
        [manifest] = snapshot["manifests"].values()
        self.assertIn("pkg:npm/%40angular/core@17.1.0", manifest["resolved"])
        self.assertEqual(manifest["resolved"]["pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12"]["relationship"], "indirect")

    def test_table(self):
        """the table on stdout controls no terminal, and the file of values holds no formula"""
        run = self.exits(imgguard("sbom", f"facts:{self.one}"), PASS, "libssl3", "packages")
        self.assertNotIn("\x1b", run.out)
        for line in imgguard("sbom", f"facts:{self.one}", "-o", "csv").out.splitlines():
            self.assertNotIn(line[:1], ["=", "+", "-", "@"])

    def test_bad_files(self):
        """what is no document is refused with a reason"""
        path = pathlib.Path(self.dir / "bad")
        for text, words in [("", "no bill of materials"), ("{", "no JSON"), ("<a>", "no XML"), ('{"spdxVersion":"SPDX-9"}', "is not read")]:
            path.write_text(text)
            self.exits(imgguard("sbom", "score", path), REFUSED, words)
        self.exits(imgguard("sbom", "convert", self.dir / "absent", "-o", "csv"), REFUSED, "could not be read")
