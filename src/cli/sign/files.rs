//! Files of keys, roots and bundles.

use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::sign::trust_policy::{SignerSpec, Who};
use crate::sign::{PublicKey, RootKind, TrustRoot};

use super::super::terminal::Terminal;
use super::super::{Failure, now};

/// Bytes of any file that is read whole here, unless it says otherwise.
const MAX_FILE: u64 = 64 << 20;

/// Reads a file of at most 64 MiB.
#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, "read", &error);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::usage(format!("`{}` is longer than {MAX_FILE} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a file, or standard input for `-`.
pub(super) fn read_or_stdin(path: &Path) -> Result<Vec<u8>, Failure> {
    if path != Path::new("-") {
        return read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file(path, "read", &error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::usage(format!("standard input is longer than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

/// Reads a private key file. Others must not be able to read it.
pub(super) fn read_private(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let data = std::fs::metadata(path).map_err(|error| Failure::file(path, "read", &error))?;
        if data.is_file() && data.permissions().mode() & 0o077 != 0 {
            let mode = data.permissions().mode() & 0o777;
            return Err(Failure::usage(format!(
                "others may use the private key `{}`: its mode is {mode:04o}",
                path.display()
            ))
            .with_hint("chmod 600 it"));
        }
    }
    read(path).map(zeroize::Zeroizing::new)
}

/// Writes a new file that only its owner may read. A file that is there already stays as it is.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    write_new(path, &options, text.as_bytes())
}

/// Writes a new file.
pub(super) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    write_new(path, &options, bytes)
}

fn write_new(path: &Path, options: &std::fs::OpenOptions, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::file(path, "written", &error);
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.with_hint("nothing is overwritten: name another file")
        } else {
            failure
        }
    };
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads a public key file; a small RSA key is warned about.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let key = PublicKey::from_pem(&read(path)?)
        .map_err(|error| Failure::usage(format!("`{}` is no public key that can be used: {error}", path.display())))?;
    warn_of_weakness(&key, path);
    Ok(key)
}

/// Reads the file that a signer of a policy names, in the folder of the policy.
pub(super) fn read_signer(signer: &mut SignerSpec, folder: &Path) -> Result<(), Failure> {
    let Some(path) = signer.file().map(|file| folder.join(file)) else { return Ok(()) };
    signer
        .take_file(&read(&path)?, now())
        .map_err(|error| Failure::usage(format!("`{}` cannot be used for a signer: {error}", path.display())))?;
    if let Who::Key(key) = &signer.who {
        warn_of_weakness(key, &path);
    }
    Ok(())
}

fn warn_of_weakness(key: &PublicKey, path: &Path) {
    if key.is_weak() {
        Terminal::say(&format!("warning: `{}` is an RSA key of less than 3072 bits", path.display()));
    }
}

/// The embedded root of an instance.
pub(super) fn embedded_root(kind: RootKind) -> Result<TrustRoot, Failure> {
    TrustRoot::embedded(kind)
        .map_err(|error| Failure::usage(format!("the embedded trust root cannot be used: {error}")))
}

/// Reads a trust root, or takes the one that is installed for the instance, or the embedded one.
pub(super) fn trust_root(path: Option<&Path>, embedded: RootKind) -> Result<TrustRoot, Failure> {
    match path {
        Some(path) => TrustRoot::read(&read(path)?).map_err(|error| {
            Failure::usage(format!("`{}` is no trust root that can be used: {error}", path.display()))
        }),
        None => match super::trust::installed(embedded)? {
            Some(root) => Ok(root),
            None => embedded_root(embedded),
        },
    }
}

/// Says that an embedded or installed root is old.
pub(super) fn warn_of_age(root: &TrustRoot) {
    if root.is_old(now()) {
        let days = root.age(now()).unwrap_or_default() / 86_400;
        Terminal::say(&format!(
            "WARNING: the trust root is {days} days old, and keys may have been changed since: run `imgguard trust update`, give --trusted-root, or update imgguard"
        ));
    }
}
