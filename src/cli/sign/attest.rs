//! `imgguard attest`: a signed statement about an image.

use std::path::PathBuf;

use clap::Args;

use crate::evidence::closure;
use crate::model::Platform;
use crate::sign::{LegacyLayer, PREDICATES, StatementDraft, legacy_tag, predicate_type};

use super::super::{Exit, Failure, SourceArguments, output};
use super::signing::{Compat, Method, MethodArguments, append, attach, platform, save};
use super::{files, image};

#[derive(Debug, Args)]
pub(in crate::cli) struct AttestArguments {
    /// The image: a registry reference, or a layout folder as oci:DIR:TAG.
    #[arg(value_name = "REF")]
    image: String,
    /// The type of the statement: a short name such as spdx, cyclonedx, slsaprovenance1, vsa, vuln, openvex, or a URI.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// The predicate, JSON; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    #[command(flatten)]
    method: MethodArguments,
    /// The platform that it is about; the whole index unless given.
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Write what older verifiers read too.
    #[arg(long, value_enum, default_value_t = Compat::None)]
    compat: Compat,
    #[command(flatten)]
    source: SourceArguments,
}

pub(in crate::cli) fn run(arguments: &AttestArguments) -> Result<Exit, Failure> {
    let kind = type_of(&arguments.kind)?.to_owned();
    let predicate = String::from_utf8(files::read_or_stdin(&arguments.predicate)?)
        .map_err(|_| Failure::usage(format!("`{}` is no text", arguments.predicate.display())))?;
    let method = Method::open(arguments.method.sign_as())?;
    if arguments.compat != Compat::None && !method.is_key() {
        return Err(Failure::usage("--compat writes signatures with keys only"));
    }
    let store = image::open(&arguments.image, &arguments.source)?;
    let nodes = closure(&store)?;
    let fits = |node: &&crate::sign::evidence::Node| match &arguments.platform {
        None => node.parent.is_none(),
        Some(wanted) => node.platform.as_ref().is_some_and(|platform| platform.matches(wanted)) && !node.is_statement,
    };
    let chosen: Vec<_> = nodes.iter().filter(fits).collect();
    let [node] = chosen.as_slice() else {
        return Err(Failure::usage(format!("`{}` has not exactly one image for the platform", arguments.image)));
    };
    let draft = StatementDraft::attestation(node.digest.clone(), None, &kind, &predicate)
        .map_err(|error| Failure::usage(format!("`{}` cannot be attested: {error}", arguments.predicate.display())))?;
    let signed = method.sign(draft.to_bytes())?;
    if !arguments.method.no_push() {
        if arguments.compat != Compat::Legacy {
            attach(&store, node, &signed.bundle, &kind)?;
        }
        if let (Some(envelope), true) = (&signed.envelope, arguments.compat != Compat::None) {
            append(&store, &legacy_tag(&node.digest, "att"), &LegacyLayer::attestation(envelope, &kind))?;
        }
    }
    output::print(&format!("attested {kind} about {}@{}{}\n", store.name(), node.digest, platform(node)))?;
    save(arguments.method.bundle_out(), &[signed.bundle])?;
    Ok(Exit::Pass)
}

/// The URI of a type.
pub(super) fn type_of(text: &str) -> Result<&str, Failure> {
    predicate_type(text).ok_or_else(|| {
        let names: Vec<&str> = PREDICATES.iter().flat_map(|predicate| predicate.names).copied().collect();
        Failure::usage(format!("there is no type `{}`", text.escape_debug()))
            .with_hint(crate::yaml::suggest(text, &names).unwrap_or_default())
    })
}
