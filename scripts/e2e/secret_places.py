"""Made-up secrets in every place where an image can hold one: each is found there, and no output ever shows it."""

import base64
import hashlib
import json
import os
import random
import struct
import urllib.parse
import zlib

from harness import INCONCLUSIVE, PASS, REFUSED, VIOLATIONS, Suite, imgguard, tool
from layout import Layer, Layout, archive, encode, member, symlink

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PLATFORM = {"os": "linux", "architecture": "amd64"}
POLICY = """version: 1
name: secrets
rules:
  secrets: { content: { level: deny, min-confidence: contextual }, package-supplied: warn, incomplete: info }
"""


def base62(number, length):
    text = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        text = BASE62[digit] + text
    return text


class Tokens:
    """Made-up GitHub tokens whose checksum agrees, one per place; the same in every run."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.made = []

    def __call__(self):
        body = "".join(self.random.choice(BASE62) for _ in range(30))
        token = "ghp" + "_" + body + base62(zlib.crc32(body.encode()), 6)
        self.made.append(token)
        return token

    def forms(self):
        """The values as nobody may see them: plain, percent-encoded, base64 at each alignment; hexadecimal."""
        for token in self.made:
            yield token
            yield token[12:]
            yield urllib.parse.quote(token, safe="").replace("_", "%5F")
            yield token.encode().hex()
            for pad in range(3):
                packed = base64.b64encode(b"x" * pad + token.encode()).decode()
                yield packed[4:-4]


class Secrets(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.dir / "policy.yaml"
        cls.policy.write_text(POLICY)

    def found(self, *arguments, exits=VIOLATIONS):
        run = self.exits(imgguard("secrets", *arguments, "-o", "json", "--no-cache"), exits)
        return run.json()

    def silent(self, tokens, reference, *more):
        """No format of any command shows a value or a form of it."""
        runs = [imgguard("check", reference, "--policy", self.policy, "--no-cache", "--explain", "-v", "-o", form, *more)
                for form in ("text", "json", "sarif", "junit", "github", "markdown")]
        runs += [imgguard("inspect", reference, "--no-cache", "-v", "-o", form, *more) for form in ("text", "json")]
        runs += [imgguard("inspect", reference, "--no-cache", "--tree", *more)]
        runs += [imgguard("secrets", reference, "--no-cache", "-v", "--show-suppressed", "--min-confidence", "weak", "-o", form, *more)
                 for form in ("text", "json", "sarif")]
        for run in runs:
            said = run.out + run.err
            for form in tokens.forms():
                if form in said:
                    at = said.index(form)
                    self.fail(f"{run.arguments[1:]} shows a secret: …{said[max(0, at - 200):at]}[VALUE]")

    def layout(self, name):
        return Layout(self.dir / name)

    def places(self, document, token_count):
        listed = {}
        for finding in document["findings"]:
            for place in finding["places"]:
                key = place["in"]
                if key == "member":
                    part = place["part"]
                    key += " " + (part if isinstance(part, str) else next(iter(part)))
                elif key == "slack":
                    key += " " + place["slack"]
                elif key == "document":
                    key += " " + place["document"] + " " + place["pointer"]
                elif key == "config":
                    key += " " + place["pointer"]
                listed.setdefault(key, []).append(place)
        self.assertGreaterEqual(len(document["findings"]), token_count, json.dumps(sorted(listed), indent=1))
        return listed

    def test_config(self):
        """in every field of the config, the history, the annotations and fields that nobody knows"""
        tokens = Tokens(1)
        config = {
            "Env": [f"A={tokens()}"], "Labels": {"l": tokens()}, "Cmd": ["run", tokens()], "Entrypoint": ["sh", "-c", f"x {tokens()}"],
            "Shell": ["sh", tokens()], "OnBuild": [f"RUN y {tokens()}"], "Healthcheck": {"Test": ["CMD", "curl", tokens()]},
            "User": tokens(), "WorkingDir": "/" + tokens(), "Unknown": {"deep": [tokens()]},
        }
        layout = self.layout("config")
        descriptor = layout.image(
            [Layer(archive([member("a", "x")]), instruction=f"RUN |1 TOKEN={tokens()} /bin/sh -c build")], config,
            steps=[f"ENV B={tokens()}"], annotations={"note": tokens()},
            document={"author": tokens(), "comment": tokens(), "container_config": {"Env": [f"C={tokens()}"]}})
        layout.tag(descriptor, "t")
        layout.finish()
        reference = f"oci:{layout.root}:t"
        listed = self.places(self.found(reference), len(tokens.made))
        for wanted in ("env", "label", "history", "config /config/Cmd/1", "config /config/Entrypoint/2", "config /config/Shell/1",
                       "config /config/OnBuild/0", "config /config/Healthcheck/Test/2", "config /config/User", "config /config/WorkingDir",
                       "config /config/Unknown/deep/0", "config /author", "config /comment", "config /container_config/Env/0",
                       "document manifest /annotations/note"):
            self.assertIn(wanted, listed)
        self.assertEqual(len(listed["history"]), 2)
        self.exits(imgguard("check", reference, "--policy", self.policy, "--no-cache"), VIOLATIONS, "secrets.content")
        self.silent(tokens, reference)

    def test_index_and_attestation(self):
        """in annotations of the index, and in a provenance attestation: build argument, source address, base64 Dockerfile"""
        tokens = Tokens(2)
        layout = self.layout("attested")
        image = layout.image([Layer(archive([member("a", "x")]))])
        dockerfile = base64.b64encode(f"FROM scratch\nENV T={tokens()}\n".encode()).decode()
        statement = encode({
            "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2",
            "predicate": {
                "invocation": {"parameters": {"args": {"build-arg:TOKEN": tokens()}},
                               "environment": {"platform": "linux/amd64", "T": tokens()}},
                "materials": [{"uri": f"https://bot:{tokens()}@git.internal/a.git"}],
                "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"source": {"infos": [{"data": dockerfile}]}}},
            },
        })
        part = Layer(statement, packed=statement, media_type="application/vnd.in-toto+json")
        attestation = layout.image([part])
        attestation["annotations"] = {
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"]}
        index = layout.index([(image, PLATFORM), (attestation, {"os": "unknown", "architecture": "unknown"})], {"note": tokens()})
        layout.tag(index, "t")
        layout.finish()
        reference = f"oci:{layout.root}:t"
        document = self.found(reference)
        listed = self.places(document, len(tokens.made))
        self.assertEqual(sum(key.startswith("document attestation ") for key in listed), 4, sorted(listed))
        self.assertIn("document index /annotations/note", listed)
        self.silent(tokens, reference)
        archive_file = self.dir / "attested.tar"
        tool("tar", "-C", layout.root, "-cf", archive_file, "oci-layout", "index.json", "blobs")
        for other in (f"oci-archive:{archive_file}",):
            again = self.found(other)
            self.assertEqual([one["fingerprint"] for one in again["findings"]], [one["fingerprint"] for one in document["findings"]])
        run = imgguard("secrets", "-", "--as", "image", "-o", "json", "--no-cache", stdin=archive_file)
        self.assertEqual(len(self.exits(run, VIOLATIONS).json()["findings"]), len(document["findings"]))
        (layout.blobs / part.descriptor["digest"].removeprefix("sha256:")).unlink()
        gone = self.exits(imgguard("secrets", reference, "-o", "json", "--no-cache"), VIOLATIONS).json()
        self.assertTrue(any("attestation" in gap["detail"] for gap in gone["gaps"]), gone["gaps"])

    def test_metadata(self):
        """in names, links, owners, attributes and records of archive members"""
        tokens = Tokens(3)
        members = [
            member(f"srv/{tokens()}.txt", "x"), symlink("srv/link", f"/x/{tokens()}"),
            member("srv/attributed", "x", pax_headers={"SCHILY.xattr.user.note": tokens(), "comment": tokens()}),
            member("srv/owned", "x", pax_headers={"uname": tokens()}),
        ]
        layout = self.layout("metadata")
        layout.tag(layout.image([Layer(archive(members))]), "t")
        layout.finish()
        reference = f"oci:{layout.root}:t"
        listed = self.places(self.found(reference), len(tokens.made))
        for wanted in ("member name", "member link", "member attribute", "member record", "member owner"):
            self.assertIn(wanted, listed)
        self.silent(tokens, reference)

    def test_slack(self):
        """in padding, behind the archive, behind the compressed stream and in its header"""
        tokens = Tokens(4)
        plain = bytearray(archive([member("a", "x"), member("b", "y")]))
        padding = tokens().encode()
        plain[520:520 + len(padding)] = padding
        plain += b"\0" * 512 + tokens().encode()
        name, behind = tokens().encode(), tokens().encode()
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = packer.compress(bytes(plain)) + packer.flush()
        packed = (b"\x1f\x8b\x08\x08" + b"\0" * 4 + b"\x02\xff" + name + b"\0" + body
                  + struct.pack("<II", zlib.crc32(plain), len(plain)) + b"\0" * 8 + behind)
        layout = self.layout("slack")
        layout.tag(layout.image([Layer(bytes(plain), packed=packed)]), "t")
        layout.finish()
        reference = f"oci:{layout.root}:t"
        document = self.found(reference)
        listed = self.places(document, len(tokens.made))
        for wanted in ("slack padding", "slack behind-archive", "slack behind-stream", "slack stream-header"):
            self.assertIn(wanted, listed)
        self.assertEqual(document["gaps"], [], "what is searched is no gap")
        self.silent(tokens, reference)

    def test_lifecycle(self):
        """in files that a later layer deletes, overwrites or hides behind an opaque directory: with both steps and the blob"""
        tokens = Tokens(5)
        kept = tokens()
        first = Layer(archive([
            member("a/deleted", tokens()), member("a/overwritten", tokens()), member("b/hidden", tokens()), member("c", kept)]),
            instruction="COPY . /")
        second = Layer(archive([member("a/.wh.deleted", b""), member("a/overwritten", "x"), member("b/.wh..wh..opq", b""), member("d", kept)]),
                       instruction="RUN clean")
        layout = self.layout("lifecycle")
        layout.tag(layout.image([first, second]), "t")
        layout.finish()
        reference = f"oci:{layout.root}:t"
        document = self.found(reference)
        hows = {}
        for finding in document["findings"]:
            for place in finding["places"]:
                hows[place["path"]] = place.get("how")
                if place.get("hidden"):
                    self.assertEqual(place["introduced"], {"layer": 0, "instruction": "COPY . /"})
                    self.assertEqual(place["hidden"], {"layer": 1, "instruction": "RUN clean"})
                    self.assertEqual(place["digest"], first.descriptor["digest"])
        self.assertEqual(hows, {"a/deleted": "deleted", "a/overwritten": "overwritten", "b/hidden": "deleted", "c": None, "d": None})
        self.assertEqual(len(document["findings"]), 4, "one value at two places is one finding")
        live = self.dir / "live.yaml"
        live.write_text(POLICY.replace("min-confidence: contextual", "min-confidence: contextual, live-only-in: final"))
        run = imgguard("check", reference, "--policy", live, "--no-cache", "-o", "json")
        self.assertEqual(sum(len(result["faults"]) for result in run.json()["subjects"][0]["platforms"][0]["results"]), 1, f"\n{run}")
        saved = self.dir / "lifecycle.tar"
        tool("skopeo", "copy", f"oci:{layout.root}:t", f"docker-archive:{saved}:acme/app:1")
        again = self.found(f"docker-archive:{saved}")
        self.assertEqual({one["fingerprint"] for one in again["findings"]}, {one["fingerprint"] for one in document["findings"]})
        self.silent(tokens, reference)

    def test_supplied(self):
        """in a file whose bytes the package manager recorded: told without weight; edited, or recorded later, it counts"""
        tokens = Tokens(6)
        content = f"key {tokens()}\n"
        record = f"{hashlib.md5(content.encode()).hexdigest()}  usr/share/x/key\n"
        listing = member("var/lib/dpkg/info/libx.md5sums", record)
        good, edited = member("usr/share/x/key", content), member("usr/share/x/key", content + "#\n")
        for name, layers, standing in (
                ("same", [[good, listing]], "package-supplied"), ("again", [[good, listing], [good]], "package-supplied"),
                ("edited", [[edited, listing]], "counts"), ("later", [[good], [listing]], "counts")):
            layout = self.layout("supplied-" + name)
            layout.tag(layout.image([Layer(archive(layer)) for layer in layers]), "t")
            layout.finish()
            document = self.found(f"oci:{layout.root}:t", exits=VIOLATIONS if standing == "counts" else PASS)
            self.assertEqual([one["standing"] for one in document["findings"]], [standing], name)
            verdict = VIOLATIONS if standing == "counts" else PASS
            self.exits(imgguard("check", f"oci:{layout.root}:t", "--policy", self.policy, "--no-cache"), verdict)

    def test_baseline_and_keys(self):
        """a baseline accepts by fingerprint until its day, survives a rebuild, and belongs to its key"""
        tokens = Tokens(7)
        token = tokens()
        references = []
        for name, path in (("one", "a/x"), ("two", "moved/y")):
            layout = self.layout("baseline-" + name)
            layout.tag(layout.image([Layer(archive([member(path, "\n" * len(path) + token)]))]), "t")
            layout.finish()
            references.append(f"oci:{layout.root}:t")
        baseline, key = self.dir / "baseline.yaml", self.dir / "key"
        key.write_text("sixteen bytes or more of key\n")
        self.exits(imgguard("secrets", references[0], "--write-baseline", baseline), PASS)
        self.assertNotIn(token, baseline.read_text())
        for reference in references:
            self.exits(imgguard("secrets", reference, "--baseline", baseline), PASS, "1 accepted by the baseline")
            self.exits(imgguard("check", reference, "--policy", self.policy, "--baseline", baseline), PASS)
        self.exits(imgguard("check", references[0], "--policy", self.policy, "--baseline", baseline, "--fingerprint-key", key), REFUSED, "baseline")
        expired = self.dir / "expired.yaml"
        expired.write_text(baseline.read_text() + "    until: \"2020-01-01\"\n")
        self.exits(imgguard("check", references[0], "--policy", self.policy, "--baseline", expired), VIOLATIONS)
        plain = self.found(references[0])["findings"][0]["fingerprint"]
        keyed = self.found(references[0], "--fingerprint-key", key)["findings"][0]["fingerprint"]
        self.assertNotEqual(plain, keyed)
        self.assertEqual(keyed, self.found(references[1], "--fingerprint-key", key)["findings"][0]["fingerprint"])

    def test_trees_and_streams(self):
        """in a folder, a file and standard input: sorted, links not followed, special files named, any bytes read"""
        tokens = Tokens(8)
        root = self.dir / "tree"
        (root / "b").mkdir(parents=True)
        (root / "b" / "one").write_text(f"x {tokens()}\n")
        (root / "a.bin").write_bytes(b"\0\xff" * 5000 + tokens().encode() + b"\0")
        (root / "empty").write_bytes(b"")
        os.symlink("b/one", root / "link")
        os.mkfifo(root / "pipe")
        document = self.found(root)
        self.assertEqual([one["path"] for one in document["findings"]], ["a.bin", "b/one"])
        self.assertEqual(document["ledger"]["files"], 3)
        self.assertEqual([one["path"] for one in document["ledger"]["skipped-paths"]], ["link", "pipe"])
        self.assertEqual(self.found(root, "--threads", "1"), self.found(root, "--threads", "7"))
        for form in ("text", "json", "sarif"):
            said = imgguard("secrets", root, "-o", form)
            for value in tokens.forms():
                self.assertNotIn(value, said.out + said.err)
        self.assertEqual(len(self.found(root / "a.bin")["findings"]), 1)
        run = imgguard("secrets", "-", "-o", "json", stdin=root / "b" / "one")
        self.assertEqual(self.exits(run, VIOLATIONS).json()["findings"][0]["path"], "-")
        self.exits(imgguard("secrets", root / "empty"), PASS, "1 file")
        self.exits(imgguard("secrets", root / "gone"), REFUSED)
        (root / "b" / "one").chmod(0)
        if os.geteuid() != 0:
            self.exits(imgguard("secrets", root / "b"), INCONCLUSIVE, "could not be opened")

    def test_pairs(self):
        """an identifier in the environment and its secret in a file are one finding; the identifier alone fails nothing"""
        maker = random.Random(9)
        upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        identifier = "AKIA" + "".join(maker.choice(upper) for _ in range(16))
        secret = "".join(maker.choice(BASE62 + "+/") for _ in range(40))
        alone, both = self.layout("pair-alone"), self.layout("pair-both")
        config = {"Env": [f"AWS_ACCESS_KEY_ID={identifier}"]}
        alone.tag(alone.image([Layer(archive([member("a", "x")]))], config), "t")
        both.tag(both.image([Layer(archive([member("root/.env", f"AWS_SECRET_ACCESS_KEY={secret}\n")]))], config), "t")
        lone = imgguard("secrets", f"oci:{alone.finish()}:t", "-o", "json", "--no-cache").json()
        pair = self.found(f"oci:{both.finish()}:t", "--min-confidence", "contextual")
        if any(one["nature"] == "identifier" for one in lone["findings"]):
            self.assertEqual([one["standing"] for one in lone["findings"]], ["incomplete"])
            self.assertEqual(len(pair["findings"]), 1, json.dumps(pair["findings"], indent=1))
            self.assertEqual(pair["findings"][0]["halves"][0]["places"][0]["in"], "env")
            self.assertIn(pair["findings"][0]["grade"], ("structured", "proven"))
        self.assertTrue(any(one["detector"] == "aws-secret-access-key" for one in pair["findings"]))
