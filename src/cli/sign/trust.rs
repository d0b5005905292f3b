//! `imgguard trust`: trust roots that are updated, shown, and packed into kits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::evidence::{closure, collect};
use crate::fetch::Trouble;
use crate::model::Digest;
use crate::report::escape::visible;
use crate::sign::evidence::FoundContent;
use crate::sign::trust_kit::TrustKitDraft;
use crate::sign::{Bundle, RootKind, TrustRoot};
use crate::tuf::{Instance, TRUSTED_ROOT, TufError, update};

use super::super::terminal::Terminal;
use super::super::{Exit, Failure, SourceArguments, now, output};
use super::{files, grounds, image, verify};

#[derive(Debug, Args)]
pub(in crate::cli) struct TrustCommandArguments {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Fetch the trust root of an instance of Sigstore by TUF and install it: it takes the place of the embedded one.
    Update(UpdateArguments),
    /// Show which trust roots count, how old they are, and what a trust kit holds.
    Show(ShowArguments),
    /// Pack everything that verifying needs offline into one file.
    Kit(Box<PackArguments>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InstanceName {
    /// The public instance of Sigstore.
    Production,
    /// Its staging instance.
    Staging,
    /// GitHub's instance for private repositories.
    Github,
}

impl InstanceName {
    fn instance(self) -> Instance {
        match self {
            Self::Production => Instance::Production,
            Self::Staging => Instance::Staging,
            Self::Github => Instance::GitHub,
        }
    }
}

#[derive(Debug, Args)]
struct UpdateArguments {
    /// The instance whose embedded root is replaced.
    #[arg(long, value_enum, default_value_t = InstanceName::Production)]
    instance: InstanceName,
    /// The mirror; the one of the last update, else its operator's.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Start from this root of keys (`root.json`), which was received in a way that is trusted.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The name of the trust root at the mirror.
    #[arg(long, value_name = "NAME", default_value = TRUSTED_ROOT)]
    target: String,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// Show what is in this trust kit.
    #[arg(long, value_name = "FILE")]
    trust_kit: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct PackArguments {
    /// The trust policy; the files that it names go into the kit.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A public key, repeatable.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// The trust root; the installed or embedded one of the public instance unless given.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// The root of GitHub's own instance too.
    #[arg(long)]
    github: bool,
    /// A bundle, or one per line; repeatable.
    #[arg(long, value_name = "FILE")]
    bundle: Vec<PathBuf>,
    /// All bundles beside this image and everything in it; repeatable.
    #[arg(long, value_name = "REF")]
    image: Vec<String>,
    /// Where the kit goes.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    source: SourceArguments,
}

pub(in crate::cli) fn run(arguments: &TrustCommandArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        TrustCommand::Update(arguments) => run_update(arguments),
        TrustCommand::Show(arguments) => show(arguments),
        TrustCommand::Kit(arguments) => pack(arguments),
    }
}

/// What stands beside an installed root.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Installed {
    url: String,
    digest: String,
    root_version: u64,
    timestamp_version: u64,
    /// Seconds since 1970.
    updated: i64,
    /// When the publication expires, seconds since 1970.
    expires: i64,
}

/// The folder of installed roots; none when the environment names no place for it.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("IMGGUARD_TRUST_DIR")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("imgguard").join("trust")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/imgguard/trust")))
}

/// The installed root of an instance; none when none is installed.
pub(super) fn installed(kind: RootKind) -> Result<Option<TrustRoot>, Failure> {
    let Some(folder) = folder().map(|folder| folder.join(kind.name())) else { return Ok(None) };
    Ok(read_installed(&folder, kind)?.map(|(root, _)| root))
}

fn read_installed(folder: &Path, kind: RootKind) -> Result<Option<(TrustRoot, Installed)>, Failure> {
    let path = folder.join(TRUSTED_ROOT);
    if !path.exists() {
        return Ok(None);
    }
    let damaged = |why: &str| {
        Failure::usage(format!("the installed trust root `{}` cannot be used: {why}", path.display()))
            .with_hint("run `imgguard trust update`, or remove it to use the embedded one")
    };
    warn_of_writers(&path);
    let bytes = files::read(&path)?;
    let installed: Installed = serde_json::from_slice(&files::read(&folder.join("installed.json"))?)
        .map_err(|error| damaged(&error.to_string()))?;
    if Digest::of(&bytes).to_string() != installed.digest {
        return Err(damaged("it is not the one that was installed"));
    }
    let root = TrustRoot::read_as(&bytes, kind, Some(installed.updated)).map_err(|error| damaged(&error))?;
    Ok(Some((root, installed)))
}

/// Whoever may write the root decides whom to trust.
#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no such modes"))]
fn warn_of_writers(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o022 != 0) {
            Terminal::say(&format!("warning: others may write the trust root `{}`", path.display()));
        }
    }
}

impl From<TufError> for Failure {
    fn from(error: TufError) -> Self {
        let exit = match &error {
            TufError::Fetch(Trouble::Unavailable { .. }) => Exit::Infrastructure,
            TufError::Fetch(Trouble::Denied { .. } | Trouble::TooLong { .. } | Trouble::Answer { .. }) => {
                Exit::Inconclusive
            }
            TufError::Fetch(Trouble::Address(..)) | TufError::FirstRoot(_) | TufError::State(_) => Exit::Usage,
            TufError::Refused { .. } => Exit::Violations,
        };
        Self { exit, message: format!("the trust root was not updated: {error}"), hint: None }
    }
}

fn run_update(arguments: &UpdateArguments) -> Result<Exit, Failure> {
    let instance = arguments.instance.instance();
    let kind = RootKind::of_name(instance.name()).unwrap_or(RootKind::File);
    let folder = folder()
        .ok_or_else(|| Failure::usage("there is no place for trust roots").with_hint("set IMGGUARD_TRUST_DIR"))?
        .join(instance.name());
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, "made", &error))?;
    let (kept, first_path) = (read_installed(&folder, kind).ok().flatten(), folder.join("first-root.json"));
    let first = match &arguments.root {
        Some(path) => files::read(path)?,
        None if first_path.exists() => files::read(&first_path)?,
        None => instance.root().to_vec(),
    };
    let last = kept.map(|(_, installed)| installed.url);
    let url = arguments.url.clone().or(last).unwrap_or_else(|| instance.url().to_owned());
    // What was seen belongs to the root of keys that it was seen with, whichever mirror showed it.
    let state = folder.join(format!("tuf-{}", Digest::of(&first).hex().get(..16).unwrap_or_default()));
    let updated = update(&url, &first, &state, &arguments.target, now())?;
    let unusable = |error: String| Failure {
        exit: Exit::Violations,
        message: format!("the trust root was not updated: what the mirror publishes is no trust root: {error}"),
        hint: None,
    };
    let root = TrustRoot::read_as(&updated.target, kind, Some(now())).map_err(unusable)?;
    grounds::trusts([&root])?;
    let installed = Installed {
        url: url.clone(),
        digest: root.digest().to_string(),
        root_version: updated.root_version,
        timestamp_version: updated.timestamp_version,
        updated: now(),
        expires: updated.expires,
    };
    if arguments.root.is_some() {
        replace(&first_path, &first)?;
    }
    // In this order a run that is cut off leaves a root that is refused, never a wrong one that is taken.
    replace(&folder.join("installed.json"), &serde_json::to_vec_pretty(&installed).unwrap_or_default())?;
    replace(&folder.join(TRUSTED_ROOT), &updated.target)?;
    output::print(&format!(
        "installed {} for {}: root of keys {}, publication {}, valid until {}, from {}\n",
        root.digest(),
        instance.name(),
        installed.root_version,
        installed.timestamp_version,
        date(installed.expires),
        visible(&url),
    ))?;
    Ok(Exit::Pass)
}

/// Writes a file so that nobody ever sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let failed = |error: &std::io::Error| Failure::file(path, "written", error);
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(|e| failed(&e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

fn date(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}

fn line_of(name: &str, root: &TrustRoot) -> String {
    let age = root.age(now()).map(|age| format!(", {} days old", age / 86_400)).unwrap_or_default();
    format!("{name}: {}{age}", root.digest())
}

fn show(arguments: &ShowArguments) -> Result<Exit, Failure> {
    let mut text = String::new();
    if let Some(path) = &arguments.trust_kit {
        let kit = grounds::read_kit(path)?;
        text.push_str(&format!("trust kit {}\n", kit.digest()));
        for root in kit.roots() {
            text.push_str(&format!("  root {}\n", line_of(root.kind().name(), root)));
        }
        if let Some(policy) = kit.policy() {
            let names: Vec<&str> = policy.signers.keys().map(String::as_str).collect();
            text.push_str(&format!(
                "  policy of {} requirements, signers {}\n",
                policy.requirements.len(),
                visible(&names.join(", "))
            ));
        }
        for key in kit.keys() {
            text.push_str(&format!("  key {}\n", key.digest()));
        }
        for bundle in kit.bundles() {
            text.push_str(&format!("  bundle {}\n", Digest::of(bundle)));
        }
        output::print(&text)?;
        return Ok(Exit::Pass);
    }
    for kind in [RootKind::Production, RootKind::Staging, RootKind::GitHub] {
        let found = folder().map(|folder| read_installed(&folder.join(kind.name()), kind)).transpose()?.flatten();
        if let Some((root, installed)) = found {
            text.push_str(&format!(
                "{}, installed from {}, publication {} valid until {}\n",
                line_of(kind.name(), &root),
                visible(&installed.url),
                installed.timestamp_version,
                date(installed.expires)
            ));
        } else {
            let root = files::embedded_root(kind)?;
            text.push_str(&format!("{}, embedded\n", line_of(kind.name(), &root)));
        }
    }
    output::print(&text)?;
    Ok(Exit::Pass)
}

fn pack(arguments: &PackArguments) -> Result<Exit, Failure> {
    let mut draft = TrustKitDraft::default();
    match &arguments.trusted_root {
        Some(path) => draft.roots.push((RootKind::File, files::read(path)?)),
        None => draft.roots.push((RootKind::Production, root_bytes(RootKind::Production)?)),
    }
    if arguments.github {
        draft.roots.push((RootKind::GitHub, root_bytes(RootKind::GitHub)?));
    }
    if let Some(path) = &arguments.policy {
        let (text, named) = verify::policy_with_files(path)?;
        draft.policy = Some(text);
        draft.files = named;
    }
    draft.keys = arguments.key.iter().map(|path| files::read(path)).collect::<Result<_, _>>()?;
    draft.bundles = verify::bundles(&arguments.bundle)?;
    for text in &arguments.image {
        draft.bundles.extend(bundles_beside(text, &arguments.source)?);
    }
    let bytes =
        draft.to_bytes(now()).map_err(|error| Failure::usage(format!("the parts make no trust kit: {error}")))?;
    output::save(&arguments.output, &String::from_utf8_lossy(&bytes))?;
    output::print(&format!("{} {}\n", Digest::of(&bytes), visible(&arguments.output.display().to_string())))?;
    Ok(Exit::Pass)
}

fn root_bytes(kind: RootKind) -> Result<Vec<u8>, Failure> {
    match folder().map(|folder| folder.join(kind.name()).join(TRUSTED_ROOT)).filter(|path| path.exists()) {
        // It is read as verifying reads it, which says what is wrong with it.
        Some(path) => installed(kind).and_then(|_| files::read(&path)),
        None => Ok(TrustRoot::embedded_bytes(kind).to_vec()),
    }
}

/// The bundles beside an image. A kit that lacks some without saying so would be worse than none.
fn bundles_beside(text: &str, source: &SourceArguments) -> Result<Vec<Vec<u8>>, Failure> {
    let store = image::open(text, source)?;
    let mut bundles: BTreeMap<Digest, Vec<u8>> = BTreeMap::new();
    for node in closure(&store)? {
        let listing = collect(&store, &node.digest);
        if let Some(gap) = listing.gaps.first() {
            let message = format!("the evidence of `{}` could not be seen whole: {gap}", visible(text));
            return Err(Failure { exit: Exit::Inconclusive, message, hint: None });
        }
        for found in listing.found {
            if let FoundContent::Bundle(bytes) = found.content
                && Bundle::read(&bytes).is_ok()
            {
                bundles.insert(found.digest, bytes);
            }
        }
    }
    Ok(bundles.into_values().collect())
}
