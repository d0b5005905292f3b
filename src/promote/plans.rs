//! The plan of a whole file of promotions: all its plans under one digest, reviewed, approved and applied together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Digest, json_schema};

use super::plan::{Plan, PlanFileError, SCHEMA as PLAN_SCHEMA, open_sealed, seal_digest, sealed};

/// Name of the format.
pub const SCHEMA: &str = "imgguard.promotion-plans/v1";
/// Bytes of a file.
pub const MAX_FILE: usize = 64 << 20;
/// Plans of a file.
const MAX_PLANS: usize = 10_000;

/// Promotions that belong together, before they happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plans {
    /// Always `imgguard.promotion-plans/v1`.
    pub schema: String,
    /// Each promotion.
    pub plans: Vec<Plan>,
}

impl Plans {
    /// Puts plans together, in their order.
    #[must_use]
    pub fn new(plans: Vec<Plan>) -> Self {
        Self { schema: SCHEMA.to_owned(), plans }
    }

    /// The digest, made like that of a plan.
    #[must_use]
    pub fn digest(&self) -> Digest {
        seal_digest(self)
    }

    /// The plans as a file, with their digest.
    #[must_use]
    pub fn to_file(&self) -> String {
        sealed("plans", self)
    }

    /// When the oldest plan was made, in seconds since 1970; none when one of them does not say so.
    #[must_use]
    pub fn second(&self) -> Option<i64> {
        self.plans.iter().map(Plan::second).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Looks whether the result would depend on the order.
    fn check(&self) -> Result<(), PlanFileError> {
        let form = |why: String| Err(PlanFileError::Form(why));
        if self.plans.is_empty() || self.plans.len() > MAX_PLANS {
            return form(format!("it has {} plans", self.plans.len()));
        }
        if let Some(other) = self.plans.iter().find(|plan| plan.schema != PLAN_SCHEMA) {
            return Err(PlanFileError::Schema(other.schema.escape_debug().to_string()));
        }
        let sources: BTreeSet<&str> = self.plans.iter().map(|plan| plan.source.name.as_str()).collect();
        let mut taken: BTreeMap<(&str, &str), &Digest> = BTreeMap::new();
        for plan in &self.plans {
            if sources.contains(plan.destination.as_str()) {
                return form(format!("`{}` is a source and a destination in it", plan.destination.escape_debug()));
            }
            for item in &plan.tags {
                let other = taken.insert((&plan.destination, &item.tag), &item.to);
                if other.is_some_and(|other| *other != item.to) {
                    let (destination, tag) = (plan.destination.escape_debug(), item.tag.escape_debug());
                    return form(format!("`{destination}:{tag}` is given twice in it"));
                }
            }
        }
        Ok(())
    }
}

/// A file of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFile {
    /// One promotion.
    One(Box<Plan>),
    /// Those of a file for `--many`.
    Many(Plans),
}

impl PlanFile {
    /// Reads a file, and compares it with the digest in it.
    ///
    /// # Errors
    /// [`PlanFileError`].
    pub fn read(bytes: &[u8]) -> Result<(Self, Digest), PlanFileError> {
        match open_sealed::<Plans>(bytes, "plans", SCHEMA, MAX_FILE)? {
            Some((plans, digest)) => {
                plans.check()?;
                Ok((Self::Many(plans), digest))
            }
            None => Plan::read_file(bytes).map(|(plan, digest)| (Self::One(Box::new(plan)), digest)),
        }
    }

    /// All plans.
    #[must_use]
    pub fn plans(&self) -> &[Plan] {
        match self {
            Self::One(plan) => std::slice::from_ref(plan),
            Self::Many(plans) => &plans.plans,
        }
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn second(&self) -> Option<i64> {
        match self {
            Self::One(plan) => plan.second(),
            Self::Many(plans) => plans.second(),
        }
    }
}

/// The JSON schema of the document: file name and text.
pub(super) fn schema() -> (&'static str, String) {
    ("promotion-plans-v1.json", json_schema::<Plans>(SCHEMA, "imgguard promote --many --plan-out"))
}
