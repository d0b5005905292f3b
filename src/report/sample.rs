//! Hand-made facts and reports for the tests of the formats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Context;
use crate::model::{
    Account, BaseClaim, BaseGrade, Digest, Document, Elf, Entry, File, FileHash, Gap, GapKind, Grade, Group, Head,
    Healthcheck, Hidden, History, How, ImageConfig, ImageFacts, IndexChild, IndexFacts, Inspection, Kind, Layer,
    Linkage, Linking, Nature, Note, NoteKind, OpenAccount, Place, Platform, Program, SCHEMA, SecretFact, Severity,
    StartText, Startup, Subject, Waste,
};
use crate::policy::{Descriptor, ImageReport, Origin, Policy, Report, RuleResult, Verdict, judge};
use crate::rules::{Check, Fault, Level, Outcome, Rule, Seat, SettingsError, SettingsReader};

/// Holds for every image.
struct Held;

impl Check for Held {
    fn decide(&self, _: &ImageFacts) -> Outcome {
        Outcome::Pass("412 MB of 2 GB".to_owned())
    }
}

fn held(_: &mut SettingsReader<'_>) -> Result<Box<dyn Check>, SettingsError> {
    Ok(Box::new(Held))
}

const fn rule(
    id: &'static str,
    code: &'static str,
    level: Level,
    summary: &'static str,
    why: &'static str,
    fix: &'static str,
) -> Rule {
    Rule { id, code, level, summary, why, fix, flags: &[], passes: &[], build: held, schema: |_| true.into() }
}

static USER_ROOT: Rule = rule(
    "user.root",
    "IG0201",
    Level::Deny,
    "the image runs as root",
    "A process that breaks out of its container is then root on the host. Most images need no such rights.",
    "Add an account and switch to it as the last step:\n\n```dockerfile\nRUN useradd --uid 1000 app\nUSER 1000\n```",
);
static SECRETS: Rule = rule(
    "secrets.content",
    "IG0401",
    Level::Deny,
    "a secret lies in the image",
    "Whoever can pull the image can read every layer, deleted files too. Rotate the secret first.",
    "Rotate it, then keep it out of the build: `RUN --mount=type=secret`.",
);
static SETUID: Rule = rule(
    "files.setuid",
    "IG0301",
    Level::Warn,
    "file has the set-user-ID or set-group-ID bit",
    "A process started from it gets its owner's rights.",
    "`RUN chmod a-s PATH` in the layer that adds it.",
);
static BASE: Rule = rule(
    "base.age",
    "IG0502",
    Level::Deny,
    "the base image is too old",
    "Fixes arrive with a rebuild of the base.",
    "Build again on a newer base.",
);
static COUNT: Rule = rule(
    "layers.count",
    "IG0602",
    Level::Info,
    "the image has many layers",
    "Each layer is a request.",
    "Join steps that belong together.",
);
static SIZE: Rule = rule(
    "size.total",
    "IG0101",
    Level::Deny,
    "the image is too large",
    "Large images start slowly.",
    "Find what is large with `imgguard inspect`.",
);
static HEALTH: Rule = rule(
    "healthcheck.exec",
    "IG0702",
    Level::Warn,
    "the health check cannot run",
    "A check that cannot run never passes.",
    "Name a program that the image has.",
);

/// A context without colours, 80 columns wide.
pub(crate) fn context() -> Context<'static> {
    Context {
        show_suppressed: false,
        color: false,
        width: Some(80),
        tool_version: "0.1.0",
        repository_file: Some("imgguard.yaml"),
        elapsed: Some(Duration::from_millis(1_934)),
        explain: false,
        verbose: false,
        exit_code: 1,
    }
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(crate) fn entry(path: &str, kind: Kind, mode: u16, size: u64) -> Entry {
    Entry {
        path: path.into(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        size,
        mtime: 1_767_225_600,
        sha256: (kind == Kind::File).then_some(FileHash([7; 32])),
        link: (kind == Kind::Symlink).then(|| "target".into()),
        xattrs: Box::default(),
    }
}

fn file(path: &str, mode: u16, size: u64, added: u32, changed: u32) -> File {
    File { entry: entry(path, Kind::File, mode, size), added, changed }
}

fn layer(salt: &str, size: u64, hidden_bytes: u64, hid_bytes: u64, history: u32, instruction: &str) -> Layer {
    Layer {
        digest: Some(digest(&format!("blob {salt}"))),
        diff_id: digest(&format!("diff {salt}")),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size,
        unpacked_size: Some(size * 5 / 2),
        entries: size / 20_000 + 1,
        file_bytes: size * 9 / 4,
        hidden_bytes,
        hid_bytes,
        history: Some(history),
        instruction: Some(instruction.to_owned()),
        source: None,
    }
}

pub(crate) fn secret(place: Place) -> SecretFact {
    SecretFact {
        detector: "github-token".to_owned(),
        what: "GitHub token".to_owned(),
        grade: Grade::Proven,
        nature: Nature::Secret,
        severity: Severity::High,
        expires: None,
        redacted: "ghp_…x3 (40)".to_owned(),
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
        places: vec![place],
        halves: Vec::new(),
    }
}

fn history(created_by: &str, layer: Option<u32>) -> History {
    History {
        created_by: created_by.to_owned(),
        created: Some("2026-11-01T10:00:00Z".to_owned()),
        comment: String::new(),
        empty_layer: layer.is_none(),
        layer,
        source: None,
    }
}

fn config(architecture: &str) -> ImageConfig {
    ImageConfig {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        created: Some("2026-11-01T10:00:00Z".to_owned()),
        user: "root".to_owned(),
        env: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()), ("DEBUG".to_owned(), "1".to_owned())],
        entrypoint: Some(vec!["tini".to_owned(), "--".to_owned()]),
        cmd: Some(vec!["streamlit".to_owned(), "run".to_owned(), "/app/main.py".to_owned()]),
        working_dir: "/app".to_owned(),
        exposed_ports: vec!["8501/tcp".to_owned()],
        volumes: vec!["/app/data".to_owned()],
        labels: BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.4.2".to_owned())]),
        healthcheck: Some(Healthcheck {
            test: vec!["CMD-SHELL".to_owned(), "curl -f http://localhost:8501/_stcore/health".to_owned()],
            interval: 30_000_000_000,
            timeout: 5_000_000_000,
            start_period: 0,
            retries: 3,
        }),
        diff_ids: (0..4).map(|at| digest(&format!("diff {architecture} {at}"))).collect(),
        history: vec![
            history("/bin/sh -c #(nop) ADD file:8d33 in / ", Some(0)),
            history("/bin/sh -c #(nop)  CMD [\"bash\"]", None),
            history("RUN /bin/sh -c apt-get update && apt-get install -y gcc sudo # buildkit", Some(1)),
            history("COPY . /app # buildkit", Some(2)),
            history("RUN /bin/sh -c rm /app/.env # buildkit", Some(3)),
            history("ENV DEBUG=1", None),
            history("USER root", None),
        ],
        ..ImageConfig::default()
    }
}

/// An image of four layers on Debian, with a deleted `.env`.
pub(crate) fn image(platform: &str) -> ImageFacts {
    let platform: Platform = platform.parse().expect("a platform");
    let arch = platform.architecture.clone();
    let salt = |at: u32| format!("{arch} {at}");
    let children = ["linux/amd64", "linux/arm64"]
        .map(|name| IndexChild { digest: digest(name), platform: name.parse().expect("a platform") });
    ImageFacts {
        subject: Subject {
            reference: "registry.example/acme/app:1.4.2".to_owned(),
            repository: "registry.example/acme/app".to_owned(),
            tag: Some("1.4.2".to_owned()),
            digest: digest(&platform.to_string()),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            config_digest: digest(&format!("config {arch}")),
        },
        index: Some(IndexFacts {
            digest: digest("index"),
            media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
            children: children.to_vec(),
            annotations: BTreeMap::new(),
        }),
        annotations: BTreeMap::new(),
        config: config(&arch),
        layers: vec![
            layer(&salt(0), 29_100_000, 0, 0, 0, "ADD file:8d33 in /"),
            layer(&salt(1), 96_400_000, 41_000_000, 0, 2, "RUN apt-get update && apt-get install -y gcc sudo"),
            layer(&salt(2), 22_000_000, 120, 0, 3, "COPY . /app"),
            layer(&salt(3), 310, 0, 41_000_120, 4, "RUN rm -rf /app/.env /var/lib/apt/lists/*"),
        ],
        files: vec![
            File { entry: entry("app", Kind::Directory, 0o755, 0), added: 2, changed: 2 },
            file("app/main.py", 0o644, 18_204, 2, 2),
            file("app/model.bin", 0o644, 48_000_000, 2, 2),
            file("etc/passwd", 0o644, 1_240, 0, 1),
            File { entry: entry("lib", Kind::Symlink, 0o777, 0), added: 0, changed: 0 },
            file("opt/agent/helper", 0o6755, 2_400_000, 2, 2),
            file("usr/bin/su", 0o4755, 72_000, 0, 0),
            file("usr/bin/sudo", 0o4755, 281_000, 1, 1),
        ],
        hidden: vec![
            Hidden { entry: entry("etc/passwd", Kind::File, 0o644, 1_180), layer: 0, by: 1, how: How::Overwritten },
            Hidden {
                entry: entry("var/lib/apt/lists/mirror.example_main_Packages", Kind::File, 0o644, 41_000_000),
                layer: 1,
                by: 3,
                how: How::Deleted,
            },
            Hidden { entry: entry("app/.env", Kind::File, 0o600, 120), layer: 2, by: 3, how: How::Deleted },
        ],
        waste: Waste {
            shipped: 331_878_000,
            visible: 290_876_700,
            deleted: 41_000_120,
            overwritten: 1_180,
            ..Waste::default()
        },
        documents: vec![Document { path: "etc/passwd".into(), bytes: b"root:x:0:0:".to_vec(), truncated: false }],
        accounts: Some(vec![Account {
            name: "root".to_owned(),
            uid: 0,
            gid: 0,
            home: "/root".to_owned(),
            shell: "/bin/bash".to_owned(),
        }]),
        groups: Some(vec![Group { name: "root".to_owned(), gid: 0, members: Vec::new() }]),
        os_release: BTreeMap::from([("PRETTY_NAME".to_owned(), "Debian GNU/Linux 12 (bookworm)".to_owned())]),
        base: vec![BaseClaim {
            reference: "docker.io/library/debian:12-slim".to_owned(),
            digest: None,
            grade: BaseGrade::Proved,
            layers: Some(1),
            by: "its 1 layer is the lowest layer of this image".to_owned(),
        }],
        scanned: crate::model::ScanLedger::default(),
        inherited: None,
        build: None,
        secrets: vec![secret(Place::File {
            layer: 2,
            path: "app/.env".to_owned(),
            line: Some(3),
            offset: 61,
            view: String::new(),
            hidden_by: Some(3),
            how: Some(How::Deleted),
            supplied: None,
        })],
        packages: None,
        startup: Some(startup()),
        gaps: Vec::new(),
        notes: vec![Note {
            kind: NoteKind::DuplicateEntry,
            layer: Some(1),
            path: Some("etc/hosts".to_owned()),
            detail: "the archive names it twice; the last one counts".to_owned(),
        }],
        derived: crate::model::Derived::default(),
        platform,
    }
}

fn startup() -> Startup {
    let elf = |linkage| Head::Elf(Elf { bits: 64, big_endian: false, machine: 62, kind: 3, linkage });
    let linking = Linking {
        interpreter: Some("/lib64/ld-linux-x86-64.so.2".into()),
        needed: vec!["libc.so.6".into()],
        soname: None,
        rpath: None,
        runpath: Some("$ORIGIN/../lib".into()),
    };
    let program = |path: &str, head| Program { path: path.into(), head };
    Startup {
        programs: vec![
            program("app/run.sh", Head::Script("/bin/sh -e".into())),
            program("usr/bin/far", elf(Linkage::Unseen("its dynamic section lies behind".into()))),
            program("usr/bin/lies", elf(Linkage::Damaged("its interpreter lies outside of the file".into()))),
            program("usr/bin/su", elf(Linkage::Seen(linking))),
        ],
        texts: vec![StartText { path: "app/run.sh".into(), text: "#!/bin/sh -e\nexec app\n".into(), cut: false }],
        open_accounts: vec![OpenAccount { layer: 1, path: "etc/shadow".into(), name: "guest".to_owned(), line: 2 }],
        cut: false,
    }
}

fn origin(line: usize) -> Origin {
    Origin { file: "imgguard.yaml".to_owned(), line }
}

fn result(rule: &'static Rule, line: usize, outcome: Outcome) -> RuleResult {
    RuleResult::plain(Arc::new(Descriptor::from(rule)), rule.level, outcome, origin(line))
}

fn fault(subject: &str, message: &str, seat: Seat, fix: Option<&str>) -> Fault {
    Fault { subject: subject.to_owned(), message: message.to_owned(), seat, fix: fix.map(str::to_owned) }
}

fn in_file(path: &str, layer: u32, line: Option<u32>) -> Seat {
    Seat::File { path: path.to_owned(), layer, line }
}

fn judged(extra: bool) -> ImageReport {
    let mut setuid = vec![
        fault("opt/agent/helper", "mode 6755, owner 0", in_file("opt/agent/helper", 2, None), None),
        fault("usr/bin/su", "mode 4755, owner 0", in_file("usr/bin/su", 0, None), None),
        fault("usr/bin/sudo", "mode 4755, owner 0", in_file("usr/bin/sudo", 1, None), None),
    ];
    if extra {
        setuid.push(fault("usr/bin/ping", "mode 4755, owner 0", in_file("usr/bin/ping", 1, None), None));
    }
    ImageReport {
        results: vec![
            result(&BASE, 14, Outcome::Unknown("the base's date is not known: no list of bases is given".to_owned())),
            result(&SETUID, 31, Outcome::Fail(setuid)),
            result(&HEALTH, 40, Outcome::NotApplicable("no health check".to_owned())),
            result(&COUNT, 33, Outcome::Fail(vec![fault("layers", "4 layers, more than 3", Seat::Image, None)])),
            result(
                &SECRETS,
                35,
                Outcome::Fail(vec![fault(
                    "app/.env",
                    "GitHub token `ghp_…x3 (40)` in `/app/.env`",
                    in_file("app/.env", 2, Some(3)),
                    None,
                )]),
            ),
            result(&SIZE, 9, Outcome::Pass("412 MB of 2 GB".to_owned())),
            result(
                &USER_ROOT,
                18,
                Outcome::Fail(vec![fault(
                    "root",
                    "the image runs as `root` (uid 0)",
                    Seat::Config("/config/User".to_owned()),
                    Some("add `USER 1000` as the last step"),
                )]),
            ),
        ],
    }
}

fn report(images: Vec<ImageFacts>, judged: Vec<ImageReport>, verdict: Verdict) -> Report {
    let mut gaps: Vec<Gap> = images.iter().flat_map(|image| image.gaps.clone()).collect();
    gaps.sort();
    gaps.dedup();
    Report {
        inspection: Inspection { schema: SCHEMA.to_owned(), images, gaps: Vec::new() },
        images: judged,
        gaps,
        policy: "analytics-platform".to_owned(),
        policy_source: "imgguard.yaml".to_owned(),
        policy_digest: digest("policy"),
        verdict,
    }
}

/// Two platforms with two errors, warnings, an undecided rule, a rule without a subject and one that holds.
pub(crate) fn denied() -> Report {
    report(vec![image("linux/amd64"), image("linux/arm64")], vec![judged(false), judged(true)], Verdict::Violations)
}

/// One platform that satisfies a policy of one rule.
pub(crate) fn passed() -> Report {
    // Only the judge can make a pass: it judges by no rule, then the answer of one that holds is added.
    let policy = Policy::of_rules("small", "imgguard.yaml", digest("policy"), Vec::new());
    let mut good = image("linux/amd64");
    good.subject.reference = "registry.example/acme/tool:2.0.0".to_owned();
    good.subject.repository = "registry.example/acme/tool".to_owned();
    good.subject.tag = Some("2.0.0".to_owned());
    let mut report = judge(
        &policy,
        Inspection { schema: SCHEMA.to_owned(), images: vec![good], gaps: Vec::new() },
        &crate::rules::Circumstances::default(),
    );
    let results = vec![result(&SIZE, 9, Outcome::Pass("412 MB of 2 GB".to_owned()))];
    report.images = vec![ImageReport { results }];
    report
}

/// One platform with a layer that could not be read, and nothing bad in the rest.
pub(crate) fn incomplete() -> Report {
    let mut broken = image("linux/amd64");
    let detail = "the blob is 96.4 MB long, 1.2 MB were sent".to_owned();
    broken.gaps.push(Gap { kind: GapKind::LayerDamaged, layer: Some(1), path: None, detail: detail.clone() });
    broken.layers[1].unpacked_size = None;
    broken.notes.clear();
    let results = vec![
        result(&SECRETS, 35, Outcome::Unknown(detail)),
        result(&SIZE, 9, Outcome::Pass("412 MB of 2 GB".to_owned())),
    ];
    report(vec![broken], vec![ImageReport { results }], Verdict::Inconclusive)
}

/// A report without any image: nothing was judged.
pub(crate) fn without_images() -> Report {
    let mut empty = report(Vec::new(), Vec::new(), Verdict::Inconclusive);
    let gap = Gap { kind: GapKind::Child, layer: None, path: None, detail: "no child could be read".to_owned() };
    empty.inspection.gaps.push(gap.clone());
    empty.gaps.push(gap);
    empty
}

/// A report in which every text of the image tries something.
pub(crate) fn hostile() -> Report {
    let bad = "::error::x ##[add-mask]y ##vso[z]\n::stop\r\x1b[31m\u{202e}\u{9b}<script>|`]]>&\u{0}\u{feff}";
    let mut nasty = image("linux/amd64");
    nasty.subject.reference = format!("oci:{bad}");
    nasty.subject.repository = bad.to_owned();
    nasty.subject.tag = Some(bad.to_owned());
    nasty.config.user = bad.to_owned();
    nasty.config.env.push((bad.to_owned(), bad.to_owned()));
    nasty.config.cmd = Some(vec![bad.to_owned()]);
    nasty.config.labels.insert(bad.to_owned(), bad.to_owned());
    nasty.config.exposed_ports.push(bad.to_owned());
    nasty.config.created = Some(bad.to_owned());
    nasty.config.history[6].created_by = format!("USER {bad}");
    nasty.os_release.insert("PRETTY_NAME".to_owned(), bad.to_owned());
    nasty.base[0].reference = bad.to_owned();
    nasty.base[0].by = bad.to_owned();
    for layer in &mut nasty.layers {
        layer.instruction = Some(bad.to_owned());
    }
    for file in &mut nasty.files {
        file.entry.path = format!("{}{bad}", file.entry.path).into();
    }
    for hidden in &mut nasty.hidden {
        hidden.entry.path = format!("{}{bad}", hidden.entry.path).into();
    }
    nasty.gaps.push(Gap {
        kind: GapKind::Document,
        layer: Some(1),
        path: Some(bad.to_owned()),
        detail: bad.to_owned(),
    });
    nasty.notes.push(Note {
        kind: NoteKind::OddWhiteout,
        layer: Some(0),
        path: Some(bad.to_owned()),
        detail: bad.to_owned(),
    });
    let faults = vec![
        fault(bad, bad, in_file(bad, 1, None), Some(bad)),
        fault(bad, bad, Seat::Config(format!("/config/Labels/{bad}")), Some(bad)),
        fault(bad, bad, Seat::History(6), None),
    ];
    let results = vec![
        result(&SETUID, 31, Outcome::Fail(faults.clone())),
        result(&SECRETS, 35, Outcome::Fail(faults)),
        result(&SIZE, 9, Outcome::Unknown(bad.to_owned())),
        result(&BASE, 9, Outcome::NotApplicable(bad.to_owned())),
        result(&COUNT, 9, Outcome::Pass(bad.to_owned())),
    ];
    report(vec![nasty], vec![ImageReport { results }], Verdict::Violations)
}

/// A report with `number` faults of one deny-level rule.
pub(crate) fn many(number: usize) -> Report {
    let faults = (0..number)
        .map(|at| {
            let path = format!("srv/file-{at:05}.key");
            fault(&path, &format!("private key in `/{path}`"), in_file(&path, 2, None), None)
        })
        .collect();
    let results = vec![result(&SECRETS, 35, Outcome::Fail(faults))];
    report(vec![image("linux/amd64")], vec![ImageReport { results }], Verdict::Violations)
}
