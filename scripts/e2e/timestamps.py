"""What openssl needs to know to answer as a timestamp authority (RFC 3161)."""

AUTHORITY = """
[tsa]
default_tsa=t
[t]
serial={folder}/serial
crypto_device=builtin
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256,sha384,sha512
accuracy=secs:1
ess_cert_id_alg=sha256
"""
