//! `imgguard init`: the tightest policy that a known-good image passes.

use std::path::PathBuf;

use clap::Args;

use crate::oci::Selector;
use crate::policy::tightest;
use crate::rules::Circumstances;

use super::image::{Reader, selector};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, bases, output};

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The image, as for `check`.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Write the policy there instead of printing it; a file that is there is kept, and an error.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Name of the policy.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Look at this platform only, such as linux/arm64; every platform of an index unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

pub(super) fn run(arguments: &InitArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(path) = arguments.write.as_ref().filter(|path| path.exists()) {
        return Err(Failure::usage(format!("`{}` is there already", path.display()))
            .with_hint("name another file, or move it away"));
    }
    let selector = selector(arguments.platform.as_deref(), Selector::All)?;
    let reader = Reader::new(&arguments.source, terminal)?.with_packages();
    let mut inspection = reader.inspect(&arguments.image, &selector)?;
    let bases = bases::find(None, None)?.map(std::sync::Arc::new);
    bases::prove(&mut inspection, bases.as_deref());
    let circumstances = Circumstances { now: Some(super::now()), bases, ..Circumstances::default() };
    let repository = inspection.images.first().map(|image| image.subject.repository.clone()).unwrap_or_default();
    let last = repository.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or("image");
    let name = arguments.name.as_deref().unwrap_or(last);
    let text = tightest(name, &inspection, &circumstances).map_err(|why| Failure {
        exit: Exit::Inconclusive,
        message: why,
        hint: None,
    })?;
    match &arguments.write {
        None => output::print(&text)?,
        Some(path) => write(path, &text).map_err(|error| Failure::file(path, "written", &error))?,
    }
    Ok(Exit::Pass)
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
