//! How commands that work with registries reach them, and what they take for a source.

use std::path::PathBuf;

use clap::Args;

use crate::model::Digest;
use crate::oci::{FetchError, Reference};
use crate::registry::{Client, Environment, Login, ManifestBytes, Options, ReadRepository, RemoteRepository};
use crate::source::daemon::{Daemon, open_daemon};
use crate::source::registry::resolve;
use crate::source::{ArchivedFile, ArchivedImage, ConfigOf, ImageSpec, LayoutRepository, open_archived};

use super::Failure;
use super::image::{look, read_password, say_choice};
use super::terminal::Terminal;

/// Connections and credentials.
#[derive(Debug, Clone, Default, Args)]
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
    /// The same with another file of credentials, and without an account.
    pub fn with_authfile(&self, file: PathBuf) -> Self {
        Self { authfile: Some(file), username: None, password_stdin: false, ..self.clone() }
    }

    /// The same without an account.
    pub fn without_account(&self) -> Self {
        Self { username: None, password_stdin: false, ..self.clone() }
    }

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
    /// The archive behind it, when it is one.
    pub archived: Option<Archived>,
}

/// What stays of an archive that was opened as a repository.
pub(super) struct Archived {
    /// Digest of the config, where a manifest was made for it.
    pub converted: Option<Digest>,
    /// The reference that reads exactly this file.
    pub reference: String,
    _image: ArchivedFile,
}

/// Opens a source: what has no manifest, such as an archive of `docker save`, gets the one that its content determines.
pub(super) fn open_source(text: &str, client: &Client) -> Result<Source, Failure> {
    let spec = ImageSpec::parse(text, &look)?;
    say_choice(text, &spec);
    match &spec {
        ImageSpec::Registry(text) => {
            let reference = text.parse::<Reference>()?;
            let (root, blobs) = resolve(client, &reference)?;
            let repository = Box::new(RemoteRepository::new(client, &reference));
            Ok(Source { repository, root: blobs.root().clone(), tag: root.tag, archived: None })
        }
        ImageSpec::Layout { path, tag } => {
            let repository = LayoutRepository::new(path);
            let (root, tag) = repository.root(tag.as_deref())?;
            Ok(Source { repository: Box::new(repository), root, tag, archived: None })
        }
        ImageSpec::Archive { path, tag } => {
            Ok(archived(open_archived(path, tag.as_deref(), ConfigOf::Image)?, tag.as_deref()))
        }
        ImageSpec::Docker(reference) => of_daemon(Daemon::Docker, reference),
        ImageSpec::Podman(reference) => of_daemon(Daemon::Podman, reference),
        ImageSpec::Stdin | ImageSpec::Facts(_) => {
            let message = format!("`{text}` cannot be read twice, which a copy needs");
            Err(Failure::usage(message)
                .with_hint("give a registry reference, a folder, an archive or an image of a daemon"))
        }
    }
}

fn of_daemon(daemon: Daemon, reference: &str) -> Result<Source, Failure> {
    let image = open_daemon(daemon, reference, &Environment::of_process())?;
    let image = ArchivedImage::of_stream(image.reader, reference, image.tag.as_deref(), ConfigOf::Image)?;
    Ok(archived(image, None))
}

fn archived(image: ArchivedImage, tag: Option<&str>) -> Source {
    let ArchivedImage { repository, root, tag: found, converted, file, .. } = image;
    if converted.is_some() {
        Terminal::say(&format!("note: `{}` has no manifest: {} is made from it", repository.name(), root.digest));
    }
    let path = file.path().display();
    let reference = tag.map_or_else(|| format!("oci-archive:{path}"), |tag| format!("oci-archive:{path}:{tag}"));
    Source { repository, root, tag: found, archived: Some(Archived { converted, reference, _image: file }) }
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
