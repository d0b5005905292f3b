//! What all promotions of a run share: policy, gate, clients, trust, and who signs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::companions::Evidence;
use crate::model::{BaseLock, Digest, Inspection};
use crate::policy::{Gate, Policy};
use crate::promote::record::{Origin, PolicyMet, Purpose, Record};
use crate::promote::refusal::Refused;
use crate::registry::Client;
use crate::rules::Circumstances;
use crate::sign::verify::Grounds;
use crate::sign::{SigstoreTrust, VsaDraft};

use super::super::image::Reader;
use super::super::sign::gate::{Believers, Signer, read_keys};
use super::super::sign::supply::Gatherer;
use super::super::terminal::Terminal;
use super::super::{Failure, SourceArguments, bases, evidence, policy};
use super::{Journal, Order, Refusals, WorkArguments};

/// The verifier that summaries name when the policy names none.
const VERIFIER: &str = "https://imgguard.dev/promote";

/// What a run owns.
pub(in crate::cli) struct Run<'a> {
    arguments: &'a WorkArguments,
    terminal: &'a Terminal,
    reading: SourceArguments,
    policy: Policy,
    policy_file: Option<PathBuf>,
    gate: Option<Gate>,
    bases: Option<Arc<BaseLock>>,
    trust: SigstoreTrust,
    supply: Option<Gatherer>,
    companions: Evidence,
    signer: Option<Signer>,
    refusals: Option<Refusals>,
}

impl<'a> Run<'a> {
    /// Reads policy and keys; opens the signer when something is to be written.
    pub fn new(arguments: &'a WorkArguments, terminal: &'a Terminal, writing: bool) -> Result<Self, Failure> {
        let (policy, policy_file) = policy::load(
            arguments.policy.as_deref(),
            &arguments.parents,
            Some(&arguments.source.connection),
            terminal,
        )?;
        let mut gate = policy.promote.clone();
        if let Some(gate) = &mut gate {
            read_keys(gate, policy_file.as_deref())?;
        }
        let mut reading = arguments.source.clone();
        if let Some(file) = &arguments.source_authfile {
            reading.connection = reading.connection.with_authfile(file.clone());
        }
        let supply = match &gate {
            Some(gate) if !gate.trust.signers.is_empty() => {
                Some(Gatherer::of(gate.trust.clone(), arguments.signer.trust()?))
            }
            _ => None,
        };
        let companions = evidence::read(&[], &policy, policy_file.as_deref())?;
        let signer = if writing || arguments.signer.is_given() { Some(arguments.signer.open()?) } else { None };
        Ok(Self {
            arguments,
            terminal,
            reading,
            bases: bases::find(None, policy_file.as_deref())?.map(Arc::new),
            policy,
            policy_file,
            gate,
            trust: arguments.signer.trust()?,
            supply,
            companions,
            signer,
            refusals: None,
        })
    }

    /// Records refusals where the command line or the policy asks for it.
    pub fn with_refusals(self, argument: Option<&Refusals>) -> Self {
        let policy = self.gate.as_ref().is_some_and(|gate| gate.attest_refusals);
        Self { refusals: argument.cloned().or(policy.then_some(Refusals::Source)), ..self }
    }

    /// Opens the clients.
    pub fn context(&self) -> Result<Context<'_>, Failure> {
        let reader = Reader::new(&self.reading, self.terminal)?.for_policy(&self.policy);
        let options = if self.arguments.source_authfile.is_some() {
            self.arguments.source.connection.options()?
        } else {
            reader.options()?
        };
        Ok(Context {
            run: self,
            reader,
            writing: Client::new(options.clone())?,
            fresh: Client::new(options)?,
            journal: Journal::new(self.arguments.journal.clone()),
            now: super::super::now(),
        })
    }
}

/// What every promotion of a run is made with. One client reads and one writes: their budgets of repeated requests are shared.
pub(in crate::cli) struct Context<'a> {
    run: &'a Run<'a>,
    pub reader: Reader<'a>,
    /// For writing.
    pub writing: Client,
    /// Never writes, and so remembers nothing of it.
    pub fresh: Client,
    pub journal: Journal,
    pub now: i64,
}

impl Context<'_> {
    pub fn terminal(&self) -> &Terminal {
        self.run.terminal
    }

    pub fn policy(&self) -> &Policy {
        &self.run.policy
    }

    pub fn policy_file(&self) -> Option<&std::path::Path> {
        self.run.policy_file.as_deref()
    }

    pub fn gate(&self) -> Option<&Gate> {
        self.run.gate.as_ref()
    }

    /// Whether nothing is to be written.
    pub fn is_dry(&self) -> bool {
        self.run.arguments.dry_run
    }

    pub fn jobs(&self) -> usize {
        self.run.arguments.jobs.get()
    }

    pub fn bases(&self) -> Option<&BaseLock> {
        self.run.bases.as_deref()
    }

    /// What rules look at beside the image. The signers of the gate are those of the rules `supply.*`; without a gate those stay open.
    pub fn circumstances(&self, image: &str, inspection: &Inspection) -> Result<Circumstances, Failure> {
        let mut supply = BTreeMap::new();
        let asked = self.policy().rules.iter().any(|rule| rule.rule.group() == "supply");
        if let Some(gatherer) = self.run.supply.as_ref().filter(|_| asked) {
            let mut gathered = gatherer.gather(image, &self.run.reading)?;
            gathered.compare(inspection);
            supply = gathered.evidence;
        }
        let (bases, evidence) = (self.run.bases.clone(), self.run.companions.clone());
        Ok(Circumstances { now: Some(self.now), bases, supply, evidence, ..Circumstances::default() })
    }

    pub fn grounds(&self) -> Grounds<'_> {
        Grounds { trust: &self.run.trust, ignore_log: false, p384_sha256: false }
    }

    pub fn believers(&self) -> Believers<'_> {
        let signers = self.run.gate.as_ref().map(|gate| &gate.trust);
        Believers { own: self.run.signer.as_ref(), keys: &[], signers, trust: &self.run.trust }
    }

    /// Signs a statement.
    pub fn sign(&self, statement: Vec<u8>) -> Result<Vec<u8>, String> {
        match &self.run.signer {
            Some(signer) => signer.sign(statement).map_err(|failure| failure.message),
            None => Err("nobody is there to sign".to_owned()),
        }
    }

    /// The time, RFC 3339.
    pub fn time(&self) -> String {
        jiff::Timestamp::from_second(self.now).unwrap_or_default().to_string()
    }

    pub fn tool() -> String {
        format!("imgguard {}", env!("CARGO_PKG_VERSION"))
    }

    /// What a summary says.
    pub fn summary(&self, destination: &str, inputs: Vec<(String, Digest)>) -> VsaDraft {
        let policy = &self.run.policy;
        VsaDraft {
            verifier: self.gate().and_then(|gate| gate.verifier.clone()).unwrap_or_else(|| VERIFIER.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: self.time(),
            resource: destination.to_owned(),
            policy: (policy.source.clone(), policy.digest.clone()),
            inputs,
            passed: true,
            levels: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// Where refusals go: nowhere when nothing is to be written.
    pub fn refusals(&self) -> Option<&Refusals> {
        self.run.refusals.as_ref().filter(|_| self.run.signer.is_some() && !self.is_dry())
    }

    /// What a summary says about what is refused.
    pub fn refusal(&self, order: &Order, refused: &Refused) -> VsaDraft {
        let summary = self.summary(&order.destination.repository_name(), Vec::new());
        VsaDraft { passed: false, reasons: refused.reasons.clone(), ..summary }
    }

    /// A record without tags.
    pub fn record(&self, purpose: Purpose, source: Origin, destination: &str, plan: &Digest) -> Record {
        let policy = &self.run.policy;
        Record {
            purpose,
            source,
            destination: destination.to_owned(),
            tags: Vec::new(),
            plan: plan.clone(),
            policy: PolicyMet { uri: policy.source.clone(), digest: policy.digest.clone() },
            approved_by: Vec::new(),
            actor: self.run.arguments.actor.clone().or_else(actor),
            run: run_url(),
            reason: self.run.arguments.reason.clone(),
            tool: Self::tool(),
            time: self.time(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty() && value.len() <= 512)
}

/// Who started the pipeline, as it says itself.
fn actor() -> Option<String> {
    ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID"].into_iter().find_map(variable)
}

/// The run of the pipeline, as it says itself.
fn run_url() -> Option<String> {
    let github = || {
        let (server, repository) = (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", variable("GITHUB_RUN_ID")?))
    };
    github().or_else(|| variable("CI_JOB_URL")).or_else(|| variable("BUILD_URL"))
}
