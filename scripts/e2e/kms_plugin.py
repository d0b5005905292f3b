"""A stand-in for a plugin of a key service (`sigstore-kms-NAME`): its key lies in a file and OpenSSL signs with it."""

from harness import tool


def make_key(path):
    """A private key beside its public one (`.pub`)."""
    path.write_text(tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    public = path.with_suffix(".pub")
    public.write_text(tool("openssl", "pkey", "-in", path, "-pubout"))
    return public


def make_plugin(folder, name, key, public):
    """The plugin of a service `name`, whose only key is called `release`. It must not see passwords."""
    plugin = folder / f"sigstore-kms-{name}"
    plugin.write_text(f"""#!/usr/bin/env python3
import base64, json, os, subprocess, sys
assert sys.argv[1] == "v1" and not any("PASSWORD" in name for name in os.environ)
asked = json.loads(sys.argv[2])
assert asked["initOptions"]["keyResourceID"] == "release", asked
if asked["methodName"] == "publicKey":
    answer = {{"publicKeyPEM": base64.b64encode(open({str(public)!r}, "rb").read()).decode()}}
else:
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", {str(key)!r}], input=sys.stdin.buffer.read(), capture_output=True, check=True)
    answer = {{"signature": base64.b64encode(done.stdout).decode()}}
print(json.dumps({{asked["methodName"]: answer}}))
sys.exit(3)
""")
    plugin.chmod(0o755)
