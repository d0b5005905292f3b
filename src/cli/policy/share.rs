//! `imgguard policy push` and `policy pull`: bundles into a registry, and from there into a layout folder.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::evidence::Store;
use crate::model::Digest;
use crate::oci::{Reference, media_types};
use crate::policy::parse_from;
use crate::registry::{Client, ManifestBytes, ManifestToPush, RemoteRepository, Target};
use crate::release::closure::{Evidence, walk};
use crate::release::copy::{execute, survey, verify as read_back};
use crate::release::plan::{Wanted, plan};
use crate::sign::evidence::{Conditions, Node};
use crate::sign::verify::SignerRule;
use crate::sign::{EMPTY_CONFIG, SIGNATURE_TYPE, StatementDraft};
use crate::source::LayoutRepository;

use super::super::connection::{ConnectionArguments, open_source};
use super::super::copy::{layout_place, untrusted};
use super::super::sign::gate::public_key;
use super::super::sign::signing::{Method, SignAsArguments, attach};
use super::super::terminal::Terminal;
use super::super::{Exit, Failure, now, output};
use super::parents::{ParentArguments, Sources, verify};
use super::{bundle, refused};

/// Blobs that travel at a time.
const JOBS: usize = 4;

/// Arguments of `policy push`.
#[derive(Debug, Args)]
pub(super) struct PushArguments {
    /// The policy file. The local files that it extends or names go into the bundle with it.
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// Where to: a registry reference, or a layout folder as oci:DIR[:TAG].
    #[arg(value_name = "REF")]
    to: String,
    #[command(flatten)]
    sign_as: SignAsArguments,
    #[command(flatten)]
    parents: ParentArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Arguments of `policy pull`.
#[derive(Debug, Args)]
pub(super) struct PullArguments {
    /// The bundle: a registry reference with a digest, or with a tag to be told the digest; oci:DIR[:TAG].
    #[arg(value_name = "REF")]
    from: String,
    /// The OCI layout that gets the bundle and its signatures; made when it does not exist.
    #[arg(long, value_name = "DIR", default_value = "imgguard-bundles")]
    to: PathBuf,
    /// Want a signature with this public key, repeatable: one of them is enough.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Write the files of the bundle to this folder too, to be read by people; it is made and must not exist.
    #[arg(long, value_name = "DIR")]
    unpack: Option<PathBuf>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Runs `policy push`: nothing is sent that would be refused when it is used.
pub(super) fn push(arguments: &PushArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let path = &arguments.policy;
    let text = super::read(path).map_err(|error| Failure::file(path, "read", &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut sources = Sources::new(folder, &arguments.parents, Some(&arguments.connection));
    let name = path.to_string_lossy();
    let policy = parse_from(&text, &name, &mut sources, Some(now()));
    policy.map_err(|errors| refused(&errors, sources.unreachable, terminal))?;
    let entry = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut others = std::mem::take(&mut sources.files);
    others.sort();
    others.dedup();
    let files: Vec<(String, String)> = std::iter::once((entry, text)).chain(others).collect();
    let manifest = ManifestToPush::new(bundle::manifest(&files)?, media_types::OCI_MANIFEST);
    let (store, tag) = destination(arguments, &manifest)?;
    let method = arguments.sign_as.is_given().then(|| Method::open(&arguments.sign_as)).transpose()?;
    for (_, text) in &files {
        store.put_blob(text.as_bytes())?;
    }
    store.put_blob(EMPTY_CONFIG)?;
    let root = manifest.digest.clone();
    let by_tag = tag.clone().map(|tag| manifest.clone().named(Target::Tag(tag)));
    store.repository().put_manifest(by_tag.as_ref().unwrap_or(&manifest))?;
    if let Some(method) = method {
        let signed =
            method.sign(StatementDraft::signature(root.clone(), None, std::collections::BTreeMap::new()).to_bytes())?;
        let node = Node {
            digest: root.clone(),
            media_type: manifest.media_type.clone(),
            size: manifest.bytes.len() as u64,
            platform: None,
            parent: None,
            is_statement: false,
        };
        attach(&store, &node, &signed.bundle, SIGNATURE_TYPE)?;
        Terminal::say(&format!("signed {}@{root}", store.name()));
    }
    output::print(&format!("oci://{}@{root}\n", store.name()))?;
    Ok(Exit::Pass)
}

/// The place that gets the bundle, and the tag there.
fn destination(
    arguments: &PushArguments,
    manifest: &ManifestToPush,
) -> Result<(Store<'static>, Option<String>), Failure> {
    let root = ManifestBytes {
        bytes: manifest.bytes.clone(),
        media_type: manifest.media_type.clone(),
        digest: manifest.digest.clone(),
    };
    if let Some(rest) = arguments.to.strip_prefix("oci:") {
        let place = layout_place(rest);
        let (folder, tag) = place.ok_or_else(|| Failure::usage(format!("`{}` names nothing", arguments.to)))?;
        let repository = LayoutRepository::create(&folder)?;
        let tag = tag.unwrap_or_else(|| name_in_layout(&manifest.digest));
        return Ok((Store::of(Box::new(repository), folder, root), Some(tag)));
    }
    let reference: Reference = arguments.to.parse()?;
    if reference.digest.is_some() {
        return Err(Failure::usage("the digest of a bundle is told when it is pushed, not before"));
    }
    let client = Client::new(arguments.connection.options()?)?;
    let repository = RemoteRepository::writable(&client, &reference);
    Ok((Store::of(Box::new(repository), reference.repository_name(), root), reference.tag))
}

/// The tag of a bundle in a layout, where several lie beside each other.
fn name_in_layout(digest: &Digest) -> String {
    format!("policy-{}", digest.hex().get(..12).unwrap_or_default())
}

/// Runs `policy pull`.
pub(super) fn pull(arguments: &PullArguments) -> Result<Exit, Failure> {
    let client = Client::new(arguments.connection.options()?)?;
    let source = open_source(&arguments.from, &client)?;
    let folder = arguments.to.to_string_lossy().into_owned();
    let root = source.root.clone();
    let closure = walk(&*source.repository, root.clone(), Evidence::All)?;
    if !closure.problems.is_empty() {
        return Err(untrusted(&closure));
    }
    let keys = arguments.key.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let to = LayoutRepository::create(&folder)?;
    let wanted = Wanted {
        source: arguments.from.clone(),
        destination: format!("oci:{folder}"),
        mount_from: None,
        tag: Some(name_in_layout(&root.digest)),
    };
    // Looked at before it is kept.
    let reader = Reading { client: &client, arguments };
    let files = reader.check(&root, &keys)?;
    let seen = survey(&closure, &to, wanted.tag.as_deref())?;
    let plan = plan(&closure, wanted, &seen)?;
    if !plan.is_done() {
        execute(&plan, &closure, &*source.repository, &to, JOBS, &|_| {})?;
        read_back(&plan, &closure, &to)?;
    }
    if let Some(folder) = &arguments.unpack {
        unpack(folder, &files)?;
    }
    let repository = source.repository.place().map(|(host, name)| format!("{host}/{name}"));
    let name = repository.unwrap_or_else(|| source.repository.name());
    output::print(&format!("oci://{name}@{}\n", root.digest))?;
    Ok(Exit::Pass)
}

struct Reading<'a> {
    client: &'a Client,
    arguments: &'a PullArguments,
}

impl Reading<'_> {
    /// The files of the bundle, when it is one and is signed as it should be.
    fn check(&self, root: &ManifestBytes, keys: &[crate::sign::PublicKey]) -> Result<Vec<(String, String)>, Failure> {
        let store = if let Some((folder, _)) = self.arguments.from.strip_prefix("oci:").and_then(layout_place) {
            Store::layout(&folder, Some(&root.digest.to_string()))?
        } else {
            let reference: Reference = self.arguments.from.parse()?;
            let reference = Reference { tag: None, digest: Some(root.digest.clone()), ..reference };
            Store::registry(self.client, &reference)?
        };
        if keys.is_empty() {
            Terminal::say("note: no --key was given: the signature was not looked at");
        } else {
            let rules: Vec<SignerRule<'_>> = keys.iter().map(SignerRule::Key).collect();
            let conditions = Conditions { now: now(), ..Conditions::default() };
            verify(&store, &root.digest, &rules, &conditions, None)?;
        }
        Ok(bundle::read(&store)?.files.into_iter().collect())
    }
}

/// Writes the files of a bundle into a new folder; their paths were checked.
fn unpack(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    std::fs::create_dir(folder).map_err(|error| Failure::file(folder, "made", &error))?;
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Failure::file(parent, "made", &error))?;
        }
        output::save(&path, text)?;
    }
    Ok(())
}
