"""The services of keyless signing on loopback, small and real: an identity provider, a certificate authority with a log of its
certificates, a timestamp authority and a transparency log. Runs in target/venv-sign.

    sigstore_services.py FOLDER

Writes root.json, the key of the certificate log (ct.pub), signing.json and its variants into the folder, prints the address of the provider, and serves until it is ended.
POST a JSON object of claims to ADDRESS/oidc/token for an identity token.

Variants of signing.json make what must be refused: signing-expired.json gives certificates whose time is over, signing-bare.json
certificates without a proof of their log, signing-stranger.json those of an authority that root.json does not name.

Formats: Fulcio's API version 2 and its OIDs 1.3.6.1.4.1.57264.1, RFC 6962 (certificate logs, trees), RFC 3161 (by OpenSSL), Rekor's API
version 2 with checkpoints as signed notes (C2SP).
"""

import base64
import datetime
import hashlib
import http.server
import json
import pathlib
import struct
import subprocess
import sys
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from timestamps import AUTHORITY

LOG = "log.test"
START = "2020-01-01T00:00:00Z"
AUDIENCE = "sigstore"
FULCIO = "1.3.6.1.4.1.57264.1"
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
BODY = 1 << 20


def b64(data):
    return base64.b64encode(data).decode()


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unurl64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def spki(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def usage(**flags):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: flags.get(name, False) for name in names})


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def authority(common, issuer=None, path_length=1):
    """A certificate authority: its key and certificate; signed by itself unless an issuer is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer, above = issuer or (key, None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name(common)).issuer_name(above.subject if above else name(common))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now() - datetime.timedelta(days=1)).not_valid_after(now() + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256()))
    return key, certificate


POISON = bytes.fromhex("3013060a2b06010401d679020403") + bytes.fromhex("0101ff04020500")


def element(data, at):
    """Where the content of a DER element begins and where it ends."""
    first = data[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    start = at + 2 + (first & 0x7F)
    return start, start + int.from_bytes(data[at + 2:start], "big")


def enclosed(tag, content):
    size = len(content)
    digits = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(digits)]) + digits) + content


def unpoisoned(tbs):
    """The certificate without the extension that keeps a precertificate from being one: the last field holds the extensions."""
    start, end = element(tbs, 0)
    at = start
    while element(tbs, at)[1] < end:
        at = element(tbs, at)[1]
    listed, _ = element(tbs, at)
    begin, stop = element(tbs, listed)
    extensions = tbs[begin:stop]
    assert tbs[at] == 0xA3 and extensions.count(POISON) == 1, "this is no precertificate"
    return enclosed(0x30, tbs[start:at] + enclosed(0xA3, enclosed(0x30, extensions.replace(POISON, b""))))


class Provider:
    """An OpenID provider that signs with ES256."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def token(self, claims):
        head = url64(compact({"alg": "ES256", "kid": "test", "typ": "JWT"}).encode())
        body = url64(compact({"aud": AUDIENCE, "iat": int(time.time()) - 5, "exp": int(time.time()) + 600, **claims}).encode())
        signature = self.key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(signature)
        return f"{head}.{body}.{url64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def keys(self):
        numbers = self.key.public_key().public_numbers()
        return {"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test",
                          "x": url64(numbers.x.to_bytes(32, "big")), "y": url64(numbers.y.to_bytes(32, "big"))}]}

    def claims(self, token):
        head, body, signature = token.split(".")
        raw = unurl64(signature)
        encoded = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        self.key.public_key().verify(encoded, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        claims = json.loads(unurl64(body))
        assert claims["aud"] == AUDIENCE and claims["exp"] > time.time(), "the token is not for us, or has expired"
        return claims


class CertificateAuthority:
    """Gives certificates for identity tokens, each with a proof of the certificate log."""

    def __init__(self, provider):
        self.provider = provider
        self.root = authority("test root")
        self.inner = authority("test intermediate", self.root, 0)
        self.log_key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, request, bearer, variant):
        """The token stands in the request or in its header; the key in a signing request or beside a proof of its possession."""
        claims = self.provider.claims(request["credentials"]["oidcIdentityToken"] if "credentials" in request else bearer)
        identity = claims.get("email") or claims["sub"]
        if "certificateSigningRequest" in request:
            asked = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"], validate=True))
            assert asked.is_signature_valid, "the signing request is not signed with its key"
            key = asked.public_key()
        else:
            asked = request["publicKeyRequest"]
            key = serialization.load_pem_public_key(asked["publicKey"]["content"].encode())
            key.verify(base64.b64decode(asked["proofOfPossession"], validate=True), identity.encode(), ec.ECDSA(hashes.SHA256()))
        start = now() - datetime.timedelta(minutes=30 if variant == "expired" else 1)
        san = x509.RFC822Name(identity) if "email" in claims else x509.UniformResourceIdentifier(identity)
        # A text as DER: UTF8String, short form.
        text = lambda value: bytes([0x0C, len(value)]) + value.encode()
        own = lambda number, value: x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{FULCIO}.{number}"), value)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([])).issuer_name(self.inner[1].subject)
            .public_key(key).serial_number(x509.random_serial_number())
            .not_valid_before(start).not_valid_after(start + datetime.timedelta(minutes=11))
            .add_extension(usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.inner[0].public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([san]), critical=True)
            .add_extension(own(1, claims["iss"].encode()), critical=False)
            .add_extension(own(8, text(claims["iss"])), critical=False))
        for number, claim in ((12, "repository"), (14, "ref")):
            if claim in claims:
                builder = builder.add_extension(own(number, text(claims[claim])), critical=False)
        if variant != "bare":
            builder = builder.add_extension(self.proof(builder), critical=False)
        signer = ec.generate_private_key(ec.SECP256R1()) if variant == "stranger" else self.inner[0]
        leaf = builder.sign(signer, hashes.SHA256())
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": [pem(leaf), pem(self.inner[1]), pem(self.root[1])]}}}

    def promise(self, tbs, issuer):
        """Time and signature of a signed certificate timestamp (RFC 6962, 3.2) about a certificate without poison and without timestamps."""
        stamp = struct.pack(">Q", int(time.time() * 1000))
        issuer = hashlib.sha256(spki(issuer)).digest()
        signed = b"\0\0" + stamp + b"\0\1" + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = self.log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return stamp, b"\4\3" + struct.pack(">H", len(signature)) + signature

    def log_id(self):
        return hashlib.sha256(spki(self.log_key.public_key())).digest()

    def add_pre_chain(self, request):
        """The certificate log for an authority of others (RFC 6962, 4.2): keeps nothing, promises everything."""
        leaf, issuer = (x509.load_der_x509_certificate(base64.b64decode(part)) for part in request["chain"][:2])
        leaf.verify_directly_issued_by(issuer)
        stamp, signature = self.promise(unpoisoned(leaf.tbs_certificate_bytes), issuer.public_key())
        return {"sct_version": 0, "id": b64(self.log_id()), "timestamp": struct.unpack(">Q", stamp)[0], "extensions": "", "signature": b64(signature)}

    def proof(self, builder):
        """The list with one signed certificate timestamp (RFC 6962, 3.3) about the certificate without that list."""
        stamp, signature = self.promise(builder.sign(self.inner[0], hashes.SHA256()).tbs_certificate_bytes, self.inner[0].public_key())
        sct = b"\0" + self.log_id() + stamp + b"\0\0" + signature
        listed = struct.pack(">H", len(sct)) + sct
        listed = struct.pack(">H", len(listed)) + listed
        # An octet string in the extension's own octet string; at most 127 bytes take the short form of a length.
        length = bytes([len(listed)]) if len(listed) < 128 else bytes([0x81, len(listed)])
        return x509.UnrecognizedExtension(SCT_LIST, b"\x04" + length + listed)


class TimestampAuthority:
    """Answers of `openssl ts`."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(AUTHORITY.format(folder=folder))
        self.root = authority("test stamps root", None, 0)
        key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = (
            x509.CertificateBuilder()
            .subject_name(name("test stamps")).issuer_name(self.root[1].subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - datetime.timedelta(days=1)).not_valid_after(now() + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root[0].public_key()), critical=False)
            .sign(self.root[0], hashes.SHA256()))
        (folder / "tsa.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (folder / "tsa.pem").write_text(pem(self.leaf))

    def answer(self, query):
        with self.lock:
            (self.folder / "query").write_bytes(query)
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "query", "-signer", "tsa.pem",
                 "-inkey", "tsa.key", "-out", "reply"],
                cwd=self.folder, check=True, capture_output=True)
            return (self.folder / "reply").read_bytes()


class Log:
    """A transparency log: leaves, inclusion proofs, checkpoints."""

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(LOG.encode() + b"\n\1" + public).digest()
        self.leaves = [hashlib.sha256(b"\0somebody else's entry %d" % number).digest() for number in range(5)]
        self.lock = threading.Lock()

    def tree(self, leaves):
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + self.tree(leaves[:split]) + self.tree(leaves[split:])).digest()

    def path(self, index, leaves):
        if len(leaves) == 1:
            return []
        split = 1 << (len(leaves) - 1).bit_length() - 1
        if index < split:
            return self.path(index, leaves[:split]) + [self.tree(leaves[split:])]
        return self.path(index - split, leaves[split:]) + [self.tree(leaves[:split])]

    def checkpoint(self, size, root):
        text = f"{LOG}\n{size}\n{b64(root)}\n"
        return f"{text}\n\u2014 {LOG} {b64(self.id[:4] + self.key.sign(text.encode()))}\n"

    def add(self, request):
        asked = request["hashedRekordRequestV002"]
        verifier, signature = asked["signature"]["verifier"], asked["signature"]["content"]
        kind = "x509Certificate" if "x509Certificate" in verifier else "publicKey"
        raw = base64.b64decode(verifier[kind]["rawBytes"], validate=True)
        key = x509.load_der_x509_certificate(raw).public_key() if kind == "x509Certificate" else serialization.load_der_public_key(raw)
        key.verify(base64.b64decode(signature, validate=True), base64.b64decode(asked["digest"], validate=True),
                   ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        body = compact({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": asked["digest"]},
            "signature": {"content": signature, "verifier": {"keyDetails": verifier["keyDetails"], kind: verifier[kind]}}}}}).encode()
        with self.lock:
            index = len(self.leaves)
            self.leaves.append(hashlib.sha256(b"\0" + body).digest())
            root = self.tree(self.leaves)
            return {
                "logIndex": str(index), "logId": {"keyId": b64(self.id)},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"}, "integratedTime": "0",
                "inclusionProof": {
                    "logIndex": str(index), "rootHash": b64(root), "treeSize": str(index + 1),
                    "hashes": [b64(one) for one in self.path(index, self.leaves)],
                    "checkpoint": {"envelope": self.checkpoint(index + 1, root)}},
                "canonicalizedBody": b64(body)}


def trusted_root(base, certificates, stamps, log):
    public = lambda key, details: {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": {"start": START}}
    chain = lambda *parts: {"certificates": [{"rawBytes": b64(der(part))} for part in parts]}
    subject = lambda common: {"organization": "test", "commonName": common}
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{"baseUrl": f"http://{LOG}", "hashAlgorithm": "SHA2_256", "logId": {"keyId": b64(log.id)},
                   "publicKey": public(log.key.public_key(), "PKIX_ED25519")}],
        "ctlogs": [{"baseUrl": f"{base}/ct", "hashAlgorithm": "SHA2_256",
                    "logId": {"keyId": b64(hashlib.sha256(spki(certificates.log_key.public_key())).digest())},
                    "publicKey": public(certificates.log_key.public_key(), "PKIX_ECDSA_P256_SHA_256")}],
        "certificateAuthorities": [{"subject": subject("test root"), "uri": f"{base}/ca", "validFor": {"start": START},
                                    "certChain": chain(certificates.inner[1], certificates.root[1])}],
        "timestampAuthorities": [{"subject": subject("test stamps root"), "uri": f"{base}/tsa", "validFor": {"start": START},
                                  "certChain": chain(stamps.leaf, stamps.root[1])}]}


def signing_config(base, variant):
    service = lambda url, version: [{"url": url, "majorApiVersion": version, "validFor": {"start": START}, "operator": "test"}]
    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(f"{base}/{variant}", 1), "oidcUrls": service(f"{base}/oidc", 1),
        "rekorTlogUrls": service(f"{base}/log", 2), "tsaUrls": service(f"{base}/tsa", 1),
        "rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"}}


def main(folder):
    provider, log = Provider(), Log()
    certificates, stamps = CertificateAuthority(provider), TimestampAuthority(folder)

    class Services(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            base = f"http://127.0.0.1:{self.server.server_port}/oidc"
            pages = {"/oidc/.well-known/openid-configuration": {
                "issuer": base, "jwks_uri": f"{base}/keys", "id_token_signing_alg_values_supported": ["ES256"]}, "/oidc/keys": provider.keys()}
            if self.path not in pages:
                return self.give(404, b"", "text/plain")
            return self.give(200, json.dumps(pages[self.path]).encode(), "application/json")

        def do_POST(self):
            body = self.rfile.read(min(int(self.headers["Content-Length"]), BODY))
            service, _, rest = self.path.removeprefix("/").partition("/")
            as_json = lambda answer, status: self.give(status, json.dumps(answer).encode(), "application/json")
            try:
                if self.path == "/oidc/token":
                    return self.give(200, provider.token(json.loads(body)).encode(), "application/jwt")
                if service == "tsa":
                    return self.give(200, stamps.answer(body), "application/timestamp-reply")
                if self.path == "/ct/ct/v1/add-pre-chain":
                    return as_json(certificates.add_pre_chain(json.loads(body)), 200)
                if self.path == "/log/api/v2/log/entries":
                    return as_json(log.add(json.loads(body)), 201)
                if rest == "api/v2/signingCert":
                    return as_json(certificates.sign(json.loads(body), self.headers.get("Authorization", "").removeprefix("Bearer "), service), 200)
                return self.give(404, b"", "text/plain")
            except Exception as error:  # noqa: BLE001: whatever is wrong with the request, its sender is told
                return self.give(400, f"{type(error).__name__}: {error}".encode(), "text/plain")

        def give(self, status, body, media_type):
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
    base = f"http://127.0.0.1:{server.server_port}"
    (folder / "root.json").write_text(json.dumps(trusted_root(base, certificates, stamps, log)))
    for variant, file in (("ca", "signing"), ("expired", "signing-expired"), ("bare", "signing-bare"), ("stranger", "signing-stranger")):
        (folder / f"{file}.json").write_text(json.dumps(signing_config(base, variant)))
    (folder / "ct.pub").write_bytes(certificates.log_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    print(base, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
