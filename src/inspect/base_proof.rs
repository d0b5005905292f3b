//! Bases that were recorded before, compared with an image: what they prove, and what the image has from them.

use crate::model::{BaseClaim, BaseGrade, BaseLock, ImageConfig, ImageFacts, Inherited, RecordedBase};
use crate::oci::ImagePlan;
use crate::secrets::Scanner;

use super::config_secrets;

/// What is recorded of an image under that name; `now` is in seconds since 1970. Nothing of its layers is read, and
/// whatever looks like a secret in its config is masked, as in the facts of images that inherit it.
#[must_use]
pub fn record_base(reference: &str, image: &ImagePlan, scanner: &Scanner, now: i64) -> RecordedBase {
    let mut config: ImageConfig = image.config.clone();
    config_secrets::search(&mut config, scanner);
    let manifest = &image.subject.digest;
    let digest = image.index.as_ref().map_or(manifest, |index| &index.digest);
    RecordedBase::new(reference, (digest, manifest), &image.platform, &config, now)
}

/// Adds to the facts what the recorded bases tell about an image.
///
/// The longest base whose layers are the lowest of the image is proved, under all its names. A claim is `matched` when
/// the digest it names is recorded and its layers are there; when they are not, the claim is contradicted and only
/// counts as guessed, like everything that anyone can write.
pub fn prove_base(image: &mut ImageFacts, lock: &BaseLock) {
    let own = &image.config.diff_ids;
    for claim in image.base.iter_mut().filter(|claim| claim.grade < BaseGrade::Proved) {
        let Some(digest) = &claim.digest else { continue };
        let known = lock.under(digest, &image.platform);
        if known.is_empty() {
            continue;
        }
        if known.iter().any(|base| own.starts_with(&base.diff_ids)) {
            claim.grade = claim.grade.max(BaseGrade::Matched);
            claim.by = format!("{}, and the layers recorded for its digest are the lowest of this image", claim.by);
        } else {
            claim.grade = BaseGrade::Guessed;
            claim.by = format!("{}, but the layers recorded for its digest are not the lowest of this image", claim.by);
        }
    }
    let mut found: Vec<(&RecordedBase, Inherited)> =
        lock.below(&image.platform, own).into_iter().map(|base| (base, Inherited::of(base, &image.config))).collect();
    // Of builds with equal layers under one name, the one that shares most of the config counts, then the latest.
    found.sort_by(|(left, one), (right, other)| {
        let rank = |base: &RecordedBase, inherited: &Inherited| (inherited.weight(), base.recorded.clone());
        rank(right, other).cmp(&rank(left, one)).then_with(|| left.reference.cmp(&right.reference))
    });
    for (base, inherited) in &found {
        let is_known = |claim: &BaseClaim| claim.grade == BaseGrade::Proved && claim.reference == base.reference;
        if !image.base.iter().any(is_known) {
            let count = inherited.layers;
            let layers = if count == 1 {
                "its layer is the lowest".to_owned()
            } else {
                format!("its {count} layers are the lowest")
            };
            image.base.push(BaseClaim {
                reference: base.reference.clone(),
                digest: Some(base.digest.clone()),
                grade: BaseGrade::Proved,
                layers: Some(count),
                by: format!("{layers} of this image"),
            });
        }
    }
    image.base.sort_by(|left, right| {
        (right.grade, right.layers, &left.reference).cmp(&(left.grade, left.layers, &right.reference))
    });
    image.inherited = found.into_iter().next().map(|(_, inherited)| inherited);
}

#[cfg(test)]
mod tests {
    use crate::model::{Attribution, BaseGrade};
    use crate::testkit::image::image;

    fn claims(text: &str) -> Vec<(String, BaseGrade, Option<u32>)> {
        image(text).base.into_iter().map(|claim| (claim.reference, claim.grade, claim.layers)).collect()
    }

    #[test]
    fn a_recorded_base_is_proved_by_its_layers_under_all_its_names() {
        let image = "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12\nlayer RUN python\n0755 0:0 usr/bin/python3\n\
                     known python:3\nknown python:3.12\nlayer COPY\n0644 0:0 app";
        let proved = |name: &str| (format!("docker.io/library/{name}"), BaseGrade::Proved, Some(2));
        assert_eq!(claims(image), [proved("python:3"), proved("python:3.12")]);
    }

    #[test]
    fn a_squashed_image_proves_nothing() {
        assert!(claims("layer everything\n0755 0:0 bin/sh\nknown debian:12 moved").is_empty());
    }

    #[test]
    fn a_claim_is_believed_when_the_layers_of_its_digest_are_there() {
        let claim = "annotation org.opencontainers.image.base.name=debian:12";
        let told = |digest: &str, known: &str| {
            let digest = crate::testkit::image::known_digest(digest);
            claims(&format!(
                "{claim}\nannotation org.opencontainers.image.base.digest={digest}\nlayer a\n0755 0:0 bin/sh\n{known}"
            ))
        };
        let name = "docker.io/library/debian:12".to_owned();
        let lock = "known debian:12";
        assert_eq!(
            told(lock, lock),
            [(name.clone(), BaseGrade::Proved, Some(1)), (name.clone(), BaseGrade::Matched, None)]
        );
        let moved = "known debian:12 moved";
        assert_eq!(told(moved, moved), [(name.clone(), BaseGrade::Guessed, None)]);
        assert_eq!(told("something else", moved), [(name, BaseGrade::Claimed, None)]);
    }

    #[test]
    fn facts_tell_base_and_own_apart() {
        let image = image(
            "env LANG=C\nuser nobody\nstep ENV LANG=C\nlayer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12\nenv APP=1\nlayer COPY\n0644 0:0 app",
        );
        let inherited = image.inherited.expect("proved");
        assert_eq!((inherited.reference.as_str(), inherited.layers), ("docker.io/library/debian:12", 1));
        assert_eq!(inherited.history, [0, 1]);
        assert_eq!(inherited.config, ["/config/Env/LANG", "/config/User"]);
        assert_eq!(inherited.of_config(&image.config, "/config/Env/1"), Attribution::Own);
    }
}
