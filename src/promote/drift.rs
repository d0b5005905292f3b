//! What has changed between a plan and the moment at which it is applied.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Digest;

use super::plan::{ManifestItem, Plan};

/// Differences that are told at most.
const MAX_TOLD: usize = 50;

/// Compares a plan with one that was made anew from the same wishes. What was written by an earlier attempt at the same plan is
/// no difference; everything else is. Empty means that the plan may be applied.
#[must_use]
pub fn differences(planned: &Plan, now: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut differs = |what: &str, was: &str, is: &str| {
        if was != is {
            found.push(format!("{what} is {is} now, and was {was} when the plan was made"));
        }
    };
    differs("the purpose", planned.purpose.word(), now.purpose.word());
    differs("the source", &planned.source.name, &now.source.name);
    let tag = |plan: &Plan| plan.source.tag.clone().unwrap_or_else(|| "given by digest".to_owned());
    differs("the tag of the source", &tag(planned), &tag(now));
    differs("the source's digest", &planned.source.digest.to_string(), &now.source.digest.to_string());
    differs("the source's media type", &planned.source.media_type, &now.source.media_type);
    differs("the destination", &planned.destination, &now.destination);
    differs("the policy's digest", &planned.policy.digest.to_string(), &now.policy.digest.to_string());
    if planned.wish != now.wish {
        found.push("the tags are asked for in another way".to_owned());
    }
    if planned.source.digest == now.source.digest {
        images(planned, now, &mut found);
        manifests(planned, now, &mut found);
        blobs(planned, now, &mut found);
    }
    tags(planned, now, &mut found);
    if found.len() > MAX_TOLD {
        let more = found.len() - MAX_TOLD;
        found.truncate(MAX_TOLD);
        found.push(format!("{more} more"));
    }
    found
}

fn images(planned: &Plan, now: &Plan, found: &mut Vec<String>) {
    let of = |plan: &Plan| -> BTreeSet<String> {
        plan.verdict.images.iter().map(|image| format!("{} {}", image.platform, image.digest)).collect()
    };
    let (was, is) = (of(planned), of(now));
    found.extend(is.difference(&was).map(|image| format!("{image} was not judged when the plan was made")));
    found.extend(was.difference(&is).map(|image| format!("{image} was judged when the plan was made and is gone")));
}

fn manifests(planned: &Plan, now: &Plan, found: &mut Vec<String>) {
    fn of(plan: &Plan) -> BTreeMap<&Digest, &ManifestItem> {
        plan.manifests.iter().map(|item| (&item.digest, item)).collect()
    }
    let (was, is) = (of(planned), of(now));
    let told = |item: &ManifestItem| {
        let about = item.subject.as_ref().map(|subject| format!(" about {subject}")).unwrap_or_default();
        format!("{} {}{about}", item.artifact_type.as_deref().unwrap_or(&item.kind).escape_debug(), item.digest)
    };
    for (digest, item) in &is {
        match was.get(digest) {
            None => found.push(format!("{} was added after the plan was made", told(item))),
            Some(before) => {
                let same = (&before.media_type, before.size, &before.kind, &before.platform, &before.subject)
                    == (&item.media_type, item.size, &item.kind, &item.platform, &item.subject);
                if !same {
                    found.push(format!("{} is described in another way", told(item)));
                }
            }
        }
    }
    let gone = was.iter().filter(|(digest, _)| !is.contains_key(*digest));
    found.extend(gone.map(|(_, item)| format!("{} is gone", told(item))));
}

fn blobs(planned: &Plan, now: &Plan, found: &mut Vec<String>) {
    let of = |plan: &Plan| -> BTreeSet<(Digest, u64)> {
        plan.blobs.iter().map(|blob| (blob.digest.clone(), blob.size)).collect()
    };
    if of(planned) != of(now) {
        found.push("the blobs are others".to_owned());
    }
}

fn tags(planned: &Plan, now: &Plan, found: &mut Vec<String>) {
    let was: BTreeMap<&str, _> = planned.tags.iter().map(|item| (item.tag.as_str(), item)).collect();
    let is: BTreeMap<&str, _> = now.tags.iter().map(|item| (item.tag.as_str(), item)).collect();
    let told = |digest: &Option<Digest>| digest.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    for (tag, item) in &is {
        let Some(before) = was.get(tag) else {
            found.push(format!("tag `{tag}` is not in the plan"));
            continue;
        };
        let written = item.from.as_ref() == Some(&before.to);
        if item.from != before.from && !written {
            let (now, then) = (told(&item.from), told(&before.from));
            found.push(format!("tag `{tag}` points at {now} now, and at {then} when the plan was made"));
        } else if item.to != before.to {
            found.push(format!("tag `{tag}` is to point at {} now, and at {} in the plan", item.to, before.to));
        } else if (item.action == "refuse") != (before.action == "refuse") {
            found.push(format!("tag `{tag}`: {}", item.reason));
        }
    }
    // A tag that is not to be written needs no line of its own.
    let gone = was.iter().filter(|(tag, item)| !is.contains_key(*tag) && item.action != "keep");
    found.extend(gone.map(|(tag, _)| format!("tag `{tag}` is in the plan and would not be written now")));
}
