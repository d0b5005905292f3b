//! `consistency.read-only`: a read-only root leaves the image the places it writes to, and mounts do not hide its files.

use crate::companions::{Mount, MountKind, Place, Workload};
use crate::model::ImageFacts;

use super::user::{Resolved, name, resolve_name};
use super::words::{code, codes};
use super::workloads::{Sources, compare, fault};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.read-only",
    code: "IG1904",
    level: Level::Warn,
    summary: "a place that the image writes to is read-only, or a mount hides files of the image",
    why: "A read-only root file system is good, as long as the service can still write where it must: volumes that the image \
          declares, `TMPDIR`, and data directories that were made for its user. And an empty file system that is mounted \
          over a directory hides what the image has there: a `TMPDIR` of `/tmp/app` is gone when `/tmp` becomes a `tmpfs`.",
    fix: "Mount something writable at each of these paths and not above them: in compose `tmpfs: [/tmp/app]` or a volume, in \
          Kubernetes an `emptyDir`. Or move what the image needs out of the way of the mount.",
    flags: &[
        ("", "volume /data\n--- compose.yml\nservices:\n  app: {build: ., read_only: true}"),
        ("", "env TMPDIR=/tmp/app\n--- compose.yml\nservices:\n  app: {build: ., read_only: true}"),
        (
            "",
            "user 1000\nworkdir /app\n0755 0:0 app/\n0755 1000:1000 app/data/\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app, securityContext: {readOnlyRootFilesystem: true}}]",
        ),
        (
            "",
            "env TMPDIR=/tmp/app\n1777 0:0 tmp/\n0755 1000:1000 tmp/app/\n--- compose.yml\nservices:\n  app: {build: ., tmpfs: /tmp}",
        ),
        (
            "",
            "0755 0:0 srv/\n0644 0:0 srv/models.bin \"x\"\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  volumes: [{name: s, emptyDir: {}}]\n  containers: [{image: app, volumeMounts: [{name: s, mountPath: /srv}]}]",
        ),
    ],
    passes: &[
        (
            "",
            "volume /data\nenv TMPDIR=/run/app\n--- compose.yml\nservices:\n  app: {build: ., read_only: true, volumes: [\"d:/data\"], tmpfs: [/run/app]}",
        ),
        ("", "volume /data\n--- compose.yml\nservices:\n  app: {build: .}"),
        ("", "1777 0:0 tmp/\n0755 0:0 run/lock/\n--- compose.yml\nservices:\n  app: {build: ., tmpfs: [/tmp, /run]}"),
        (
            "",
            "0755 0:0 srv/\n0644 0:0 srv/models.bin \"x\"\n--- compose.yml\nservices:\n  app: {build: ., volumes: [\"s:/srv\"]}",
        ),
    ],
    build: |settings| Ok(Box::new(ReadOnly(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

/// Directories that hold nothing which lasts: what root put there is no loss.
const SCRATCH: &[&str] = &["tmp", "var/tmp", "run", "var/run", "var/log", "var/cache", "dev", "dev/shm"];

struct ReadOnly(Sources);

impl Check for ReadOnly {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        compare(image, circumstances, &self.0.kinds, |workload| {
            let mut faults: Vec<Fault> =
                workload.mounts.iter().filter_map(|mount| hides(image, workload, mount)).collect();
            if let Some(said) = workload.read_only.as_ref().filter(|said| said.value) {
                faults.extend(not_writable(image, workload, &said.place));
            }
            faults
        })
    }
}

/// The value of a variable in the running container.
fn variable<'a>(image: &'a ImageFacts, workload: &'a Workload, name: &str) -> Option<&'a str> {
    let own = workload.env.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_str());
    own.or_else(|| image.config.env_value(name)).filter(|value| value.starts_with('/'))
}

fn not_writable(image: &ImageFacts, workload: &Workload, place: &Place) -> Vec<Fault> {
    let mut wanted: Vec<(String, String)> = Vec::new();
    if let Some(path) = variable(image, workload, "TMPDIR") {
        wanted.push((path.to_owned(), "`TMPDIR` of the image".to_owned()));
    }
    for path in &image.config.volumes {
        let what = match workload.kind {
            // Docker makes an anonymous volume for it; in Kubernetes it depends on the runtime.
            crate::companions::WorkloadKind::Compose => "a `VOLUME` of the image without a volume of its own",
            crate::companions::WorkloadKind::Kubernetes => {
                "a `VOLUME` of the image, which only some runtimes of Kubernetes mount"
            }
        };
        wanted.push((path.clone(), what.to_owned()));
    }
    for path in data_directories(image, workload) {
        wanted.push((path, "an empty directory that was made for the image's user".to_owned()));
    }
    let writable = |path: &str| workload.mounts.iter().any(|mount| mount.writable && covers(mount, path));
    let mut faults: Vec<Fault> = Vec::new();
    for (path, what) in wanted {
        let subject = format!("{}: {path}", workload.name);
        if !writable(&path) && faults.iter().all(|fault| fault.subject != subject) {
            faults.push(fault(
                subject,
                format!(
                    "{} has a read-only root, and nothing writable is mounted at {}: {what}",
                    workload.name,
                    code(&path)
                ),
                place,
                format!("mount a volume or a `tmpfs` at {}", code(&path)),
            ));
        }
    }
    faults
}

fn covers(mount: &Mount, path: &str) -> bool {
    let (path, folder) = (path.trim_matches('/'), mount.path.trim_matches('/'));
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.is_empty())
}

/// Empty directories below WORKDIR that belong to the container's user, topmost ones only.
fn data_directories(image: &ImageFacts, workload: &Workload) -> Vec<String> {
    let user = workload.user.as_ref().map(|said| said.value.split(':').next().unwrap_or_default().to_owned());
    let user = user.unwrap_or_else(|| name(image).to_owned());
    let Resolved::Uid(uid) = resolve_name(image, &user) else { return Vec::new() };
    let folder = image.config.working_dir.trim_matches('/');
    if uid == 0 || folder.is_empty() {
        return Vec::new();
    }
    let start = format!("{folder}/");
    let from = image.files.partition_point(|file| *file.entry.path < *start);
    let below: Vec<_> = image.files[from..]
        .iter()
        .take_while(|file| file.entry.path.starts_with(&start))
        .map(|file| &file.entry)
        .collect();
    let mut found: Vec<String> = Vec::new();
    for (at, entry) in below.iter().enumerate() {
        // Sorted by path: what lies in a directory follows it, though siblings with smaller letters may stand between.
        let inside = format!("{}/", entry.path);
        let empty = !below[at + 1..]
            .iter()
            .take_while(|other| other.path.starts_with(&*entry.path))
            .any(|other| other.path.starts_with(&inside));
        if entry.is_directory() && entry.uid == uid && entry.mode & 0o200 != 0 && empty {
            found.push(format!("/{}", entry.path));
        }
        if found.len() >= 20 {
            break;
        }
    }
    found
}

/// A file system that is empty at first over a directory in which the image has something that counts.
fn hides(image: &ImageFacts, workload: &Workload, mount: &Mount) -> Option<Fault> {
    if !matches!(mount.kind, MountKind::Temporary | MountKind::Claim) {
        return None;
    }
    let folder = image.resolve(&mount.path)?;
    let start = format!("{folder}/");
    let temporary = variable(image, workload, "TMPDIR").map(|path| path.trim_matches('/').to_owned());
    let scratch = SCRATCH.contains(&folder.as_str());
    let from = image.files.partition_point(|file| *file.entry.path < *start);
    let hidden = image.files[from..].iter().take_while(|file| file.entry.path.starts_with(&start)).filter(|file| {
        let entry = &file.entry;
        let is_temporary = temporary.as_deref() == Some(&*entry.path);
        is_temporary || entry.uid != 0 || (!scratch && !entry.is_directory())
    });
    let names: Vec<String> = hidden.take(3).map(|file| format!("/{}", file.entry.path)).collect();
    if names.is_empty() {
        return None;
    }
    Some(fault(
        format!("{}: {}", workload.name, mount.path),
        format!(
            "{} mounts an empty file system over {}, which hides {}",
            workload.name,
            code(&mount.path),
            codes(&names)
        ),
        &mount.place,
        "mount it at a path where the image has nothing, or move these files in the Dockerfile",
    ))
}
