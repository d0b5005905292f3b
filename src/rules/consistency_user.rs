//! `consistency.user`: the deployment runs the image as the user it was made for.

use crate::companions::Workload;
use crate::model::ImageFacts;

use super::user::{Resolved, name, resolve, resolve_name};
use super::words::code;
use super::workloads::{Sources, compare, fault};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.user",
    code: "IG1903",
    level: Level::Warn,
    summary: "the deployment runs the image as another user than the image is made for",
    why: "Files of an image belong to the user that it names. Another user cannot write where the service must write, and a \
          deployment that says root undoes the image's `USER`. Under `runAsNonRoot` the kubelet refuses an image whose user \
          is a name, since it cannot look names up, and one whose user is root.",
    fix: "Write the same number in both places: `USER 1000` in the Dockerfile, `runAsUser: 1000` or `user: \"1000\"` in the \
          deployment.",
    flags: &[
        ("", "user 1000\n--- compose.yml\nservices:\n  app: {build: ., user: root}"),
        ("", "user 1000\n--- compose.yml\nservices:\n  app: {build: ., user: \"2000:2000\"}"),
        (
            "",
            "user app\n0644 0:0 etc/passwd \"app:x:1000:1000::/:\\n\"\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{image: app}]",
        ),
        (
            "",
            "--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{image: app}]",
        ),
    ],
    passes: &[
        ("", "user 1000\n--- compose.yml\nservices:\n  app: {build: ., user: \"1000\"}"),
        ("", "--- compose.yml\nservices:\n  app: {build: ., user: \"1000\"}"),
        (
            "",
            "user app\n0644 0:0 etc/passwd \"app:x:1000:1000::/:\\n\"\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  securityContext: {runAsNonRoot: true, runAsUser: 1000}\n  containers: [{image: app}]",
        ),
    ],
    build: |settings| Ok(Box::new(User(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

struct User(Sources);

impl Check for User {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        compare(image, circumstances, &self.0.kinds, |workload| {
            other_user(image, workload).into_iter().chain(refused(image, workload)).collect()
        })
    }
}

/// The deployment names a user, and not the image's.
fn other_user(image: &ImageFacts, workload: &Workload) -> Option<Fault> {
    let said = workload.user.as_ref()?;
    let wanted = said.value.split(':').next().unwrap_or_default();
    let told =
        |message: String, fix: String| Some(fault(format!("{}: user", workload.name), message, &said.place, fix));
    let uid = match resolve_name(image, wanted) {
        Resolved::Uid(uid) => uid,
        Resolved::Missing(why) => {
            return told(
                format!("{} runs as {}, so that the container does not start: {why}", workload.name, code(wanted)),
                "write the number of an account that the image has".to_owned(),
            );
        }
        Resolved::Unseen(_) => return None,
    };
    // An image that runs as root is made for nobody in particular.
    let Resolved::Uid(own) = resolve(image) else { return None };
    if own == uid || own == 0 {
        return None;
    }
    let message = if uid == 0 {
        format!("{} runs as root, and so undoes the image's `USER` {}", workload.name, code(&image.config.user))
    } else {
        format!("{} runs as uid `{uid}`, and the image is made for uid `{own}`", workload.name)
    };
    told(message, format!("take it away, or write `{own}`"))
}

/// `runAsNonRoot`, and an image that the kubelet refuses then.
fn refused(image: &ImageFacts, workload: &Workload) -> Option<Fault> {
    let said = workload.run_as_non_root.as_ref().filter(|said| said.value)?;
    let own = name(image);
    let message = match &workload.user {
        Some(user) if user.value == "0" => format!("{} says `runAsNonRoot` and `runAsUser: 0`", workload.name),
        None if own.is_empty() => format!("{} says `runAsNonRoot`, and the image runs as root", workload.name),
        None if own.parse::<u32>() == Ok(0) => {
            format!("{} says `runAsNonRoot`, and the image says `USER {}`", workload.name, image.config.user)
        }
        None if own.parse::<u32>().is_err() => {
            format!(
                "{} says `runAsNonRoot`, and the image's user is the name {}, which the kubelet cannot look up",
                workload.name,
                code(own)
            )
        }
        Some(_) | None => return None,
    };
    let number = match resolve(image) {
        Resolved::Uid(uid) if uid != 0 => uid,
        _ => 1000,
    };
    let fix = format!("`USER {number}` in the Dockerfile, or `runAsUser: {number}` here");
    Some(fault(format!("{}: runAsNonRoot", workload.name), message, &said.place, fix))
}
