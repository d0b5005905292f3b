//! What a log entry says of its log, held against the logs of the trust root. The library accepts a checkpoint of any trusted log, at
//! any time after the log began; here it must be the log that the entry names, in the time in which that log is believed.

use std::collections::BTreeSet;

use sigstore_verify::crypto::VerificationKey;
use sigstore_verify::trust_root::TimeRange;
use sigstore_verify::types::{MediaType, TransparencyLogEntry};

use super::{Bundle, Reason, Rejection, TrustRoot};

/// A log that is believed.
struct Log {
    id: Vec<u8>,
    key: VerificationKey,
    window: Option<TimeRange>,
}

/// The logs of a trust root.
pub(super) struct Logs(Vec<Log>);

impl Logs {
    /// Takes the logs of a root.
    ///
    /// # Errors
    /// What is wrong with a key.
    pub(super) fn of(root: &TrustRoot) -> Result<Self, String> {
        let logs = root.inner().tlogs.iter().map(|log| {
            Ok(Log {
                id: log.log_id.key_id.as_bytes().to_vec(),
                key: VerificationKey::from_spki(&log.public_key.raw_bytes).map_err(|error| error.to_string())?,
                window: log.public_key.valid_for,
            })
        });
        logs.collect::<Result<_, _>>().map(Self)
    }

    /// Every entry is bound to the log that it names: it signed the checkpoint, and is believed at every verified time.
    pub(super) fn check(&self, bundle: &Bundle, times: &[i64]) -> Result<(), Rejection> {
        bundle.inner().verification_material.tlog_entries.iter().try_for_each(|entry| self.check_entry(entry, times))
    }

    fn check_entry(&self, entry: &TransparencyLogEntry, times: &[i64]) -> Result<(), Rejection> {
        let log = self
            .0
            .iter()
            .find(|log| log.id == entry.log_id.key_id.as_bytes())
            .ok_or_else(|| Rejection::new(Reason::InvalidLog, "the log entry names a log that is not trusted"))?;
        if let Some(checkpoint) = entry.inclusion_proof.as_ref().and_then(|proof| proof.checkpoint.checkpoint()) {
            let signed = checkpoint
                .signatures()
                .iter()
                .any(|signature| log.key.verify(checkpoint.signed_data(), &signature.signature).is_ok());
            if !signed {
                let detail = "the checkpoint is not signed by the log that the entry names";
                return Err(Rejection::new(Reason::InvalidLogCheckpoint, detail));
            }
        }
        let believed = |time: &i64| {
            log.window.is_none_or(|window| {
                window.start.as_second() <= *time && window.end.is_none_or(|end| *time <= end.as_second())
            })
        };
        if !times.iter().all(believed) {
            return Err(Rejection::new(Reason::InvalidLog, "the log is not to be believed at the verified time"));
        }
        Ok(())
    }
}

/// Every log entry brings a proof of its own (the library asks that of one of them), and nothing counts twice.
pub(super) fn check_evidence(bundle: &Bundle) -> Result<(), Rejection> {
    let inner = bundle.inner();
    let material = &inner.verification_material;
    let mut seen = BTreeSet::new();
    for entry in &material.tlog_entries {
        if inner.media_type == MediaType::Bundle0_1 {
            if entry.inclusion_promise.is_none() {
                return Err(Rejection::new(Reason::InvalidLogPromise, "a log entry has no promise of its log"));
            }
        } else if entry.inclusion_proof.is_none() {
            return Err(Rejection::new(Reason::InvalidLog, "a log entry has no proof of inclusion"));
        }
        if !seen.insert((entry.log_id.key_id.as_bytes(), entry.log_index.as_i64())) {
            return Err(Rejection::new(Reason::InvalidLog, "the bundle has a log entry twice"));
        }
    }
    let mut seen = BTreeSet::new();
    let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
    if !stamps.iter().all(|stamp| seen.insert(stamp.signed_timestamp.as_bytes())) {
        return Err(Rejection::new(Reason::InvalidTime, "the bundle has a timestamp twice"));
    }
    Ok(())
}

/// Different logs: several entries of one log count once.
pub(super) fn count(bundle: &Bundle) -> usize {
    let entries = &bundle.inner().verification_material.tlog_entries;
    entries.iter().map(|entry| entry.log_id.key_id.as_bytes()).collect::<BTreeSet<_>>().len()
}
