"""Holds signatures against the implementations of others; runs in target/venv-sign, with Node beside it where there is one.

    sign_peers.py unlock KEYFILE PASSWORDFILE        prints the algorithm of the key inside, as PyNaCl and hashlib open it
    sign_peers.py seal KEYFILE PASSWORDFILE PKCS8    writes a key file as they seal it
    sign_peers.py read BUNDLE PUBLIC                 what the PyPI package sigstore makes of a bundle, signature verified
    sign_peers.py sign SUBJECT KEY OUT               a bundle about a digest, made with the PyPI package cryptography
    sign_peers.py keyless-file BUNDLE IDENTITY ISSUER ROOT FILE   nothing, when the PyPI package sigstore accepts the bundle about a file
    sign_peers.py keyless BUNDLE IDENTITY ISSUER ROOT  the statement, when the PyPI package sigstore accepts bundle and identity
"""

import base64
import hashlib
import json
import os
import pathlib
import sys

LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"


def derive(password, salt):
    return hashlib.scrypt(password, salt=salt, n=65536, r=8, p=1, maxmem=256 << 20, dklen=32)


def unlock(key_file, password_file):
    from nacl.bindings import crypto_secretbox_open
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    lines = pathlib.Path(key_file).read_text().strip().splitlines()
    assert lines[0] == f"-----BEGIN {LABEL}-----" and lines[-1] == f"-----END {LABEL}-----", lines[0]
    body = json.loads(base64.b64decode("".join(lines[1:-1]), validate=True))
    decode = lambda text: base64.b64decode(text, validate=True)
    assert body["kdf"]["params"] == {"N": 65536, "r": 8, "p": 1}, body["kdf"]
    key = derive(pathlib.Path(password_file).read_bytes(), decode(body["kdf"]["salt"]))
    der = crypto_secretbox_open(decode(body["ciphertext"]), decode(body["cipher"]["nonce"]), key)
    print(load_der_private_key(der, None).curve.name)


def seal(key_file, password_file, pkcs8):
    from nacl.bindings import crypto_secretbox

    salt, nonce = os.urandom(32), os.urandom(24)
    key = derive(pathlib.Path(password_file).read_bytes(), salt)
    encode = lambda data: base64.b64encode(data).decode()
    body = {
        "kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": encode(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": encode(nonce)},
        "ciphertext": encode(crypto_secretbox(pathlib.Path(pkcs8).read_bytes(), nonce, key)),
    }
    text = encode(json.dumps(body).encode())
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    path = pathlib.Path(key_file)
    path.write_text("\n".join([f"-----BEGIN {LABEL}-----", *lines, f"-----END {LABEL}-----"]) + "\n")
    path.chmod(0o600)


def read(bundle, public_key):
    """The envelope through the package's own verification, and the document through its models."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from sigstore import dsse
    from sigstore_models.bundle.v1 import Bundle

    text = pathlib.Path(bundle).read_text()
    parsed = Bundle.from_json(text)
    envelope = dsse.Envelope._from_json(json.dumps(json.loads(text)["dsseEnvelope"]))
    payload = dsse._verify(load_pem_public_key(pathlib.Path(public_key).read_bytes()), envelope)
    statement = json.loads(payload)
    print(json.dumps({
        "mediaType": parsed.media_type, "hint": parsed.verification_material.public_key.hint,
        "predicateType": statement["predicateType"], "subject": statement["subject"]}))


def sign(subject, key, out):
    """A bundle with a key, made without any code of ours."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    private = load_pem_private_key(pathlib.Path(key).read_bytes(), None)
    statement = json.dumps({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": {}}).encode()
    kind = b"application/vnd.in-toto+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)
    encode = lambda data: base64.b64encode(data).decode()
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": encode(hashlib.sha256(spki).digest())}},
        "dsseEnvelope": {
            "payloadType": kind.decode(), "payload": encode(statement),
            "signatures": [{"sig": encode(private.sign(pae, ec.ECDSA(hashes.SHA256()))), "keyid": ""}]},
    }
    pathlib.Path(out).write_text(json.dumps(bundle))


def keyless(bundle, identity, issuer, root):
    """Everything that the package verifies: chain, certificate log, timestamp, log entry, identity, signature."""
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    verifier = Verifier(trusted_root=TrustedRoot.from_file(root))
    wanted = policy.Identity(identity=identity, issuer=issuer)
    _, payload = verifier.verify_dsse(Bundle.from_json(pathlib.Path(bundle).read_text()), wanted)
    print(payload.decode())


def keyless_file(bundle, identity, issuer, root, file):
    """The same for a file."""
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    wanted = policy.Identity(identity=identity, issuer=issuer)
    Verifier(trusted_root=TrustedRoot.from_file(root)).verify_artifact(
        pathlib.Path(file).read_bytes(), Bundle.from_json(pathlib.Path(bundle).read_text()), wanted)


if __name__ == "__main__":
    {"unlock": unlock, "seal": seal, "read": read, "sign": sign, "keyless": keyless, "keyless-file": keyless_file}[sys.argv[1]](*sys.argv[2:])
