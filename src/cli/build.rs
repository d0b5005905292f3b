//! `imgguard build`: the builder that is there builds, and the result is kept as an OCI layout and judged.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use clap::Args;

use crate::build::{BUILDERS, Builder, CommandLine, Part as BuildPart, Request, plan};
use crate::model::{Digest, Platform};
use crate::registry::{ManifestToPush, ReadRepository};
use crate::release::closure::{Closure, Evidence, walk};
use crate::release::copy::survey;
use crate::release::index::assemble;
use crate::release::plan::{Wanted, plan as copy_plan};
use crate::release::publish::{Part, Publication, publish};
use crate::release::tags::{Action, Step};
use crate::source::{ArchivedImage, ConfigOf, LayoutRepository, open_archived};

use super::annotations::annotations;
use super::copy::layout_place;
use super::terminal::Terminal;
use super::{Exit, Failure, output, perform};

/// The tag of a layout that is written without one.
const TAG: &str = "latest";

/// Arguments of `build`.
#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    /// Folder whose files the build may use.
    #[arg(value_name = "CONTEXT", default_value = ".")]
    context: String,
    /// The OCI layout that gets the image: oci:DIR[:TAG].
    #[arg(long, value_name = "LAYOUT")]
    to: String,
    /// The Dockerfile.
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,
    /// A platform to build for, such as linux/arm64; repeatable, or several with commas.
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// The stage to stop at.
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// A build argument; repeatable. Never for a secret: it stays in the image.
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,
    /// A file that steps may read without leaving it in the image; repeatable.
    #[arg(long, value_name = "id=NAME,src=FILE")]
    secret: Vec<String>,
    /// An annotation of the index, as NAME=VALUE; repeatable. Only where the builder makes no index itself.
    #[arg(long, value_name = "NAME=VALUE")]
    annotation: Vec<String>,
    /// Time of everything that the build makes, in seconds since 1970; that of the last commit of the context unless given.
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH")]
    source_date_epoch: Option<u64>,
    /// Ask registries for newer base images.
    #[arg(long)]
    pull: bool,
    /// Use nothing of earlier builds.
    #[arg(long)]
    no_cache: bool,
    /// The builder: auto, buildx, buildah or podman.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = ["auto", "buildx", "buildah", "podman"])]
    builder: String,
    /// A further option for every command of the builder, as it is; repeatable.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    builder_option: Vec<String>,
    /// Policy file, or a built-in policy, that the result is judged by.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    /// Do not judge the result.
    #[arg(long, conflicts_with = "policy")]
    no_check: bool,
    /// Print the commands and run nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `build`.
pub(super) fn run(arguments: &BuildArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let (folder, tag) = place(&arguments.to)?;
    let annotations = annotations(&arguments.annotation)?;
    let builder = find(&arguments.builder)?;
    let request = request(arguments);
    let scratch = tempfile::Builder::new()
        .prefix("imgguard.")
        .tempdir()
        .map_err(|error| Failure::usage(format!("there is no room for temporary files: {error}")))?;
    let scratch = scratch.path().to_string_lossy();
    let plan = plan(builder, &request, &scratch);
    if arguments.dry_run {
        let commands = plan.parts.iter().flat_map(|part| &part.commands).chain(&plan.cleanup);
        output::print(&commands.map(|command| command.text() + "\n").collect::<String>())?;
        return Ok(Exit::Pass);
    }
    let anew = self::plan(builder, &Request { no_cache: true, ..request }, &scratch);
    let parts = plan.parts.iter().zip(&anew.parts);
    let images = parts.map(|(part, anew)| made(part, anew, builder)).collect::<Result<Vec<_>, _>>();
    for command in &plan.cleanup {
        // What stays in the builder's own store is nothing to fail for.
        let _ = quietly(command.program, command.arguments.iter().map(String::as_str));
    }
    let images = images?;
    if !builder.states_provenance() {
        Terminal::say(&format!("note: {} states no provenance", builder.name()));
    }
    let digest = store(&images, &folder, &tag, &annotations)?;
    let reference = format!("oci:{folder}:{tag}");
    output::print(&format!("built {reference} {digest}\n"))?;
    if arguments.no_check {
        return Ok(Exit::Pass);
    }
    let mut check = vec!["check".to_owned(), reference];
    if let Some(policy) = &arguments.policy {
        check.extend(["--policy".to_owned(), policy.clone()]);
    }
    perform(&check, terminal)
}

fn request(arguments: &BuildArguments) -> Request {
    let epoch = arguments.source_date_epoch.or_else(|| last_commit(&arguments.context));
    match epoch {
        Some(epoch) => Terminal::say(&format!("note: times are those of {epoch} seconds after 1970")),
        None => Terminal::say("note: no time is set: the same build again will have another digest"),
    }
    Request {
        context: arguments.context.clone(),
        file: arguments.file.clone(),
        platforms: arguments.platform.clone(),
        target: arguments.target.clone(),
        arguments: arguments.build_arg.clone(),
        secrets: arguments.secret.clone(),
        epoch,
        pull: arguments.pull,
        no_cache: arguments.no_cache,
        options: arguments.builder_option.clone(),
    }
}

/// Folder and tag of the layout.
fn place(text: &str) -> Result<(String, String), Failure> {
    let place = text.strip_prefix("oci:").and_then(layout_place);
    let (folder, tag) = place.ok_or_else(|| {
        Failure::usage(format!("`{text}` is no OCI layout")).with_hint("write oci:DIR or oci:DIR:TAG")
    })?;
    Ok((folder, tag.unwrap_or_else(|| TAG.to_owned())))
}

/// The builder that was asked for, or the first that is there.
fn find(asked: &str) -> Result<Builder, Failure> {
    let there = |builder: Builder| match builder.question() {
        [program, arguments @ ..] => quietly(program, arguments.iter().copied()).is_ok_and(|output| output.0),
        [] => false,
    };
    let found = match Builder::named(asked) {
        Some(builder) => Some(builder).filter(|builder| there(*builder)),
        None => BUILDERS.iter().copied().find(|builder| there(*builder)),
    };
    found.ok_or_else(|| {
        let message = match asked {
            "auto" => "there is no builder: neither docker buildx nor buildah nor podman answers".to_owned(),
            asked => format!("the builder {asked} does not answer"),
        };
        Failure::usage(message)
            .with_hint("install one, such as with `apt-get install buildah` or Docker's package docker-buildx-plugin")
    })
}

/// The time of the last commit that the context is at.
fn last_commit(context: &str) -> Option<u64> {
    let (good, text) = quietly("git", ["-C", context, "log", "-1", "--format=%ct"]).ok()?;
    text.trim().parse().ok().filter(|_| good)
}

/// Runs a program whose words nobody needs to see; whether it succeeded, and what it printed.
fn quietly<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> std::io::Result<(bool, String)> {
    let done = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok((done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// Builds one archive. One that turns out to be for another platform is built again without what the builder kept of earlier builds.
fn made(part: &BuildPart, anew: &BuildPart, builder: Builder) -> Result<ArchivedImage, Failure> {
    for (attempt, part) in [part, anew].into_iter().enumerate() {
        part.commands.iter().try_for_each(|command| carry_out(command, builder))?;
        let image = open_archived(&part.archive, None, ConfigOf::Build)?;
        match (&part.platform, &image.platform) {
            (Some(wanted), Some(found)) if !found.matches(wanted) => {
                let message = format!("{} was asked for {wanted} and made {found}", builder.name());
                if attempt > 0 {
                    return Err(Failure::usage(message).with_hint("see which platforms its base image has"));
                }
                Terminal::say(&format!("note: {message}: building again without its cache"));
                drop(image);
                remove(&part.archive);
            }
            _ => return Ok(image),
        }
    }
    Err(Failure::usage(format!("{} did not build the image", builder.name())))
}

/// Removes an archive, which buildah would not write over.
fn remove(archive: &str) {
    let _ = std::fs::remove_file(archive);
}

/// Runs a command of a build. Everything that it prints goes to stderr: stdout belongs to the result.
fn carry_out(command: &CommandLine, builder: Builder) -> Result<(), Failure> {
    Terminal::say(&format!("$ {}", command.text()));
    let mut process = Command::new(command.program);
    process.args(&command.arguments).envs(command.variables.iter().map(|(name, value)| (*name, value)));
    let status = process.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::usage(format!("{} did not build the image: {status}", builder.name()))
            .with_hint("its own words stand above")),
        Err(error) => Err(Failure::usage(format!("`{}` could not be started: {error}", command.program))),
    }
}

/// Puts what was built into the layout, under one tag: content first, the tag last.
fn store(
    images: &[ArchivedImage],
    folder: &str,
    tag: &str,
    annotations: &BTreeMap<String, String>,
) -> Result<Digest, Failure> {
    let mut closures = Vec::new();
    for image in images {
        closures.push(walk(&*image.repository, image.root.clone(), Evidence::All)?);
    }
    let root = root(images, &closures, annotations)?;
    let layout = LayoutRepository::create(folder)?;
    let mut plans = Vec::new();
    for (image, closure) in images.iter().zip(&closures) {
        let wanted =
            Wanted { source: image.repository.name(), destination: layout.name(), tag: None, mount_from: None };
        plans.push(copy_plan(closure, wanted, &survey(closure, &layout, None)?)?);
    }
    let from = layout.tagged(tag)?;
    let action = if from.is_none() { Action::Create } else { Action::Advance };
    let to = root.digest.clone();
    let steps = [Step { tag: tag.to_owned(), action, from, to: to.clone(), reason: "it was built".to_owned() }];
    let parts = images.iter().zip(&closures).zip(&plans);
    let parts = parts.map(|((image, closure), plan)| Part { source: &*image.repository, closure, plan }).collect();
    let publication = Publication { parts, root, tags: &steps, jobs: 1 };
    publish(&publication, &layout, &LayoutRepository::new(folder), &|_| ())?;
    Ok(to)
}

/// What the tag will point at: what the builder made, or an index over what it made for each platform.
fn root(
    images: &[ArchivedImage],
    closures: &[Closure],
    annotations: &BTreeMap<String, String>,
) -> Result<ManifestToPush, Failure> {
    if let [closure] = closures {
        if closure.is_index() && !annotations.is_empty() {
            return Err(Failure::usage("--annotation would change the index that the builder made"));
        }
        if closure.is_index() || annotations.is_empty() {
            return Ok(closure.root_to_push()?);
        }
    }
    let platforms = images.iter().filter_map(|image| Some((image.root.digest.clone(), image.platform.clone()?)));
    Ok(assemble(&closures.iter().collect::<Vec<_>>(), &platforms.collect(), annotations)?)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_layout_is_a_folder_and_a_tag() {
        assert_eq!(place("oci:out").ok(), Some(("out".to_owned(), "latest".to_owned())));
        assert_eq!(place("oci:/a/b:1.2").ok(), Some(("/a/b".to_owned(), "1.2".to_owned())));
        assert_eq!(place("oci:/a:b/c").ok(), Some(("/a:b/c".to_owned(), "latest".to_owned())));
        assert!(place("registry.example/app").is_err());
        assert!(place("oci:").is_err());
    }
}
