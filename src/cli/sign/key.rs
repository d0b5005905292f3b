//! `imgguard key`: private keys made, imported, and their public halves.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use crate::kms::{self, ServiceKey};
use crate::pkcs11;
use crate::sign::{Curve, PublicKey, Sealing, SigningKey, Unlocked};

use super::super::terminal::Terminal;
use super::super::{Exit, Failure, output};
use super::password::{PasswordArguments, protect_memory};
use super::{files, token};

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key pair: NAME.key, encrypted as cosign does, and NAME.pub.
    Generate(GenerateArguments),
    /// Encrypt a private key that is there: PKCS#8, SEC1 or PKCS#1, PEM without a password.
    Import(ImportArguments),
    /// Print the public key that belongs to a private one.
    Public(PublicArguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what every verifier reads.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
}

#[derive(Debug, Args)]
struct GenerateArguments {
    /// The two files are NAME.key and NAME.pub; neither may be there.
    #[arg(long, value_name = "NAME", default_value = "imgguard")]
    out: PathBuf,
    /// The algorithm.
    #[arg(long, value_enum, default_value_t = Algorithm::P256)]
    algorithm: Algorithm,
    #[command(flatten)]
    password: PasswordArguments,
}

#[derive(Debug, Args)]
struct ImportArguments {
    /// The private key.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The two files are NAME.key and NAME.pub; neither may be there.
    #[arg(long, value_name = "NAME", default_value = "imgguard")]
    out: PathBuf,
    #[command(flatten)]
    password: PasswordArguments,
}

#[derive(Debug, Args)]
struct PublicArguments {
    /// The encrypted private key, a key of a service, or a key on a token, as for `sign`.
    #[arg(long, value_name = "FILE|NAME://REF|pkcs11:…")]
    key: String,
    #[command(flatten)]
    password: PasswordArguments,
}

pub(in crate::cli) fn run(arguments: &KeyArguments) -> Result<Exit, Failure> {
    protect_memory();
    match &arguments.command {
        KeyCommand::Generate(arguments) => {
            let curve = match arguments.algorithm {
                Algorithm::P256 => Curve::P256,
                Algorithm::P384 => Curve::P384,
            };
            let key = SigningKey::generate(curve).map_err(|error| Failure::usage(error.to_string()))?;
            save(&key, &arguments.out, &arguments.password)
        }
        KeyCommand::Import(arguments) => {
            let text: Zeroizing<Vec<u8>> = Zeroizing::new(files::read(&arguments.file)?);
            let key = SigningKey::import(&text).map_err(|error| {
                Failure::usage(format!("`{}` cannot be imported: {error}", arguments.file.display()))
                    .with_hint("`openssl pkcs8 -topk8 -nocrypt` takes a password off a private key")
            })?;
            save(&key, &arguments.out, &arguments.password)
        }
        KeyCommand::Public(arguments) => {
            output::print(&public(&arguments.key, &arguments.password)?.to_pem())?;
            Ok(Exit::Pass)
        }
    }
}

/// The public half of a key, wherever that is.
fn public(text: &str, password: &PasswordArguments) -> Result<PublicKey, Failure> {
    if pkcs11::is_reference(text) {
        return token::public(text);
    }
    if kms::is_reference(text) {
        return Ok(ServiceKey::open(text)?.public().clone());
    }
    Ok(open(Path::new(text), password)?.public().clone())
}

/// Opens a private key file.
pub(super) fn open(path: &Path, password: &PasswordArguments) -> Result<SigningKey, Failure> {
    let file = files::read_private(path)?;
    let shown = format!("`{}`", path.display());
    let password = password.existing(&shown)?;
    let (key, unlocked) = SigningKey::open(&file, &password)
        .map_err(|error| Failure::usage(format!("{shown} cannot be opened: {error} ({})", error.code())))?;
    match unlocked {
        Unlocked::AsGiven => {}
        Unlocked::WithLineBreak => {
            Terminal::say(&format!("note: the password of {shown} ends with a line break, which was added"));
        }
        Unlocked::WithoutLineBreak => {
            Terminal::say(&format!("note: the password of {shown} does not end with the line break that was given"));
        }
    }
    Ok(key)
}

fn save(key: &SigningKey, name: &Path, password: &PasswordArguments) -> Result<Exit, Failure> {
    let with = |extension: &str| {
        let mut path = name.as_os_str().to_owned();
        path.push(extension);
        PathBuf::from(path)
    };
    let (private, public) = (with(".key"), with(".pub"));
    for path in [&private, &public] {
        if path.exists() {
            return Err(Failure::usage(format!("`{}` is there already", path.display()))
                .with_hint("nothing is overwritten: give another --out"));
        }
    }
    let password = password.fresh(&format!("`{}`", private.display()))?;
    let mut sealing = Sealing { salt: [0; 32], nonce: [0; 24] };
    for bytes in [&mut sealing.salt[..], &mut sealing.nonce[..]] {
        getrandom::fill(bytes).map_err(|error| Failure::usage(format!("there are no random bytes: {error}")))?;
    }
    let file = key.seal(&password, &sealing).map_err(|error| Failure::usage(error.to_string()))?;
    files::write_private(&private, &file)?;
    files::write_public(&public, key.public().to_pem().as_bytes())?;
    output::print(&told(&private, &public, key.public()))?;
    Ok(Exit::Pass)
}

fn told(private: &Path, public: &Path, key: &PublicKey) -> String {
    format!(
        "private key: {}\npublic key:  {}\nalgorithm:   {}\ndigest:      {}\n",
        private.display(),
        public.display(),
        key.algorithm(),
        key.digest()
    )
}
