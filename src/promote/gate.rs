//! What a policy asks for beside its rules, judged: signatures, an earlier stage, time, approvals. The clock is an argument.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Digest;
use crate::policy::{Approvals, Gate, Stage};
use crate::sign::evidence::{Answer, Conditions, Listing, Proof, Requirement, examine};
use crate::sign::verify::{self, Grounds, Signer};
use crate::sign::{Bundle, Reason, Standing, VSA_TYPE};

use super::evidence::Evidence;
use super::record::{APPROVAL_TYPE, PROMOTION_TYPE, Record};

/// Seconds by which clocks may differ.
const CLOCKS: i64 = 300;

/// How a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It holds.
    Met,
    /// It is looked at when the plan is applied.
    Pending,
    /// It does not hold.
    Refused,
    /// It could not be seen whether it holds.
    Unknown,
    /// Nothing answered; a retry may help.
    Unreachable,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Pending => "pending",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
        }
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Condition {
    /// What is asked for: `verdict`, `require`, `stage`, `soak`, `freeze`, `approvals`.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// In words.
    pub detail: String,
}

impl Condition {
    fn new(name: &str, state: State, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state, detail: detail.into() }
    }
}

/// A plan that is presented to be applied.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// When it was made, in seconds since 1970; none when it does not say so.
    pub created: Option<i64>,
    /// Bundles with approvals.
    pub approvals: &'a [Vec<u8>],
}

/// What a gate is judged on.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The evidence about the image.
    pub evidence: &'a Evidence,
    /// What bundles are judged with.
    pub grounds: &'a Grounds<'a>,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The repository that the image comes from, with its host.
    pub source: &'a str,
    /// The plan, when one is applied.
    pub plan: Option<Presented<'a>>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateReport {
    /// Every condition.
    pub conditions: Vec<Condition>,
    /// The attestations that were relied on.
    pub used: BTreeSet<Digest>,
    /// Who approved the plan.
    pub approvers: Vec<String>,
}

impl GateReport {
    /// How the gate stands as a whole: a refusal outweighs what could not be seen.
    #[must_use]
    pub fn state(&self) -> State {
        let rank = |state: State| match state {
            State::Met => 0,
            State::Pending => 1,
            State::Unknown => 2,
            State::Unreachable => 3,
            State::Refused => 4,
        };
        self.conditions.iter().map(|condition| condition.state).max_by_key(|state| rank(*state)).unwrap_or(State::Met)
    }
}

/// Judges everything that the gate asks for.
#[must_use]
pub fn judge(gate: &Gate, seen: &Seen<'_>) -> GateReport {
    let mut report = GateReport::default();
    if let Some(most) = gate.verdict_max_age {
        report.conditions.push(verdict(most, seen));
    }
    required(gate, seen, &mut report);
    if let Some(stage) = &gate.stage {
        passed(gate, stage, seen, &mut report);
    }
    if !gate.freeze.is_empty() {
        report.conditions.push(freeze(gate, seen.now));
    }
    if let Some(approvals) = &gate.approvals {
        let condition = approved(gate, approvals, seen, &mut report.approvers);
        report.conditions.push(condition);
    }
    report
}

/// Judges signatures and attestations alone: what also holds for an image that tags go back to.
#[must_use]
pub fn judge_evidence(gate: &Gate, seen: &Seen<'_>) -> GateReport {
    let mut report = GateReport::default();
    required(gate, seen, &mut report);
    report
}

fn moment(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn verdict(most: i64, seen: &Seen<'_>) -> Condition {
    let Some(plan) = seen.plan else {
        return Condition::new("verdict", State::Met, "it is of now");
    };
    let Some(created) = plan.created else {
        return Condition::new("verdict", State::Refused, "the plan does not say when it was made");
    };
    let age = seen.now.saturating_sub(created);
    if age > most {
        let detail = format!("the plan is {} old, and {} are allowed: make a new one", duration(age), duration(most));
        return Condition::new("verdict", State::Refused, detail);
    }
    if age < -CLOCKS {
        return Condition::new("verdict", State::Refused, "the plan was made in the future: compare the clocks");
    }
    Condition::new("verdict", State::Met, format!("the plan is {} old", duration(age.max(0))))
}

fn state_of(reason: Reason) -> State {
    match reason.standing() {
        Standing::Verified => State::Met,
        Standing::NotVerified => State::Refused,
        Standing::Undetermined => State::Unknown,
        Standing::Unreachable => State::Unreachable,
    }
}

/// What is required must be there about the root, which covers everything that it lists, or about every image.
fn required(gate: &Gate, seen: &Seen<'_>, report: &mut GateReport) {
    let Some(root) = &seen.evidence.root else { return };
    let answers = |digest: &Digest| -> Vec<Answer> {
        let listing = seen.evidence.about(digest);
        listing.map(|listing| gate.trust.judge(listing, digest, seen.grounds, seen.now)).unwrap_or_default()
    };
    let of_root = answers(root);
    let of_images: Vec<(&Digest, Vec<Answer>)> =
        seen.evidence.images.iter().map(|digest| (digest, answers(digest))).collect();
    for (at, wanted) in gate.trust.requirements.iter().enumerate() {
        let name = match &wanted.requirement {
            Requirement::Signature => "a signature".to_owned(),
            Requirement::Attestation(uri) => format!("an attestation of the type {uri}"),
        };
        let name = format!("{name} by {}", wanted.by.join(", "));
        let good = |answer: Option<&Answer>| answer.is_some_and(|answer| answer.reason == Reason::Verified);
        let mut proved: Vec<(&Digest, &Answer)> = Vec::new();
        if good(of_root.get(at)) {
            proved.extend(of_root.get(at).map(|answer| (root, answer)));
        } else if !of_images.is_empty() && of_images.iter().all(|(_, answers)| good(answers.get(at))) {
            proved.extend(of_images.iter().filter_map(|(digest, answers)| Some((*digest, answers.get(at)?))));
        }
        if proved.is_empty() {
            let missing = of_images.iter().filter_map(|(digest, answers)| Some((*digest, answers.get(at)?)));
            let mut failed = missing.filter(|(_, answer)| answer.reason != Reason::Verified);
            let told = failed.next_back().or_else(|| Some((root, of_root.get(at)?)));
            let (state, detail) = match told {
                Some((digest, answer)) => {
                    (state_of(answer.reason), format!("{name}: {digest}: {} ({})", answer.detail, answer.reason))
                }
                None => (State::Unknown, format!("{name}: nothing could be looked at")),
            };
            report.conditions.push(Condition::new("require", state, detail));
            continue;
        }
        for (digest, answer) in proved {
            let found = seen.evidence.about(digest).map(|listing| listing.found.as_slice()).unwrap_or_default();
            report.used.extend(answer.proofs.iter().filter_map(|at| found.get(*at)).map(|found| found.digest.clone()));
        }
        report.conditions.push(Condition::new("require", State::Met, name));
    }
}

/// What somebody said about a stage.
struct Said {
    time: i64,
    passed: bool,
    digest: Digest,
}

fn text<'a>(predicate: &'a Value, pointer: &str) -> &'a str {
    predicate.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Everything that signers of a stage said about it, by time.
fn said(gate: &Gate, stage: &Stage, resource: &str, listing: &Listing, root: &Digest, seen: &Seen<'_>) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for spec in stage.by.iter().filter_map(|name| gate.trust.signers.get(name)) {
        let Some(rule) = spec.rule() else { continue };
        let conditions = Conditions { now: seen.now, from: spec.from, until: spec.until, ..Conditions::default() };
        for examined in examine(listing, root, &[rule], seen.grounds) {
            let Ok(proof) = &examined.outcome else { continue };
            if conditions.check(proof, root).is_err() {
                continue;
            }
            let Proof::Statement(statement) = proof else { continue };
            let predicate = statement.value().predicate();
            let (time, passed) = match statement.value().predicate_type() {
                PROMOTION_TYPE => match Record::read(predicate) {
                    Some(record) if record.destination == resource => (record.second(), true),
                    _ => continue,
                },
                VSA_TYPE if text(predicate, "/resourceUri") == resource => {
                    let verifier = text(predicate, "/verifier/id");
                    if stage.verifier.as_deref().is_some_and(|wanted| wanted != verifier) {
                        continue;
                    }
                    let time = text(predicate, "/timeVerified").parse::<jiff::Timestamp>();
                    (time.ok().map(jiff::Timestamp::as_second), text(predicate, "/verificationResult") == "PASSED")
                }
                _ => continue,
            };
            // A time that is proved is better than one that is told.
            let Some(time) = proof.times().last().copied().or(time) else { continue };
            all.push(Said { time, passed, digest: examined.digest.clone() });
        }
    }
    all.sort_by(|one, other| (one.time, &one.digest).cmp(&(other.time, &other.digest)));
    all
}

fn passed(gate: &Gate, stage: &Stage, seen: &Seen<'_>, report: &mut GateReport) {
    let resource = stage.resource.as_deref().unwrap_or(seen.source);
    let by = stage.by.join(", ");
    let listing = seen.evidence.root.as_ref().and_then(|root| Some((root, seen.evidence.about(root)?)));
    let Some((root, listing)) = listing else {
        report.conditions.push(Condition::new("stage", State::Unknown, "nothing could be looked at"));
        return;
    };
    let all = said(gate, stage, resource, listing, root, seen);
    let refused = |state, detail: String| Condition::new("stage", state, detail);
    let Some(last) = all.last() else {
        let gap = listing.gaps.iter().min_by_key(|gap| gap.reason.standing());
        report.conditions.push(match gap {
            Some(gap) => refused(state_of(gap.reason), gap.to_string()),
            None => refused(State::Refused, format!("there is no record and no summary of `{resource}` by {by}")),
        });
        return;
    };
    if !last.passed {
        let detail = format!("the last summary of `{resource}` says FAILED ({})", moment(last.time));
        report.conditions.push(refused(State::Refused, detail));
        return;
    }
    report.used.insert(last.digest.clone());
    // What stood before a failure did not soak.
    let since = all.iter().rev().take_while(|one| one.passed).last().map_or(last.time, |one| one.time);
    report.conditions.push(Condition::new(
        "stage",
        State::Met,
        format!("it passed `{resource}` at {}, says one of {by}", moment(since)),
    ));
    if let Some(soak) = stage.soak {
        let stood = seen.now.saturating_sub(since);
        report.conditions.push(if stood >= soak {
            Condition::new("soak", State::Met, format!("it has stood in `{resource}` for {}", duration(stood)))
        } else {
            let ready = moment(since.saturating_add(soak));
            let (wanted, stood) = (duration(soak), duration(stood.max(0)));
            let detail = format!("it has stood in `{resource}` for {stood}, and {wanted} are wanted: ready at {ready}");
            Condition::new("soak", State::Refused, detail)
        });
    }
}

fn freeze(gate: &Gate, now: i64) -> Condition {
    for window in &gate.freeze {
        if let Some(end) = window.ends(now) {
            let name = window.name.as_ref().map(|name| format!(" `{}`", name.escape_debug())).unwrap_or_default();
            let detail = format!("nothing is promoted in the window{name}, which ends at {}", moment(end));
            return Condition::new("freeze", State::Refused, detail);
        }
    }
    Condition::new("freeze", State::Met, "no window is open")
}

fn approved(gate: &Gate, approvals: &Approvals, seen: &Seen<'_>, approvers: &mut Vec<String>) -> Condition {
    let Approvals { needed, of } = approvals;
    let wanted = format!("{needed} of {}", of.join(", "));
    let Some(plan) = seen.plan else {
        return Condition::new("approvals", State::Pending, format!("{wanted}: write a plan, and have it approved"));
    };
    let mut signers: Vec<Signer> = Vec::new();
    let mut why = BTreeSet::new();
    for bytes in plan.approvals {
        let bundle = match Bundle::read(bytes) {
            Ok(bundle) => bundle,
            Err(rejection) => {
                why.insert(rejection.to_string());
                continue;
            }
        };
        let mut counted = false;
        let mut problem = None;
        for (name, spec) in of.iter().filter_map(|name| Some((name, gate.trust.signers.get(name)?))) {
            let Some(rule) = spec.rule() else { continue };
            let conditions = Conditions { now: seen.now, from: spec.from, until: spec.until, ..Conditions::default() };
            let judged = verify::bundle(&bundle, plan.digest, rule, seen.grounds).and_then(|statement| {
                let proof = Proof::Statement(statement);
                conditions.check(&proof, plan.digest).map(|()| proof)
            });
            match judged {
                Ok(proof) if proof.predicate_type() == APPROVAL_TYPE => {
                    counted = true;
                    // Two names for one signer are one signer.
                    if !signers.contains(proof.signer()) {
                        signers.push(proof.signer().clone());
                        approvers.push(name.clone());
                    }
                }
                Ok(_) => problem = Some("a statement that is no approval".to_owned()),
                Err(rejection) if rejection.reason == Reason::InvalidSubject => {
                    problem = Some("an approval of another plan".to_owned());
                }
                Err(rejection) => problem = problem.or(Some(rejection.to_string())),
            }
        }
        if !counted {
            why.extend(problem);
        }
    }
    if signers.len() >= *needed {
        return Condition::new("approvals", State::Met, format!("{wanted}: by {}", approvers.join(", ")));
    }
    let why: Vec<String> = why.into_iter().collect();
    let why = if why.is_empty() { String::new() } else { format!("; not counted: {}", why.join("; ")) };
    Condition::new("approvals", State::Refused, format!("{} given, {wanted} wanted{why}", signers.len()))
}
