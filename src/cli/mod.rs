//! The command line: arguments, terminal, clock, files, exit codes; one file per command.

mod annotations;
mod approve;
mod auth;
mod baseline;
mod bases;
mod bench;
mod build;
mod cache;
mod check;
mod connection;
mod copy;
mod evidence;
mod exit;
mod explain;
mod history;
mod image;
mod image_tree;
mod init;
mod inspect;
mod lint;
mod output;
mod policy;
mod progress;
mod promote;
mod registry;
mod release;
mod rollback;
mod rules;
mod run;
mod sbom;
mod secrets;
mod sign;
mod tags;
mod terminal;
mod tree;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use exit::{Exit, Failure};

/// Reads a built container image layer by layer and judges it by policy.
///
/// Exit codes: 0 pass, 1 violations, 2 nothing was judged (usage, policy, image not found, access denied),
/// 3 inconclusive (something could not be seen), 4 the source could not be reached: a retry may help.
#[derive(Debug, Parser)]
#[command(name = "imgguard", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Say more on stderr; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Form of what is said on stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge images by policy.
    Check(Box<check::CheckArguments>),
    /// Show what is in an image.
    Inspect(inspect::InspectArguments),
    /// Search for secrets: in an image, a folder, a file, or standard input.
    Secrets(secrets::SecretsArguments),
    /// Write, verify, score and convert bills of materials.
    Sbom(Box<sbom::SbomArguments>),
    /// Sign images, with a key or with an identity.
    Sign(Box<sign::signing::SignArguments>),
    /// Sign a statement about an image.
    Attest(Box<sign::attest::AttestArguments>),
    /// Verify signatures and attestations of images.
    Verify(Box<sign::verify::VerifyArguments>),
    /// Update, show and pack the trust roots that signatures are verified with.
    Trust(sign::trust::TrustCommandArguments),
    /// Make and import private keys.
    Key(sign::key::KeyArguments),
    /// List what refers to images, and repair the lists that clients keep of it.
    Referrers(Box<sign::referrers::ReferrersArguments>),
    /// Show what belongs to an image: its platforms, layers, signatures, bills of materials.
    Tree(image_tree::TreeArguments),
    /// Copy an image with all that belongs to it, digests kept.
    Copy(copy::CopyArguments),
    /// Find out what a registry can do.
    Registry(registry::RegistryArguments),
    /// Tell where credentials come from.
    Auth(auth::AuthArguments),
    /// Judge Dockerfiles alone, before anything is built.
    Lint(lint::LintArguments),
    /// Tell why a rule is there and how to satisfy it; with an image, what it says of it and why.
    Explain(explain::ExplainArguments),
    /// Write the tightest policy that an image passes.
    Init(init::InitArguments),
    /// Explain the rules.
    Rules(rules::RulesArguments),
    /// Work with policies.
    Policy(policy::PolicyArguments),
    /// Build an image with the builder that is there, keep it as an OCI layout, and judge it.
    Build(Box<build::BuildArguments>),
    /// Do all steps of the pipeline that the policy file describes: build, check, bills of materials, release.
    Run(run::RunArguments),
    /// Check images, put them under one index, push them, and write the tags of their version last.
    Release(Box<release::ReleaseArguments>),
    /// Plan and audit the tags of releases.
    Tags(tags::TagsArguments),
    /// Record base images, so that images can be proved to be built on them.
    Bases(Box<bases::BasesArguments>),
    /// Bring an image that passes to the next repository, with its evidence, by a plan: content first, tags last.
    Promote(Box<promote::PromoteArguments>),
    /// Approve a plan of a promotion with a signature.
    Approve(Box<approve::ApproveArguments>),
    /// Move tags back to an image that was promoted before and still passes.
    Rollback(Box<rollback::RollbackArguments>),
    /// List the promotions of a repository from the records that it holds itself.
    History(Box<history::HistoryArguments>),
    /// Look after the layer cache.
    Cache(cache::CacheArguments),
    /// Speak the protocol of the Sigstore conformance suite.
    #[command(hide = true)]
    Conformance(sign::conformance::ConformanceArguments),
    /// Measure the limit that reading an image cannot beat.
    #[command(hide = true)]
    Bench(bench::BenchArguments),
}

/// How images are found and read: the same for every command that reads images.
#[derive(Debug, Clone, Args)]
struct SourceArguments {
    #[command(flatten)]
    connection: connection::ConnectionArguments,
    /// Neither use nor fill the layer cache.
    #[arg(long)]
    no_cache: bool,
    /// Make the fingerprints of secrets with the key in this file (16 bytes or more): without it they are the same for
    /// everyone, so that a short password can be guessed from its fingerprint.
    #[arg(long, value_name = "FILE", env = "IMGGUARD_FINGERPRINT_KEY_FILE", hide_env_values = true)]
    fingerprint_key: Option<PathBuf>,
    /// Threads that read, unpack and search; all processors unless given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// The time, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the command line owns the clock")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os().collect())
}

fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
            let _ = error.print();
            return code.into();
        }
    };
    terminal::start_log(arguments.verbose, arguments.log_format);
    // What a panic says may quote the image: only its place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        terminal::Terminal::say(&format!("error: internal error at {place}: please report it"));
    }));
    let terminal = terminal::Terminal::look(arguments.color, arguments.verbose > 0);
    let done = catch_unwind(AssertUnwindSafe(|| obey(arguments.command, &terminal)));
    let exit = match done {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            terminal.complain(&failure);
            failure.exit
        }
        Err(_) => {
            terminal::Terminal::say("error: imgguard failed on an internal error; nothing is known about the image");
            Exit::Inconclusive
        }
    };
    exit.into()
}

/// Runs one command.
fn obey(command: Command, terminal: &terminal::Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Check(arguments) => check::run(&arguments, terminal),
        Command::Inspect(arguments) => inspect::run(&arguments, terminal),
        Command::Secrets(arguments) => secrets::run(&arguments, terminal),
        Command::Sbom(arguments) => sbom::run(&arguments, terminal),
        Command::Sign(arguments) => sign::signing::run(&arguments),
        Command::Attest(arguments) => sign::attest::run(&arguments),
        Command::Verify(arguments) => sign::verify::run(&arguments, terminal),
        Command::Trust(arguments) => sign::trust::run(&arguments),
        Command::Key(arguments) => sign::key::run(&arguments),
        Command::Referrers(arguments) => sign::referrers::run(&arguments),
        Command::Conformance(arguments) => sign::conformance::run(&arguments),
        Command::Tree(arguments) => image_tree::run(&arguments),
        Command::Copy(arguments) => copy::run(&arguments, terminal),
        Command::Registry(arguments) => registry::run(&arguments),
        Command::Auth(arguments) => auth::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments, terminal),
        Command::Explain(arguments) => explain::run(&arguments, terminal),
        Command::Init(arguments) => init::run(&arguments, terminal),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments, terminal),
        Command::Build(arguments) => build::run(&arguments, terminal),
        Command::Run(arguments) => run::run(&arguments, terminal),
        Command::Release(arguments) => release::run(&arguments, terminal),
        Command::Tags(arguments) => tags::run(&arguments),
        Command::Promote(arguments) => promote::run(&arguments, terminal),
        Command::Approve(arguments) => approve::run(&arguments),
        Command::Rollback(arguments) => rollback::run(&arguments, terminal),
        Command::History(arguments) => history::run(&arguments, terminal),
        Command::Bases(arguments) => bases::run(&arguments, terminal),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    }
}

/// Runs a command as a step of another one.
fn perform(words: &[String], terminal: &terminal::Terminal) -> Result<Exit, Failure> {
    let words = std::iter::once("imgguard").chain(words.iter().map(String::as_str));
    let arguments = Arguments::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?;
    obey(arguments.command, terminal)
}
