"""One image through every source gives one answer: files, archives, standard input, a registry, dockerd, podman."""

import re
import os
import shutil

from harness import HELLO, VIOLATIONS, Server, Suite, imgguard, registry, socket_answers, tool

TAG = "0.9.0"
NAME = f"localhost/hello:{TAG}"
# Rules that look at the reference or at stored sizes answer by source, so they are off; all others must agree.
POLICY = """version: 1
name: sources
extends: ["@strict"]
rules:
  size: { total: off }
  platforms: { require: off }
  base: { allow: off }
  tags: { forbid: off, semver: off }
"""

# Sources store one layer in different blobs (packed or plain): only that may differ.
BLOB = re.compile(r"in the blob [0-9a-f]{12}")


def outcomes(report):
    """Rule by rule: the outcome, and what was found where."""
    results = [result for subject in report["subjects"] for platform in subject["platforms"] for result in platform["results"]]
    return {
        result["rule"]: (result["outcome"], sorted((fault["subject"], BLOB.sub("in its blob", fault["message"]), str(fault["location"])) for fault in result["faults"]))
        for result in results
    }


class Sources(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.dir / "policy.yaml"
        cls.policy.write_text(POLICY)
        cls.layout = cls.dir / "hello"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:{TAG}", f"oci:{cls.layout}:{TAG}")
        cls.oci_archive = cls.copied(f"oci-archive:{cls.dir}/hello.oci.tar:{TAG}")
        cls.docker_archive = cls.copied(f"docker-archive:{cls.dir}/hello.docker.tar:{NAME}")
        cls.expected = cls.findings(f"oci:{cls.layout}:{TAG}")
        cls.config_digest = tool("skopeo", "inspect", "--raw", f"oci:{cls.layout}:{TAG}")

    @classmethod
    def copied(cls, target):
        tool("skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{cls.layout}:{TAG}", target)
        return cls.dir / target.split(":")[1].rsplit("/", 1)[1]

    @classmethod
    def findings(cls, reference, *arguments, **how):
        """Rule by rule what was found, without what only names the source."""
        run = imgguard("check", reference, "--policy", cls.policy, "--no-cache", "-o", "json", *arguments, **how)
        if run.exit != VIOLATIONS:
            raise AssertionError(f"expected violations\n{run}")
        return outcomes(run.json())

    def same(self, reference, *arguments, **how):
        self.assertEqual(self.findings(reference, *arguments, **how), self.expected)

    def test_something_was_found(self):
        """the careless image has what it was built with"""
        failed = {rule for rule, (outcome, _) in self.expected.items() if outcome == "fail"}
        self.assertLessEqual({"user.root", "secrets.content", "healthcheck.present"}, failed)

    def test_oci_archive(self):
        """oci-archive:FILE, plain and compressed"""
        self.same(f"oci-archive:{self.oci_archive}")
        for command, suffix in (("gzip", "gz"), ("zstd", "zst")):
            tool(command, "-qk", self.oci_archive)
            self.same(f"oci-archive:{self.oci_archive}.{suffix}")

    def test_docker_archive(self):
        """docker-archive:FILE as skopeo writes it, plain and compressed"""
        self.same(f"docker-archive:{self.docker_archive}")
        tool("gzip", "-qk", self.docker_archive)
        self.same(f"docker-archive:{self.docker_archive}.gz")

    def test_standard_input(self):
        """both kinds of archive on standard input"""
        self.same("-", stdin=self.oci_archive)
        self.same("-", stdin=self.docker_archive)

    def test_facts(self):
        """saved facts are judged like the image"""
        facts = self.dir / "facts.json"
        facts.write_text(imgguard("inspect", f"oci:{self.layout}:{TAG}", "-o", "json").out)
        self.same(f"facts:{facts}")

    def test_registry(self):
        """a registry on the loopback address, by tag and by digest; the digest is skopeo's"""
        server, host = registry(self.dir)
        self.serve(server)
        target = f"docker://{host}/team/hello:{TAG}"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", "--preserve-digests", f"oci:{self.layout}:{TAG}", target)
        self.same(f"{host}/team/hello:{TAG}")
        digest = tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", target).strip()
        self.same(f"{host}/team/hello@{digest}")
        for reference in (f"{host}/team/hello:{TAG}", f"oci:{self.layout}:{TAG}", f"oci-archive:{self.oci_archive}"):
            facts = imgguard("inspect", reference, "-o", "json").json()
            self.assertEqual(facts["images"][0]["subject"]["digest"], digest, reference)

    def test_docker(self):
        """a real dockerd, and what `docker save` writes"""
        control = self.short / "docker.sock"
        self.serve(Server("dockerd", [
            "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs", "-H", f"unix://{control}",
            "--data-root", self.dir / "docker", "--exec-root", self.short / "x", "-p", self.dir / "docker.pid"], socket_answers(control)))
        host = {"DOCKER_HOST": f"unix://{control}"}
        tool("docker", "load", "-qi", self.docker_archive, env=host)
        self.same(f"docker-daemon:{NAME}", env=host)
        saved = self.dir / "saved.tar"
        tool("docker", "save", "-o", saved, NAME, env=host)
        self.same(f"docker-archive:{saved}")

    def test_podman(self):
        """a real podman service, and what `podman save` writes"""
        control = self.short / "podman" / "podman.sock"
        control.parent.mkdir(parents=True)
        podman = ["podman", "--storage-driver", "vfs", "--root", self.dir / "podman", "--runroot", self.short / "run"]
        tool(*podman, "load", "-qi", self.docker_archive)
        self.serve(Server("podman", [*podman, "system", "service", "--time=0", f"unix://{control}"], socket_answers(control)))
        runtime = {"XDG_RUNTIME_DIR": str(self.short), "CONTAINER_HOST": f"unix://{control}"}
        self.same(f"podman:{NAME}", env=runtime)
        for form, prefix in (("oci-archive", "oci-archive"), ("docker-archive", "docker-archive")):
            saved = self.dir / f"podman.{form}.tar"
            tool(*podman, "save", "-q", "--format", form, "-o", saved, NAME)
            self.same(f"{prefix}:{saved}")

    def test_platforms(self):
        """an index: one platform, all platforms, a platform that is not there"""
        for platform, count in (("linux/amd64", 1), ("linux/arm64", 1), ("all", 2)):
            facts = imgguard("inspect", f"oci:{HELLO}:1.0.0", "--platform", platform, "-o", "json").json()
            self.assertEqual(len(facts["images"]), count, platform)
        run = imgguard("check", f"oci:{HELLO}:1.0.0", "--platform", "linux/s390x")
        self.exits(run, 2, "s390x", "linux/amd64")

    def test_cache(self):
        """a second run answers from the cache, with the same words; a spoiled cache entry is never believed"""
        private = {"IMGGUARD_CACHE_DIR": str(self.dir / "cache")}
        command = ["check", f"oci:{self.layout}:{TAG}", "--policy", self.policy, "-o", "json"]
        first, second = (imgguard(*command, env=private) for _ in range(2))
        self.assertEqual(outcomes(first.json()), outcomes(second.json()))
        self.assertEqual(imgguard("cache", "path", env=private).out.strip(), private["IMGGUARD_CACHE_DIR"])
        entries = [os.path.join(folder, name) for folder, _, names in os.walk(self.dir / "cache") for name in names]
        self.assertTrue(entries, "nothing was cached")
        for path in entries:
            with open(path, "r+b") as file:
                file.truncate(max(1, os.path.getsize(path) // 2))
        self.assertEqual(outcomes(imgguard(*command, env=private).json()), outcomes(first.json()))
        shutil.rmtree(self.dir / "cache")
