//! Where the password of a private key comes from: never from the arguments.

use std::path::PathBuf;

use clap::Args;

use crate::sign::Password;

use super::super::Failure;
use super::files;

/// Options of every command that opens a private key.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PasswordArguments {
    /// Read the password of the private key from this file, as it is: a line break at its end belongs to it. Otherwise
    /// `IMGGUARD_KEY_PASSWORD`, `IMGGUARD_KEY_PASSWORD_FILE` or `COSIGN_PASSWORD` are used, else the terminal is asked.
    #[arg(long, value_name = "FILE", conflicts_with = "key_password_fd")]
    key_password_file: Option<PathBuf>,
    /// Read the password of the private key from this file descriptor.
    #[arg(long, value_name = "N")]
    key_password_fd: Option<u32>,
}

impl PasswordArguments {
    /// The password of a key that is there. `what` is named when the terminal is asked.
    pub fn existing(&self, what: &str) -> Result<Password, Failure> {
        match self.given()? {
            Some(password) => Ok(password),
            None => ask(&format!("Password of {what}: ")),
        }
    }

    /// The password of a key that is made; typed twice on a terminal.
    pub fn fresh(&self, what: &str) -> Result<Password, Failure> {
        if let Some(password) = self.given()? {
            return Ok(password);
        }
        let first = typed(&format!("New password of {what}: "))?;
        let second = typed("The same again: ")?;
        if first != second {
            return Err(Failure::usage("the two passwords differ"));
        }
        Ok(Password::new(first.as_bytes()))
    }

    #[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
    fn given(&self) -> Result<Option<Password>, Failure> {
        use std::os::unix::ffi::OsStringExt as _;
        if let Some(path) = &self.key_password_file {
            return files::read(path).map(|bytes| Some(Password::new(bytes)));
        }
        if let Some(number) = self.key_password_fd {
            let path = PathBuf::from(format!("/dev/fd/{number}"));
            return files::read(&path).map(|bytes| Some(Password::new(bytes)));
        }
        if let Some(password) = std::env::var_os("IMGGUARD_KEY_PASSWORD") {
            return Ok(Some(Password::new(password.into_vec())));
        }
        if let Some(path) = std::env::var_os("IMGGUARD_KEY_PASSWORD_FILE").filter(|path| !path.is_empty()) {
            return files::read(&PathBuf::from(path)).map(|bytes| Some(Password::new(bytes)));
        }
        // Set and empty is a password too.
        Ok(std::env::var_os("COSIGN_PASSWORD").map(|password| Password::new(password.into_vec())))
    }
}

fn ask(prompt: &str) -> Result<Password, Failure> {
    typed(prompt).map(|text| Password::new(text.as_bytes()))
}

/// What is typed on the terminal, without showing it.
fn typed(prompt: &str) -> Result<zeroize::Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt).map(zeroize::Zeroizing::new).map_err(|error| {
        Failure::usage(format!("the password cannot be asked for: {error}"))
            .with_hint("set IMGGUARD_KEY_PASSWORD, or give --key-password-file or --key-password-fd")
    })
}

/// Keeps keys in memory out of core dumps and away from debuggers of other users.
pub(in crate::cli) fn protect_memory() {
    #[cfg(target_os = "linux")]
    if rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_err() {
        tracing::warn!("core dumps could not be switched off");
    }
}
