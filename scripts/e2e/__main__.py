"""Runs end-to-end suites: python3 scripts/e2e [SUITE…]; the suites are the files beside this one."""

import pathlib
import sys

import harness

ALL = [
    "sources",
    "tree",
    "bad_input",
    "secret_places",
    "registry",
    "token_auth",
    "seeds",
    "bases",
    "evidence",
    "own_image",
    "exec",
    "policy_life",
    "policy_bundle",
    "packages",
    "packages_lang",
    "sbom",
    "tags",
    "sign",
    "keyless",
    "trust",
    "cosign",
    "pkcs11_tokens",
    "push",
    "release",
    "build",
    "promote",
    "action",
    "pipeline",
    "docs",
]

if __name__ == "__main__":
    wanted = [name.replace("-", "_") for name in sys.argv[1:]] or ALL
    for name in wanted:
        if name not in ALL or not (pathlib.Path(__file__).parent / f"{name}.py").is_file():
            sys.exit(f"there is no suite `{name}`; the suites are: {' '.join(ALL)}")
    sys.exit(harness.main(wanted))
