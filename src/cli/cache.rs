//! `imgguard cache`: where the facts of layers are kept, and how to make room.

use clap::{Args, Subcommand};

use crate::inspect::Cache;
use crate::model::{format_bytes, parse_size};

use super::image::cache_folder;
use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct CacheArguments {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Print the folder.
    Path,
    /// Print how much is stored.
    Size,
    /// Remove the layers stored longest ago.
    Prune {
        /// Bytes to leave, such as 500MB.
        #[arg(long, value_name = "SIZE", default_value = "0B")]
        keep: String,
    },
}

pub(super) fn run(arguments: &CacheArguments) -> Result<Exit, Failure> {
    let nowhere = || Failure::usage("there is no place for a cache").with_hint("set IMGGUARD_CACHE_DIR");
    let cache = Cache::new(cache_folder().ok_or_else(nowhere)?);
    let failed = |error: std::io::Error| Failure::file(cache.folder(), "read or written", &error);
    let text = match &arguments.command {
        CacheCommand::Path => format!("{}\n", cache.folder().display()),
        CacheCommand::Size => {
            let usage = cache.usage().map_err(failed)?;
            format!("{} layers, {}\n", usage.layers, format_bytes(usage.bytes))
        }
        CacheCommand::Prune { keep } => {
            let keep = parse_size(keep).map_err(|error| Failure::usage(error.to_string()))?;
            let removed = cache.prune(keep).map_err(failed)?;
            format!("removed {} layers, {}\n", removed.layers, format_bytes(removed.bytes))
        }
    };
    output::print(&text)?;
    Ok(Exit::Pass)
}
