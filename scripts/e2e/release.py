"""Releases into a real registry: checked, whole before any tag, tags by the rules, and whole again after every kill."""

import json
import os
import random
import signal
import subprocess
import time

from harness import BINARY, HELLO, PASS, REFUSED, ROOT, VIOLATIONS, WORK, Suite, imgguard, registry, tool

POLICY = """version: 1
name: small
rules:
  user:
    root: deny
  size:
    total: { level: deny, basis: uncompressed, below: 1GB }
"""


def layout(folder, source, platform=None):
    """A copy of a tag of the committed image: the index, or the image of one platform."""
    choice = ["--all"] if platform is None else ["--override-os", "linux", "--override-arch", platform]
    tool("skopeo", *(choice if platform else []), "copy", "--quiet", "--insecure-policy", *(choice if not platform else []),
         "--preserve-digests", f"oci:{HELLO}:{source}", f"oci:{folder}:app")
    return f"oci:{folder}:app"


class Release(Suite):
    def setUp(self):
        self.policy = self.dir / "small.yaml"
        self.policy.write_text(POLICY)

    def release(self, *arguments, wanted=PASS):
        run = imgguard("release", *arguments, "--policy", self.policy)
        return self.exits(run, wanted)

    def tags(self, host, name):
        return json.loads(tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{host}/{name}"))["Tags"]

    def digest(self, host, name, tag):
        return tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{host}/{name}:{tag}").strip()

    def test_an_index_is_released_as_it_is(self):
        """digests stay, all tags are made, a second time nothing is written"""
        server, host = registry(self.dir, "index")
        self.serve(server)
        source = layout(self.dir / "whole", "1.0.0")
        run = imgguard("release", source, "--to", f"{host}/team/index", "--version", "1.2.3", "--policy", self.policy, "-o", "json")
        self.exits(run, PASS)
        told = run.json()
        self.assertEqual(told["written"]["tags"], ["1.2.3", "1.2", "1", "latest"])
        index = json.loads((self.dir / "whole" / "index.json").read_text())["manifests"][0]["digest"]
        for tag in ("1.2.3", "1.2", "1", "latest"):
            self.assertEqual(self.digest(host, "team/index", tag), index)
        again = imgguard("release", source, "--to", f"{host}/team/index", "--version", "1.2.3", "--policy", self.policy, "-o", "json")
        self.exits(again, PASS)
        written = again.json()["written"]
        self.assertEqual((written["blobs"], written["manifests"], written["tags"]), (0, 0, []))

    def test_images_of_platforms_become_an_index(self):
        """one index over two layouts, which skopeo reads whole"""
        server, host = registry(self.dir, "parts")
        self.serve(server)
        parts = [layout(self.dir / platform, "1.0.0", platform) for platform in ("amd64", "arm64")]
        self.release(*parts, "--to", f"{host}/team/parts", "--version", "v0.3.0")
        self.assertEqual(sorted(self.tags(host, "team/parts")), ["latest", "v0.3", "v0.3.0"])
        raw = json.loads(tool("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/team/parts:v0.3.0"))
        self.assertEqual([entry["platform"]["architecture"] for entry in raw["manifests"]], ["amd64", "arm64"])
        self.assertEqual(raw["annotations"]["org.opencontainers.image.version"], "0.3.0")
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--src-tls-verify=false",
             f"docker://{host}/team/parts:v0.3.0", f"oci:{self.dir / 'back'}:app")
        twice = imgguard("release", parts[0], parts[0], "--to", f"{host}/team/parts", "--version", "v0.3.1", "--policy", self.policy)
        self.exits(twice, PASS)

    def test_signed_with_bills(self):
        """signatures and bills stand beside the release before any tag does; a second time nothing is added; no signer, no bills"""
        server, host = registry(self.dir, "signed")
        self.serve(server)
        env = {"IMGGUARD_KEY_PASSWORD": "open sesame"}
        key = self.dir / "team"
        self.exits(imgguard("key", "generate", "--out", key, env=env), PASS)
        source, target = layout(self.dir / "to-sign", "1.0.0"), f"{host}/team/signed"
        arguments = ["release", source, "--to", target, "--version", "1.0.0", "--policy", self.policy, "-o", "json"]
        self.exits(imgguard(*arguments, "--sbom", "cyclonedx-json"), REFUSED, "who signs")
        self.exits(imgguard("tags", "audit", target), REFUSED, "not found")
        signing = ["--key", f"{key}.key", "--sbom", "cyclonedx-json", "--sbom", "spdx-json"]
        first = self.exits(imgguard(*arguments, *signing, env=env), PASS).json()["written"]
        images = 2
        self.assertEqual((first["signatures"], first["bills"], first["found"]), (images + 1, 2 * (images + 1), 0))
        again = self.exits(imgguard(*arguments, *signing, env=env), PASS).json()["written"]
        self.assertEqual((again["found"], again["tags"], again["blobs"], again["manifests"]), (3 * (images + 1), [], 0, 0))
        self.exits(imgguard("verify", f"{target}:latest", "--key", f"{key}.pub"), PASS, "verified")
        told = imgguard("tree", f"{target}:1.0.0").out
        self.assertEqual(told.count("referrer artifact"), 3 * (images + 1), told)
        wrong = imgguard("release", source, "--to", f"{host}/team/unsigned", "--version", "1.0.0", "--policy", self.policy,
                         "--key", f"{key}.key", env={"IMGGUARD_KEY_PASSWORD": "no"})
        self.exits(wrong, REFUSED)
        self.exits(imgguard("tags", "audit", f"{host}/team/unsigned"), REFUSED, "not found")

    def test_refusals_write_nothing(self):
        """a policy that is not met, a version that is taken, a version that is none"""
        server, host = registry(self.dir, "refused")
        self.serve(server)
        good, bad = layout(self.dir / "good", "1.0.0"), layout(self.dir / "bad", "0.9.0")
        self.release(bad, "--to", f"{host}/team/refused", "--version", "1.0.0", wanted=VIOLATIONS)
        self.exits(imgguard("tags", "audit", f"{host}/team/refused"), REFUSED, "not found")
        self.release(good, "--to", f"{host}/team/refused", "--version", "1.0", wanted=REFUSED)
        self.release(good, "--to", f"{host}/team/refused", "--version", "1.0.0")
        before = self.digest(host, "team/refused", "1.0.0")
        single = layout(self.dir / "single", "1.0.0", "amd64")
        self.release(single, "--to", f"{host}/team/refused", "--version", "1.0.0", wanted=VIOLATIONS)
        self.assertEqual(self.digest(host, "team/refused", "1.0.0"), before)
        dry = imgguard("release", single, "--to", f"{host}/team/refused", "--version", "1.0.1", "--policy", self.policy, "--dry-run")
        self.exits(dry, PASS, "create   1.0.1", "nothing was written")
        self.assertNotIn("1.0.1", self.tags(host, "team/refused"))

    def test_two_at_the_same_time(self):
        """two releases race: each ends with 0 or 1, no tag is half, who took the tags of a higher version says so, and a second run puts them right"""
        server, host = registry(self.dir, "race")
        self.serve(server)
        sources = {"low": layout(self.dir / "low", "1.0.0"), "high": layout(self.dir / "high", "1.0.0", "amd64")}
        variables = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache")}
        for number in range(4):
            name = f"team/race{number}"
            command = lambda which, version: [BINARY, "release", sources[which], "--to", f"{host}/{name}", "--version", version, "--policy", str(self.policy)]
            both = [command("low", "1.0.0"), command("high", "1.1.0")]
            running = [subprocess.Popen(one, env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for one in both]
            ended = [(process.communicate(timeout=120)[1].decode(), process.returncode) for process in running]
            self.assertLessEqual({code for _, code in ended}, {PASS, VIOLATIONS}, ended)
            for tag in self.tags(host, name):
                self.exits(imgguard("tree", f"{host}/{name}:{tag}"), PASS)
            if all(code == PASS for _, code in ended):
                self.assertEqual(self.digest(host, name, "latest"), self.digest(host, name, "1.1.0"), ended)
            for one in both:
                self.assertEqual(subprocess.run(one, env=variables, cwd=ROOT, capture_output=True, check=False).returncode, PASS)
            for tag, version in (("latest", "1.1.0"), ("1", "1.1.0"), ("1.0", "1.0.0")):
                self.assertEqual(self.digest(host, name, tag), self.digest(host, name, version))
            self.exits(imgguard("tags", "audit", f"{host}/{name}"), PASS)

    def test_killed_at_any_moment(self):
        """after each of 50 kills every tag points at a whole image; the next run completes the release"""
        server, host = registry(self.dir, "killed")
        self.serve(server)
        sources = [layout(self.dir / "k1", "1.0.0"), layout(self.dir / "k2", "1.0.0", "amd64")]
        chance = random.Random(20261125)
        started = time.monotonic()
        self.release(sources[0], "--to", f"{host}/team/timed", "--version", "1.0.0")
        usual = time.monotonic() - started
        variables = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache")}
        for number in range(50):
            version = f"1.{number}.0"
            command = [BINARY, "release", sources[number % 2], "--to", f"{host}/team/killed", "--version", version, "--policy", str(self.policy)]
            process = subprocess.Popen(command, env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, usual * 1.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
            if imgguard("tags", "audit", f"{host}/team/killed").exit == REFUSED:
                continue
            for tag in self.tags(host, "team/killed"):
                self.exits(imgguard("tree", f"{host}/team/killed:{tag}"), PASS)
            if number % 10 == 9:
                self.release(sources[number % 2], "--to", f"{host}/team/killed", "--version", version)
                self.assertEqual(self.digest(host, "team/killed", version), self.digest(host, "team/killed", "latest"))
