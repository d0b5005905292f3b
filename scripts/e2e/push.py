"""copy, tree, registry probe and auth explain against real registries and layouts; skopeo is the judge of digests."""

import base64
import hashlib
import json
import os
import shutil
import subprocess

from harness import BINARY, HELLO, INCONCLUSIVE, INFRASTRUCTURE, PASS, REFUSED, ROOT, Server, Suite, free_port, imgguard, port_answers, registry, tool

USER, PASSWORD = "alice", "correct-horse"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PEERS = ROOT / "target" / "peers"


def blob(folder, data):
    """Writes a blob into a layout; returns its descriptor without a type."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def manifest(folder, document, media_type=OCI_MANIFEST):
    return {"mediaType": media_type, **blob(folder, json.dumps(document).encode())}


def statement(folder, subject, artifact_type):
    """An artifact that refers to another manifest."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", **blob(folder, b"{}")}
    layer = {"mediaType": "application/json", **blob(folder, json.dumps({"about": subject["digest"], "kind": artifact_type}).encode())}
    return manifest(folder, {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "config": empty, "layers": [layer],
        "annotations": {"org.example.kind": artifact_type},
        "subject": {name: subject[name] for name in ("mediaType", "digest", "size")},
    })


def rich_layout(folder):
    """The shipped image of two platforms, with an attestation, a bill of materials and a signature of that; returns the root's digest."""
    shutil.copytree(HELLO, folder)
    listed = json.loads((folder / "index.json").read_text())["manifests"]
    old = next(entry for entry in listed if entry["annotations"]["org.opencontainers.image.ref.name"] == "1.0.0")
    index = json.loads((folder / "blobs" / "sha256" / old["digest"].split(":")[1]).read_text())
    image = index["manifests"][0]
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(folder, b'{"architecture":"unknown","os":"unknown"}')}
    attestation = manifest(folder, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [
        {"mediaType": "application/vnd.in-toto+json", **blob(folder, b'{"_type":"https://in-toto.io/Statement/v0.1"}')}]})
    attestation["platform"] = {"os": "unknown", "architecture": "unknown"}
    attestation["annotations"] = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"]}
    index["manifests"].append(attestation)
    root = manifest(folder, index, OCI_INDEX)
    bill = statement(folder, image, "application/spdx+json")
    signature = statement(folder, bill, "application/vnd.dev.sigstore.bundle.v0.3+json")
    named = {**root, "annotations": {"org.opencontainers.image.ref.name": "1.0.0"}}
    entries = [named] + [{**entry, "artifactType": kind} for entry, kind in (
        (bill, "application/spdx+json"), (signature, "application/vnd.dev.sigstore.bundle.v0.3+json"))]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return root["digest"]


def blobs_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "blobs" / "sha256").iterdir()}


def reachable(folder, reference):
    """The blobs that belong to an image, by `tree`."""
    tree = imgguard("tree", reference, "-o", "json").json()
    names = {node["digest"] for node in tree["nodes"]} | {one["digest"] for node in tree["nodes"] for one in node["blobs"]}
    return {name.split(":")[1] for name in names}


class Push(Suite):
    def plain(self, name="plain"):
        # Servers in one folder would share their storage.
        folder = self.dir / f"registry-{name}"
        folder.mkdir()
        server, host = registry(folder, name)
        self.serve(server)
        return host

    def skopeo_digest(self, reference):
        return tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{reference}").strip()

    def login(self, host, password, name="docker"):
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        secret = base64.b64encode(f"{USER}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))
        return {"DOCKER_CONFIG": str(folder)}

    def test_digest_is_skopeos(self):
        """what copy pushes has the digest that skopeo's push has, and skopeo can copy it on"""
        host = self.plain()
        ours, theirs = f"{host}/ours/hello:1.0.0", f"{host}/theirs/hello:1.0.0"
        self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", ours), PASS, "read back")
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{HELLO}:1.0.0", f"docker://{theirs}")
        self.assertEqual(self.skopeo_digest(ours), self.skopeo_digest(theirs))
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--src-tls-verify=false", f"docker://{ours}", f"oci:{self.dir}/checked:1.0.0")
        self.assertIn(self.skopeo_digest(ours).split(":")[1], blobs_of(self.dir / "checked"))

    def test_second_copy_writes_nothing(self):
        """the same copy again finds everything there; a dry run before it says so with bytes"""
        host = self.plain("twice")
        target = f"{host}/team/hello:1.0.0"
        planned = imgguard("copy", f"oci:{HELLO}:1.0.0", target, "--dry-run", "-o", "json").json()
        self.assertTrue(planned["dry-run"])
        self.assertTrue(all(step["action"] == "send" for step in planned["blobs"]))
        self.assertEqual(imgguard("tree", target).exit, REFUSED, "a dry run writes nothing")
        first = imgguard("copy", f"oci:{HELLO}:1.0.0", target, "-o", "json").json()["done"]
        self.assertEqual(first["bytes-sent"], sum(step["size"] for step in planned["blobs"]))
        second = imgguard("copy", f"oci:{HELLO}:1.0.0", target, "-o", "json").json()["done"]
        self.assertEqual({key: value for key, value in second.items() if value}, {})

    def test_mount(self):
        """between two repositories of one registry blobs are mounted, not sent"""
        host = self.plain("mount")
        imgguard("copy", f"oci:{HELLO}:1.0.0", f"{host}/staging/hello:1.0.0")
        done = imgguard("copy", f"{host}/staging/hello:1.0.0", f"{host}/prod/hello:1.0.0", "-o", "json").json()["done"]
        self.assertEqual(done["blobs-sent"], 0)
        self.assertGreater(done["blobs-mounted"], 1)
        self.assertEqual(self.skopeo_digest(f"{host}/prod/hello:1.0.0"), self.skopeo_digest(f"{host}/staging/hello:1.0.0"))

    def test_evidence_travels(self):
        """attestations, a bill of materials and its signature go layout -> registry -> registry -> layout, byte for byte"""
        rich = self.dir / "rich"
        digest = rich_layout(rich)
        host, other = self.plain("one"), self.plain("two")
        wanted = reachable(rich, f"oci:{rich}:1.0.0")
        self.exits(imgguard("copy", f"oci:{rich}:1.0.0", f"{host}/team/app:1.0.0"), PASS, "2 referrers linked, 2 of them by fallback tag")
        self.exits(imgguard("copy", f"{host}/team/app:1.0.0", f"{other}/prod/app:1.0.0"), PASS, digest)
        self.exits(imgguard("copy", f"{other}/prod/app:1.0.0", f"oci:{self.dir}/back:1.0.0"), PASS, digest)
        before, after = blobs_of(rich), blobs_of(self.dir / "back")
        self.assertEqual(set(after), wanted)
        self.assertEqual(after, {name: before[name] for name in wanted})
        tree = self.exits(imgguard("tree", f"{other}/prod/app:1.0.0"), PASS, "attestation", "application/spdx+json", "found by fallback-tag")
        self.assertIn("image linux/arm64", tree.out)
        tool("skopeo", "inspect", f"oci:{self.dir}/back:1.0.0", "--raw")

    def test_archive(self):
        """an OCI archive is a source; one of docker save gets a manifest, which is said; standard input is refused with advice"""
        host = self.plain("archive")
        archive = self.dir / "hello.tar"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:1.0.0", f"oci-archive:{archive}:1.0.0")
        self.exits(imgguard("copy", f"oci-archive:{archive}:1.0.0", f"{host}/team/hello"), PASS)
        self.assertTrue(self.skopeo_digest(f"{host}/team/hello:1.0.0").startswith("sha256:"))
        saved = self.dir / "saved.tar"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:1.0.0", f"docker-archive:{saved}:hello:1.0.0")
        self.exits(imgguard("copy", f"docker-archive:{saved}", f"{host}/team/saved:1"), PASS, "has no manifest", "is made from it")
        self.assertTrue(self.skopeo_digest(f"{host}/team/saved:1").startswith("sha256:"))
        self.exits(imgguard("copy", "-", f"{host}/team/piped:1", stdin=saved), REFUSED, "cannot be read twice", "an archive")

    def test_poisoned_tag(self):
        """a fallback tag that points at the image itself is told, and nothing is copied silently without its evidence"""
        host = self.plain("poison")
        reference = f"{host}/team/hello:1.0.0"
        imgguard("copy", f"oci:{HELLO}:1.0.0", reference)
        digest = self.skopeo_digest(reference)
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
             f"docker://{reference}", f"docker://{host}/team/hello:{digest.replace(':', '-')}")
        self.exits(imgguard("tree", reference), INCONCLUSIVE, "points at the subject itself")
        self.exits(imgguard("copy", reference, f"oci:{self.dir}/poisoned"), INCONCLUSIVE, "cannot be trusted", "--without-evidence")
        self.exits(imgguard("copy", reference, f"oci:{self.dir}/poisoned", "--without-evidence"), PASS, digest)

    def test_credentials(self):
        """a registry with passwords: the right one writes, a wrong one is refused, none is ever printed; explain names the place"""
        htpasswd = self.dir / "htpasswd"
        htpasswd.write_text(tool("htpasswd", "-Bbn", USER, PASSWORD))
        (self.dir / "registry-private").mkdir()
        server, host = registry(self.dir / "registry-private", "private", htpasswd=htpasswd)
        self.serve(server)
        target = f"{host}/team/hello:1.0.0"
        good, bad = self.login(host, PASSWORD, "good"), self.login(host, "wrong-horse", "bad")
        self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", target), REFUSED, "denied")
        self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", target, env=bad), REFUSED, "denied")
        runs = [self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", target, env=good), PASS)]
        runs.append(self.exits(imgguard("auth", "explain", target, env=good), PASS, "good/config.json", "user name and password"))
        explained = imgguard("auth", "explain", target, "-o", "json", env=good)
        self.assertEqual([place["found"] for place in explained.json()["places"]][-1], "match")
        runs.append(explained)
        runs.append(self.exits(imgguard("registry", "probe", f"{host}/team/hello", env=good), PASS, "basic"))
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        for run in runs:
            for word in (PASSWORD, secret):
                self.assertNotIn(word, run.out + run.err)
        self.exits(imgguard("auth", "explain", target), PASS, "no credentials")

    def test_certificates(self):
        """TLS with a private authority: written with --ca-file only"""
        authority, request = self.dir / "ca", self.dir / "server"
        tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", f"{authority}.key",
             "-out", f"{authority}.crt", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        tool("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", f"{request}.key", "-out", f"{request}.csr")
        extensions = self.dir / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        tool("openssl", "x509", "-req", "-days", "2", "-in", f"{request}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-extfile", extensions, "-out", f"{request}.crt")
        (self.dir / "registry-tls").mkdir()
        server, host = registry(self.dir / "registry-tls", "tls", certificate=f"{request}.crt", key=f"{request}.key")
        self.serve(server)
        target = f"{host}/team/hello:1.0.0"
        self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", target), INFRASTRUCTURE, "certificate")
        self.exits(imgguard("copy", f"oci:{HELLO}:1.0.0", target, "--ca-file", f"{authority}.crt"), PASS)

    def test_probe(self):
        """probe tells what Debian's registry can do, reads only unless told otherwise, and names what it leaves"""
        host = self.plain("probe")
        imgguard("copy", f"oci:{HELLO}:1.0.0", f"{host}/team/hello:1.0.0")
        tags = lambda: tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{host}/team/hello")
        before = tags()
        read = imgguard("registry", "probe", f"{host}/team/hello", "-o", "json").json()
        answers = {one["name"]: one["answer"] for one in read["capabilities"]}
        self.assertEqual((answers["api-v2"], answers["list-tags"], answers["referrers-api"]), ("yes", "yes", "no"))
        wrote = imgguard("registry", "probe", f"{host}/team/probe", "--write", "-o", "json").json()
        answers = {one["name"]: one["answer"] for one in wrote["capabilities"]}
        for name in ("push-blob", "push-chunks", "long-requests", "cancel-upload", "mount", "push-manifest", "push-tag"):
            self.assertEqual(answers[name], "yes", f"{name} in {wrote}")
        self.assertEqual((answers["several-tags-at-once"], answers["conditional-tags"]), ("no", "no"))
        self.assertTrue(wrote["left-behind"], "this registry deletes nothing by default")
        self.assertEqual(tags(), before)

    def test_killed(self):
        """a copy that is killed leaves no tag, and the next one completes it"""
        host = self.plain("killed")
        big = self.dir / "big"
        rich_layout(big)
        data = os.urandom(1 << 20) * 96
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(big, json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]}}).encode())}
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob(big, data)}
        root = manifest(big, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]})
        (big / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**root, "annotations": {"org.opencontainers.image.ref.name": "2.0.0"}}]}))
        for delay in (0.05, 0.15, 0.3):
            process = subprocess.Popen([BINARY, "copy", f"oci:{big}:2.0.0", f"{host}/team/big:2.0.0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            run = imgguard("tree", f"{host}/team/big:2.0.0", "-o", "json")
            if run.exit == PASS:
                # A tag that is there points at a whole image.
                tool("skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false", f"docker://{host}/team/big:2.0.0", f"oci:{self.dir}/whole{delay}:x")
            else:
                self.exits(run, REFUSED, "not found")
        self.exits(imgguard("copy", f"oci:{big}:2.0.0", f"{host}/team/big:2.0.0"), PASS, root["digest"])


class Peers(Suite):
    """Registries of others: only when IMGGUARD_PEERS is set (see scripts/peers)."""

    def start(self, name, config, command):
        program = PEERS / name
        self.assertTrue(program.is_file(), f"{program} is missing: build it with scripts/peers")
        port = free_port()
        path = self.dir / f"{name}.conf"
        path.write_text(config(port))
        self.serve(Server(name, [program, *command, path], port_answers(port)))
        return f"127.0.0.1:{port}"

    def travel(self, program, host, linked):
        rich = self.dir / f"rich-{program}"
        digest = rich_layout(rich)
        self.exits(imgguard("copy", f"oci:{rich}:1.0.0", f"{host}/team/app:1.0.0"), PASS, digest, f"2 referrers linked, {linked} of them by fallback tag")
        self.exits(imgguard("copy", f"{host}/team/app:1.0.0", f"{host}/prod/app:1.0.0"), PASS, digest)
        self.exits(imgguard("copy", f"{host}/prod/app:1.0.0", f"oci:{self.dir}/back-{program}:1.0.0"), PASS, digest)
        before, after = blobs_of(rich), blobs_of(self.dir / f"back-{program}")
        self.assertEqual(after, {name: before[name] for name in reachable(rich, f"oci:{rich}:1.0.0")})
        probed = self.exits(imgguard("registry", "probe", f"{host}/team/probe", "--write", "-o", "json"), PASS).json()["capabilities"]
        answers = {one["name"]: one["answer"] for one in probed}
        print(f"  note   {program}: conditional-tags {answers['conditional-tags']}, links-subject {answers['links-subject']}", flush=True)
        self.assertEqual(answers["push-blob"], "yes")

    def test_distribution_3(self):
        """distribution 3: fallback tags"""
        config = lambda port: f"version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {self.dir}/v3}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
        host = self.start("registry", config, ["serve"])
        self.travel("distribution", host, 2)
        self.release(host)

    def test_containerregistry(self):
        """the registry of go-containerregistry, which links no subjects: fallback tags, tags by the rules, a promotion"""
        program = PEERS / "containerregistry" / "registry"
        self.assertTrue(program.is_file(), f"{program} is missing: build it with scripts/peers")
        port = free_port()
        self.serve(Server("containerregistry", [program, "-port", port], port_answers(port)))
        host = f"127.0.0.1:{port}"
        self.travel("containerregistry", host, 2)
        self.release(host)

    def release(self, host):
        """Tags by the rules, an audit, and a promotion with its statements through the registry's own list."""
        env, policy = {"IMGGUARD_KEY_PASSWORD": "open sesame"}, self.dir / "peer.yaml"
        policy.write_text("version: 1\npromote: { signers: { gate: { key: peer-gate.pub } } }\nrules: { user: { root: deny } }\n")
        if not (self.dir / "peer-gate.key").exists():
            self.exits(imgguard("key", "generate", "--out", self.dir / "peer-gate", env=env), PASS)
        staging, prod = f"{host}/peer/staging", f"{host}/peer/prod"
        for version in ("1.0.0", "1.1.0", "1.0.1"):
            self.exits(imgguard("release", f"oci:{HELLO}:1.0.0", "--to", staging, "--version", version, "--policy", policy), PASS)
        self.exits(imgguard("tags", "audit", staging), PASS)
        promote = ["promote", f"{staging}:1.1.0", prod, "--version", "1.1.0", "--policy", policy, "--key", self.dir / "peer-gate.key", "-o", "json"]
        self.assertEqual(self.exits(imgguard(*promote, env=env), PASS).json()["applied"]["tags"][1:], ["1.1.0", "1.1", "1", "latest"])
        again = self.exits(imgguard(*promote, env=env), PASS).json()["applied"]
        self.assertEqual((again["blobs"], again["manifests"], again["statements"], again["tags"]), (0, 0, [], []))
        self.exits(imgguard("verify", f"{prod}:latest", "--key", self.dir / "peer-gate.pub", "--vsa-verifier", "https://imgguard.dev/promote", "--recursive", "all"), PASS)
        self.exits(imgguard("history", prod, "--policy", policy), PASS, "signed by gate")

    def test_zot(self):
        """zot: the referrers API"""
        config = lambda port: json.dumps({"distSpecVersion": "1.1.1", "storage": {"rootDirectory": f"{self.dir}/zot"},
                                          "http": {"address": "127.0.0.1", "port": str(port)}, "log": {"level": "error"}})
        host = self.start("zot", config, ["serve"])
        self.travel("zot", host, 0)
        self.release(host)


if not os.environ.get("IMGGUARD_PEERS"):
    print("  note   distribution 3, the registry of go-containerregistry and zot are not tested: scripts/peers builds the first two, IMGGUARD_PEERS=1 asks for all", flush=True)
    del Peers
elif not (PEERS / "zot").is_file():
    print(f"  note   zot is not tested: there is no {PEERS / 'zot'}", flush=True)
    del Peers.test_zot
