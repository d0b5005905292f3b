//! Where tags go back to: pure, from the history alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Digest;
use crate::release::tags::{Named, Scheme};

use super::history::{Entry, History};
use super::record::Purpose;

/// Images that a tag may go back through.
const MAX_STEPS: usize = 100;

/// Why there is nowhere to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// Nothing is on record.
    #[error("no promotion is on record there that somebody trusted has signed")]
    NoHistory,
    /// The tag is not on record.
    #[error("tag `{0}` is not where a promotion on record has put it")]
    Unknown(String),
    /// A full version.
    #[error("tag `{0}` is a version that was released: it never moves")]
    Version(String),
    /// The promotion moved nothing.
    #[error("the last promotion made new tags only: nothing was there before")]
    NothingBefore,
    /// The record or digest is not known.
    #[error("{0} is neither a promoted image nor a record of one")]
    NoSuchImage(Digest),
}

/// The way back of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The tag.
    pub tag: String,
    /// Where it points now.
    pub from: Digest,
    /// Where it may go, the nearest first.
    pub targets: Vec<Digest>,
}

/// Finds the ways back: of one tag, or of all moving tags of what is live.
///
/// # Errors
/// [`RollbackError`].
pub fn ways(history: &History, tag: Option<&str>, to: Option<&Digest>) -> Result<Vec<Way>, RollbackError> {
    let scheme = Scheme::default();
    let is_version = |tag: &str| matches!(scheme.read(tag).0, Named::Exact(_));
    let tags: Vec<String> = match tag {
        Some(tag) if is_version(tag) => return Err(RollbackError::Version(tag.to_owned())),
        Some(tag) => vec![tag.to_owned()],
        None => {
            let live = history.entries.iter().find(|entry| history.live(entry).next().is_some());
            let live = live.ok_or(RollbackError::NoHistory)?;
            history.live(live).filter(|tag| !is_version(tag)).map(str::to_owned).collect()
        }
    };
    let target = match to {
        None => None,
        Some(asked) => Some(image(history, asked).ok_or_else(|| RollbackError::NoSuchImage(asked.clone()))?),
    };
    let mut ways = Vec::new();
    for tag in tags {
        let from = history.tags.get(&tag).ok_or_else(|| RollbackError::Unknown(tag.clone()))?.clone();
        let targets = match &target {
            Some(target) => vec![target.clone()],
            None => before(history, &tag, &from),
        };
        if targets.first() == Some(&from) {
            continue;
        }
        if !targets.is_empty() {
            ways.push(Way { tag, from, targets });
        }
    }
    if ways.is_empty() { Err(RollbackError::NothingBefore) } else { Ok(ways) }
}

/// The image behind a digest or the digest of a record.
fn image(history: &History, asked: &Digest) -> Option<Digest> {
    let known = |entry: &&Entry| entry.digest == *asked || entry.referrer == *asked;
    history.entries.iter().find(known).map(|entry| entry.digest.clone())
}

/// Where a tag pointed before, promotion by promotion. What a rollback left is no place to return to: the chain of promotions
/// is followed, each image once.
fn before(history: &History, tag: &str, from: &Digest) -> Vec<Digest> {
    let mut previous: BTreeMap<&Digest, &Digest> = BTreeMap::new();
    // The latest promotion of an image counts.
    for entry in &history.entries {
        let moved = entry.record.tags.iter().find(|moved| moved.tag == tag);
        if entry.record.purpose == Purpose::Promotion
            && let Some(before) = moved.and_then(|moved| moved.previous.as_ref())
            && *before != entry.digest
        {
            previous.entry(&entry.digest).or_insert(before);
        }
    }
    let mut seen = BTreeSet::from([from]);
    let mut chain = Vec::new();
    let mut at = from;
    while let Some(before) = previous.get(at) {
        if !seen.insert(*before) || chain.len() >= MAX_STEPS {
            break;
        }
        chain.push((*before).clone());
        at = *before;
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promote::record::{Moved, Origin, PolicyMet, Record};

    fn image(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn entry(hour: u8, purpose: Purpose, name: &str, tags: &[(&str, Option<&str>)]) -> Entry {
        let tags = tags
            .iter()
            .map(|(tag, previous)| Moved { tag: (*tag).to_owned(), previous: previous.map(image) })
            .collect();
        Entry {
            digest: image(name),
            referrer: Digest::of(format!("{hour}").as_bytes()),
            signer: Some("gate".to_owned()),
            record: Record {
                purpose,
                source: Origin { repository: "staging".to_owned(), tag: None },
                destination: "prod".to_owned(),
                tags,
                plan: image("plan"),
                policy: PolicyMet { uri: "p".to_owned(), digest: image("policy") },
                approved_by: Vec::new(),
                actor: None,
                run: None,
                reason: None,
                tool: "t".to_owned(),
                time: format!("2026-11-25T{hour:02}:00:00Z"),
            },
        }
    }

    fn history(mut entries: Vec<Entry>, tags: &[(&str, &str)]) -> History {
        entries.reverse();
        let tags = tags.iter().map(|(tag, name)| ((*tag).to_owned(), image(name))).collect();
        History { entries, tags }
    }

    fn three() -> Vec<Entry> {
        vec![
            entry(1, Purpose::Promotion, "a", &[("1.0.0", None), ("latest", None)]),
            entry(2, Purpose::Promotion, "b", &[("1.0.1", None), ("latest", Some("a"))]),
            entry(3, Purpose::Promotion, "c", &[("2.0.0", None), ("2", None), ("latest", Some("b"))]),
        ]
    }

    #[test]
    fn a_tag_goes_back_to_where_it_was_and_new_tags_stay() {
        let history = history(three(), &[("1.0.0", "a"), ("1.0.1", "b"), ("2.0.0", "c"), ("2", "c"), ("latest", "c")]);
        let ways = ways(&history, None, None).expect("a way back");
        assert_eq!(ways.len(), 1);
        assert_eq!((ways[0].tag.as_str(), &ways[0].targets), ("latest", &vec![image("b"), image("a")]));
    }

    #[test]
    fn a_second_rollback_goes_further_back_and_not_forth() {
        let mut entries = three();
        entries.push(entry(4, Purpose::Rollback, "b", &[("latest", Some("c"))]));
        let history = history(entries, &[("2.0.0", "c"), ("latest", "b")]);
        let ways = ways(&history, Some("latest"), None).expect("a way back");
        assert_eq!(ways[0].targets, [image("a")]);
    }

    #[test]
    fn a_promotion_that_never_came_to_its_tags_is_not_gone_back_through() {
        let mut entries = three();
        entries.push(entry(4, Purpose::Promotion, "d", &[("3.0.0", None), ("latest", Some("c"))]));
        let history = history(entries, &[("latest", "c"), ("2.0.0", "c")]);
        assert_eq!(ways(&history, None, None).expect("a way back")[0].targets[0], image("b"));
    }

    #[test]
    fn what_cannot_be_gone_back_to_is_told() {
        let known = history(three(), &[("latest", "c"), ("1.0.0", "a")]);
        assert_eq!(ways(&known, Some("1.0.0"), None), Err(RollbackError::Version("1.0.0".to_owned())));
        assert_eq!(ways(&known, Some("stable"), None), Err(RollbackError::Unknown("stable".to_owned())));
        assert_eq!(ways(&History::default(), None, None), Err(RollbackError::NoHistory));
        let first = history(three().drain(..1).collect(), &[("latest", "a")]);
        assert_eq!(ways(&first, None, None), Err(RollbackError::NothingBefore));
        let asked = image("x");
        assert_eq!(ways(&known, None, Some(&asked)), Err(RollbackError::NoSuchImage(asked)));
        let by_record = Digest::of(b"1");
        assert_eq!(ways(&known, None, Some(&by_record)).expect("a way")[0].targets, [image("a")]);
    }
}
