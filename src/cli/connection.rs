//! How commands that work with registries reach them, and what they take for a source.

use std::path::PathBuf;

use clap::Args;

use crate::oci::{FetchError, Reference};
use crate::registry::{Client, Environment, Login, ManifestBytes, Options, ReadRepository, RemoteRepository};
use crate::source::registry::resolve;
use crate::source::{ArchiveRepository, ImageSpec, LayoutRepository};

use super::Failure;
use super::image::{look, read_password, say_choice};

/// Connections and credentials.
#[derive(Debug, Clone, Args)]
pub(super) struct ConnectionArguments {
    /// Talk to registries without TLS. Loopback addresses never need this.
    #[arg(long)]
    plain_http: bool,
    /// Trust the certificates of this PEM file too.
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,
    /// Read credentials from this file before all others.
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// Name of the registry account.
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password of the registry account from standard input.
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

impl ConnectionArguments {
    /// Options for clients; reads the password, if there is one.
    pub fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::new(Environment::of_process());
        options.plain_http = self.plain_http;
        options.ca_files.clone_from(&self.ca_file);
        options.authfile.clone_from(&self.authfile);
        if let Some(username) = &self.username {
            options.login = Some(Login::Password { username: username.clone(), password: read_password()? });
        }
        Ok(options)
    }
}

/// A repository and the manifest in it that was asked for.
pub(super) struct Source {
    pub repository: Box<dyn ReadRepository>,
    pub root: ManifestBytes,
    pub tag: Option<String>,
}

/// Opens a source that has manifests: a registry, an OCI layout or an OCI archive.
pub(super) fn open_source(text: &str, client: &Client) -> Result<Source, Failure> {
    let spec = ImageSpec::parse(text, &look)?;
    say_choice(text, &spec);
    match &spec {
        ImageSpec::Registry(text) => {
            let reference = text.parse::<Reference>()?;
            let (root, blobs) = resolve(client, &reference)?;
            let repository = Box::new(RemoteRepository::new(client, &reference));
            Ok(Source { repository, root: blobs.root().clone(), tag: root.tag })
        }
        ImageSpec::Layout { path, tag } => {
            let repository = LayoutRepository::new(path);
            let (root, tag) = repository.root(tag.as_deref())?;
            Ok(Source { repository: Box::new(repository), root, tag })
        }
        ImageSpec::Archive { path, tag } => {
            let repository = ArchiveRepository::open(path)?;
            let (root, tag) = repository.root(tag.as_deref())?;
            Ok(Source { repository: Box::new(repository), root, tag })
        }
        ImageSpec::Docker(_) | ImageSpec::Podman(_) | ImageSpec::Stdin | ImageSpec::Facts(_) => {
            let message = format!("`{text}` has no manifests that could be kept as they are");
            Err(Failure::usage(message).with_hint("give a registry reference, oci:DIR or oci-archive:FILE"))
        }
    }
}

/// A reference that names a repository, without tag and digest.
pub(super) fn repository(text: &str) -> Result<Reference, Failure> {
    let reference = text.parse::<Reference>()?;
    if reference.tag.is_some() || reference.digest.is_some() {
        let message = format!("`{text}` names an image, and a repository is wanted");
        return Err(Failure::from(FetchError::Usage(message)).with_hint("leave tag and digest out"));
    }
    Ok(reference)
}
