//! From what the user wrote to an inspection.

use std::cell::OnceCell;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::inspect::{Cache, Engine, PackageWork, StreamName};
use crate::layer::{Limits, WantedContents};
use crate::model::{Inspection, SCHEMA};
use crate::oci::{Reference, Selector};
use crate::policy::Policy;
use crate::registry::{Client, Environment, Options, Secret};
use crate::secrets::Scanner;
use crate::source::daemon::{Daemon, open_daemon};
use crate::source::registry::open_with;
use crate::source::{Found, ImageSpec, Opened, open_archive, open_layout, open_stdin};

use super::progress::Bar;
use super::terminal::Terminal;
use super::{Failure, SourceArguments};

/// What every image of a run is read with.
pub(super) struct Reader<'a> {
    pub arguments: &'a SourceArguments,
    pub terminal: &'a Terminal,
    scanner: Scanner,
    cache: Option<Cache>,
    packages: PackageWork,
    contents: Arc<WantedContents>,
    client: OnceCell<Client>,
    options: OnceCell<Options>,
}

impl<'a> Reader<'a> {
    /// Prepares everything; reads the fingerprint key, if there is one.
    pub fn new(arguments: &'a SourceArguments, terminal: &'a Terminal) -> Result<Self, Failure> {
        let cache = (!arguments.no_cache).then(cache_folder).flatten().map(Cache::new);
        let scanner = match &arguments.fingerprint_key {
            None => Scanner::new(),
            Some(path) => Scanner::new().with_fingerprint_key(&read_key(path)?),
        };
        Ok(Self {
            arguments,
            terminal,
            scanner,
            cache,
            packages: PackageWork::Records,
            contents: Arc::default(),
            client: OnceCell::new(),
            options: OnceCell::new(),
        })
    }

    /// Asks for the packages too.
    pub fn with_packages(self) -> Self {
        Self { packages: PackageWork::Together, ..self }
    }

    /// Asks for what the rules of a policy look at beyond the usual: packages, contents of files.
    pub fn for_policy(self, policy: &Policy) -> Self {
        let contents = Arc::new(WantedContents::new(policy.contents.iter().map(String::as_str)));
        let packages = if policy.reads_packages() { PackageWork::Together } else { self.packages };
        Self { packages, contents, ..self }
    }

    /// The detectors.
    pub fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// Reads one image: everything that is asked of it, once.
    pub fn inspect(&self, text: &str, selector: &Selector) -> Result<Inspection, Failure> {
        let spec = ImageSpec::parse(text, &look)?;
        if let ImageSpec::Facts(path) = &spec {
            return read_facts(&PathBuf::from(path));
        }
        say_choice(text, &spec);
        match self.open(&spec, selector)? {
            Opened::Blobs { plan, blobs } => {
                let bar = Bar::new(self.terminal.interactive, Some(Engine::bytes_to_read(&plan)));
                let inspection = self.engine(&bar).inspect(plan, &*blobs);
                bar.end();
                Ok(inspection?)
            }
            Opened::Stream { reader, name, repository, tag } => {
                let bar = Bar::new(self.terminal.interactive, None);
                let name = StreamName { reference: name, repository, tag };
                let inspection = self.engine(&bar).inspect_stream(reader, &name, selector);
                bar.end();
                Ok(inspection?)
            }
        }
    }

    /// Opens a source.
    pub fn open(&self, spec: &ImageSpec, selector: &Selector) -> Result<Opened, Failure> {
        match spec {
            ImageSpec::Layout { path, tag } => Ok(open_layout(path, tag.as_deref(), selector)?),
            ImageSpec::Archive { path, tag } => Ok(open_archive(path, tag.as_deref(), selector)?),
            ImageSpec::Stdin => Ok(open_stdin()?),
            ImageSpec::Docker(reference) => open_from_daemon(Daemon::Docker, reference, "docker-daemon:"),
            ImageSpec::Podman(reference) => open_from_daemon(Daemon::Podman, reference, "podman:"),
            ImageSpec::Registry(text) => {
                let reference = text.parse::<Reference>()?;
                let (plan, blobs) = open_with(self.client()?, &reference, selector)?;
                Ok(Opened::Blobs { plan, blobs })
            }
            ImageSpec::Facts(path) => Err(Failure::usage(format!("`facts:{path}` holds no image to read"))),
        }
    }

    /// Options for clients; the password is read once.
    pub fn options(&self) -> Result<Options, Failure> {
        if let Some(options) = self.options.get() {
            return Ok(options.clone());
        }
        let options = self.arguments.connection.options()?;
        Ok(self.options.get_or_init(|| options).clone())
    }

    /// One client for all images of a run: connections, tokens and retry budgets are shared.
    pub fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(self.options()?)?;
        Ok(self.client.get_or_init(|| client))
    }

    fn engine<'e>(&'e self, bar: &'e Bar) -> Engine<'e> {
        Engine {
            threads: threads(self.arguments.threads),
            limits: Limits::default(),
            scanner: &self.scanner,
            cache: self.cache.as_ref(),
            packages: self.packages,
            contents: Arc::clone(&self.contents),
            progress: bar,
        }
    }
}

/// A path without a prefix was taken for an image: that is said.
pub(super) fn say_choice(text: &str, spec: &ImageSpec) {
    let prefix = match spec {
        ImageSpec::Layout { path, .. } if path == text => "oci:",
        ImageSpec::Archive { path, .. } if path == text => "oci-archive:",
        _ => return,
    };
    Terminal::say(&format!("note: `{text}` is a path: reading it as {prefix}{text}"));
}

fn open_from_daemon(daemon: Daemon, reference: &str, prefix: &str) -> Result<Opened, Failure> {
    let image = open_daemon(daemon, reference, &Environment::of_process())?;
    Ok(Opened::Stream {
        reader: image.reader,
        name: format!("{prefix}{reference}"),
        repository: image.repository,
        tag: image.tag,
    })
}

/// The key of fingerprints: the whole file but for its last line break.
fn read_key(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    const LEAST: usize = 16;
    const MOST: u64 = 64 << 10;
    #[expect(clippy::disallowed_methods, reason = "the command line reads files")]
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    let mut key = Vec::new();
    file.take(MOST + 1).read_to_end(&mut key).map_err(|error| Failure::file(path, "read", &error))?;
    if key.len() as u64 > MOST {
        return Err(Failure::usage(format!("the fingerprint key in `{}` is longer than {MOST} bytes", path.display())));
    }
    while key.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        key.pop();
    }
    if key.len() < LEAST {
        return Err(Failure::usage(format!(
            "the fingerprint key in `{}` is shorter than {LEAST} bytes",
            path.display()
        ))
        .with_hint("make one with `head -c 32 /dev/urandom | base64 > FILE`"));
    }
    Ok(key)
}

/// The password is the first line of standard input.
pub(super) fn read_password() -> Result<Secret, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::usage(format!("the password could not be read from standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::usage("--password-stdin was given, but standard input is empty"));
    }
    Ok(Secret::new(password))
}

/// The threads asked for, else one for each processor this process may use.
pub(super) fn threads(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    asked.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// What stands at a path.
pub(super) fn look(path: &str) -> Option<Found> {
    let data = std::fs::metadata(path).ok()?;
    Some(if data.is_dir() { Found::Folder } else { Found::File })
}

/// `--platform`: `all`, or a platform; `default` when it is not given.
pub(super) fn selector(platform: Option<&str>, default: Selector) -> Result<Selector, Failure> {
    match platform {
        None => Ok(default),
        Some("all") => Ok(Selector::All),
        Some(text) => text
            .parse()
            .map(Selector::One)
            .map_err(|error: crate::model::PlatformError| Failure::usage(error.to_string())),
    }
}

/// The folder of the layer cache; none when the environment names no place for it.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
pub(super) fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = |cache: PathBuf| cache.join("imgguard").join("layers");
    set("IMGGUARD_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(own))
        .or_else(|| set("HOME").map(|home| own(home.join(".cache"))))
}

#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn read_facts(path: &std::path::Path) -> Result<Inspection, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, "read", &error))?;
    let inspection: Inspection = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("`{}` is no facts document: {error}", path.display()))
            .with_hint("make one with `imgguard inspect -o json`")
    })?;
    if inspection.schema != SCHEMA {
        let found = inspection.schema.escape_debug();
        return Err(Failure::usage(format!("`{}` is of the schema `{found}`, not `{SCHEMA}`", path.display())));
    }
    Ok(inspection)
}
