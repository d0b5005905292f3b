"""Keys on tokens: SoftHSM as the token, OpenSC's pkcs11-tool and OpenSSL as those that make keys.

A program without the feature `pkcs11` says so when it is asked for a key on a token; that is checked of it. IMGGUARD_PEERS=1 then builds
one with the feature and asks that."""

import os
import pathlib
import shutil
import unittest.mock

import harness
from harness import BINARY, HELLO, PASS, REFUSED, ROOT, Suite, imgguard, registry, tool

LIBRARIES = pathlib.Path("/usr/lib")
MODULE = f"{LIBRARIES}/softhsm/libsofthsm2.so"
ABSENT = "loads no PKCS#11 modules"
PIN, WRONG, OFFICER = "271828", "314159", "1618033"
HAS_FEATURE = BINARY.is_file() and ABSENT not in imgguard("key", "public", "--key", "pkcs11:object=any").err


class Without(Suite):
    def test_absent(self):
        """a program without the feature says so, and how else tokens are used; a name that is wrong is told first"""
        for command in (("key", "public"), ("sign", f"oci:{HELLO}:1.0.0")):
            said = self.exits(imgguard(*command, "--key", f"pkcs11:object=a?module-path={MODULE}"), REFUSED, ABSENT, "--key NAME://REF")
            self.assertNotIn("module-path", said.err)
        said = self.exits(imgguard("key", "public", "--key", f"pkcs11:object=a?pin-value={PIN}"), REFUSED, "pin-value", "pin-source")
        self.assertNotIn(PIN, said.out + said.err)


class Tokens(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not HAS_FEATURE:
            tool("cargo", "build", "--quiet", "--locked", "--features", "pkcs11", "--bin", "imgguard", "--manifest-path", ROOT / "Cargo.toml",
                 "--target-dir", ROOT / "target")
            patch = unittest.mock.patch.object(harness, "BINARY", ROOT / "target" / "debug" / "imgguard")
            patch.start()
            cls.addClassCleanup(patch.stop)
        config, tokens = cls.dir / "softhsm2.conf", cls.dir / "tokens"
        tokens.mkdir()
        config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        cls.plain = {"SOFTHSM2_CONF": str(config)}
        cls.env = {**cls.plain, "IMGGUARD_PKCS11_PIN": PIN, "IMGGUARD_PKCS11_MODULE": MODULE}
        for label in ("release", "twin", "twin"):
            tool("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", OFFICER, env=cls.plain)
        cls.generate("p256", "01", "EC:prime256v1")
        cls.generate("p384", "02", "EC:secp384r1")
        cls.generate("p521", "03", "EC:secp521r1")
        cls.generate("rsa", "04", "rsa:2048")
        cls.generate("same", "05", "EC:prime256v1")
        cls.generate("same", "06", "EC:prime256v1")
        # One that OpenSSL made: its public key is known beforehand.
        pem = cls.dir / "imported.pem"
        tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", pem)
        tool("softhsm2-util", "--import", pem, "--token", "release", "--label", "imported", "--id", "a7ff", "--pin", PIN, env=cls.plain)
        cls.imported = tool("openssl", "pkey", "-in", pem, "-pubout")

    @classmethod
    def generate(cls, label, number, kind):
        tool("pkcs11-tool", "--module", MODULE, "--token-label", "release", "--login", "--pin", PIN, "--keypairgen", "--key-type", kind,
             "--label", label, "--id", number, env=cls.plain)

    def layout(self, name):
        folder = self.dir / name
        shutil.copytree(HELLO, folder)
        return f"oci:{folder}:1.0.0"

    def public(self, name, key):
        """The exported public key; for that no PIN is needed."""
        env = {**self.plain, "IMGGUARD_PKCS11_MODULE": MODULE}
        path = self.dir / f"{name}.pub"
        path.write_text(self.exits(imgguard("key", "public", "--key", key, env=env), PASS).out)
        return path

    def refused(self, key, *words, env=None):
        said = self.exits(imgguard("sign", self.image, "--key", key, env=env or self.env), REFUSED, *words)
        for pin in (PIN, WRONG):
            self.assertNotIn(pin, said.out + said.err)

    def test_sign(self):
        """keys on P-256 and P-384 sign and attest, and what they signed verifies with the public key that they show"""
        for name, key in (
            ("p256", f"pkcs11:token=release;object=p256?module-path={MODULE}"),
            ("p384", "pkcs11:token=release;id=%02;type=private"),
            ("imported", "pkcs11:token=release;object=imported;id=%a7%ff"),
        ):
            public, image = self.public(name, key), self.layout(name)
            tool("openssl", "pkey", "-pubin", "-in", public, "-noout")
            self.exits(imgguard("sign", image, "--key", key, "--compat", "both", env=self.env), PASS, "signed")
            self.exits(imgguard("verify", image, "--key", public), PASS, "verified")
            predicate = self.dir / "predicate.json"
            predicate.write_text('{"made": "here"}')
            self.exits(imgguard("attest", image, "--type", "https://example.com/made", "--predicate", predicate, "--key", key, env=self.env), PASS)
            checked = imgguard("check", image, "--policy", "@minimal", "--platform", "linux/amd64", "--attest", "--key", key, env=self.env)
            self.assertNotEqual(checked.exit, REFUSED, checked)
            wanted = ["--require", "sign", "--require", "https://example.com/made"]
            self.exits(imgguard("verify", image, "--recursive", "index", "--key", public, *wanted), PASS, "verified")
        self.assertEqual((self.dir / "imported.pub").read_text(), self.imported)
        theirs = imgguard("verify", self.layout("theirs"), "--key", self.dir / "p256.pub")
        self.assertNotEqual(theirs.exit, PASS, theirs)

    def test_release(self):
        """releases and promotions are signed by the token too"""
        server, host = registry(self.dir, "pkcs11-registry")
        self.serve(server)
        key = "pkcs11:token=release;object=p256"
        public = self.public("gate", key)
        policy = self.dir / "policy.yaml"
        policy.write_text(f"version: 1\nname: small\npromote:\n  signers: {{ gate: {{ key: {public.name} }} }}\nrules:\n  user:\n    root: deny\n")
        source, target = f"{host}/team/app", f"{host}/prod/app"
        options = ["--version", "1.0.0", "--policy", policy, "--key", key]
        self.exits(imgguard("release", self.layout("released"), "--to", source, *options, env=self.env), PASS)
        self.exits(imgguard("verify", f"{source}:1.0.0", "--key", public), PASS, "verified")
        self.exits(imgguard("promote", f"{source}:1.0.0", target, *options, env=self.env), PASS)
        summary = ["--vsa-verifier", "https://imgguard.dev/promote", "--recursive", "all"]
        self.exits(imgguard("verify", f"{target}:1.0.0", "--key", public, *summary), PASS, "verified")

    def test_pin(self):
        """the PIN comes from a file too; a wrong one is tried once and never shown; one in the name is refused"""
        self.image = self.layout("pins")
        source, key = self.dir / "pin", "pkcs11:token=release;object=p256"
        without = {name: value for name, value in self.env.items() if name != "IMGGUARD_PKCS11_PIN"}
        source.write_text(PIN + "\n")
        # What the name says counts, not the environment.
        wrong = {**self.env, "IMGGUARD_PKCS11_PIN": WRONG}
        for name in (source, f"file:{source}"):
            self.exits(imgguard("sign", self.image, "--key", f"{key}?pin-source={name}", env=wrong), PASS, "signed")
        self.refused(key, "token `release` refused the PIN", "not tried again", env=wrong)
        self.exits(imgguard("sign", self.image, "--key", key, env=self.env), PASS, "signed")
        self.refused(key, "IMGGUARD_PKCS11_PIN", env=without)
        self.refused(f"{key}?pin-value={PIN}", "pin-value", "pin-source")
        self.refused(key, "is empty", env={**self.env, "IMGGUARD_PKCS11_PIN": ""})
        self.refused(f"{key}?pin-source={self.dir}/no-such-file", "no-such-file")

    def test_tries(self):
        """a wrong PIN reaches the token exactly once"""
        self.image = self.layout("tries")
        log, spy = self.dir / "spy.log", next(LIBRARIES.glob("*/pkcs11-spy.so"))
        env = {**self.env, "IMGGUARD_PKCS11_MODULE": str(spy), "PKCS11SPY": MODULE, "PKCS11SPY_OUTPUT": str(log), "IMGGUARD_PKCS11_PIN": WRONG}
        self.refused("pkcs11:token=release;object=p256", "refused the PIN", env=env)
        self.assertEqual(log.read_text().count("C_Login"), 1)

    def test_objects(self):
        """no token, several, no key, several, another curve and another algorithm are told apart"""
        self.image = self.layout("objects")
        self.refused("pkcs11:token=absent;object=p256", "0 tokens")
        self.refused("pkcs11:token=twin;object=p256", "2 tokens")
        self.refused("pkcs11:token=release;object=absent", "0 private keys", "token `release`")
        self.refused("pkcs11:token=release;object=p256;id=%02", "0 private keys")
        self.refused("pkcs11:token=release;object=same", "2 private keys")
        self.refused("pkcs11:token=release;object=p521", "P-256 or P-384")
        self.refused("pkcs11:token=release;object=rsa", "no ECDSA key")
        self.refused("pkcs11:token=release;object=p256;slot-id=1", "0 tokens")
        self.exits(imgguard("sign", self.image, "--key", "pkcs11:token=release;object=same;id=%06", env=self.env), PASS, "signed")
        said = imgguard("key", "public", "--key", "pkcs11:token=release;object=absent", env=self.env)
        self.exits(said, REFUSED, "0 private keys")

    def test_modules(self):
        """no module, one that is not there and one that is none are refused"""
        self.image = self.layout("modules")
        self.refused("pkcs11:object=p256", "no PKCS#11 module is named", "module-path", env=self.plain)
        self.refused("pkcs11:object=p256?module-path=/nowhere/module.so", "/nowhere/module.so", "cannot be loaded")
        self.refused(f"pkcs11:object=p256?module-path={ROOT}/Cargo.toml", "cannot be loaded")
        self.refused("pkcs11:token=release;object=p256?module-path=module.so", "absolute path")
        other = next(LIBRARIES.glob("*/libz.so.1"))
        self.refused(f"pkcs11:object=p256?module-path={other}", "cannot be loaded")


if HAS_FEATURE:
    del Without
elif not os.environ.get("IMGGUARD_PEERS"):
    print("  note   tokens are not used: the program is built without the feature pkcs11; IMGGUARD_PEERS=1 builds one with it", flush=True)
    del Tokens
