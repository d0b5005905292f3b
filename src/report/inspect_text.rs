//! Text of `inspect`: what an engineer wants to see of an image before deciding.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Context;
use super::findings::{kind_name, placed};
use super::layer_diff::{self, Difference};
use super::place::{Places, Role};
use super::sheet::{BOLD, DIM, ERROR, INFO, PLAIN, Sheet, UNKNOWN, WARNING};
use super::summary::{count, grouped};
use crate::model::{
    Attribution, BaseConfig, BaseGrade, Entry, Gap, Healthcheck, How, ImageFacts, Inspection, Kind, Note, Part, Place,
    format_bytes,
};

/// Where the values of the head stand.
const VALUES: usize = 14;

/// Length of the lists of files, secrets, directories and notes, unless everything is asked for.
const LISTED: usize = 10;

/// What is shown beside the overview.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InspectOptions {
    /// Which layers' changes are listed.
    pub tree: Tree,
}

/// Which layers' changes are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tree {
    /// None.
    #[default]
    None,
    /// Those of all layers, by directory.
    All,
    /// Those of this layer (from 0), every path.
    Layer(u32),
}

/// Writes the facts for people.
#[must_use]
pub fn inspect_text(inspection: &Inspection, options: &InspectOptions, context: &Context<'_>) -> String {
    let mut sheet = Sheet::new(context.color, context.width);
    if let Some(first) = inspection.images.first() {
        sheet.put(BOLD, &first.subject.reference).end();
        if let Some(index) = &first.index {
            field(&mut sheet, "index", &index.digest.to_string());
            let platforms: Vec<_> = index.children.iter().map(|child| child.platform.to_string()).collect();
            field(&mut sheet, "platforms", &platforms.join(", "));
        }
    }
    for image in &inspection.images {
        sheet.gap();
        let listed = if context.verbose { usize::MAX } else { LISTED };
        let places = Places::new(image);
        ImageWriter { sheet: &mut sheet, image, tree: options.tree, listed, places }.write();
    }
    gaps(&mut sheet, &inspection.gaps);
    if inspection.images.is_empty() && inspection.gaps.is_empty() {
        sheet.put(UNKNOWN, "no image was seen").end();
    }
    sheet.finish()
}

fn field(sheet: &mut Sheet, name: &str, value: &str) {
    sheet.put(DIM, &format!("  {name}")).tab(VALUES, 1).plain(value).end();
}

fn fields<'a>(sheet: &mut Sheet, name: &str, values: impl Iterator<Item = std::borrow::Cow<'a, str>>) {
    let mut name = name;
    for value in values {
        field(sheet, name, &value);
        name = "";
    }
}

fn gaps(sheet: &mut Sheet, gaps: &[Gap]) {
    for gap in gaps {
        sheet.put(UNKNOWN, "  not seen").tab(VALUES, 1);
        sheet
            .plain(&format!("[{}] {}", kind_name(&gap.kind), placed(gap.layer, gap.path.as_deref(), &gap.detail)))
            .end();
    }
}

/// Per cent with one decimal place.
fn share(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn grade(grade: BaseGrade) -> &'static str {
    match grade {
        BaseGrade::Guessed => "guessed",
        BaseGrade::Claimed => "claimed",
        BaseGrade::Matched => "matched",
        BaseGrade::Proved => "proved",
    }
}

fn hid(how: How) -> &'static str {
    match how {
        How::Deleted => "deleted by",
        How::Overwritten => "overwritten by",
        How::Rewritten => "rewritten by",
        How::Duplicate => "repeated in",
    }
}

fn seconds(nanoseconds: i64) -> String {
    let millis = nanoseconds / 1_000_000;
    if millis % 1000 == 0 { format!("{} s", millis / 1000) } else { format!("{millis} ms") }
}

fn health(check: &Healthcheck) -> String {
    let Healthcheck { test, interval, timeout, start_period, retries } = check;
    let mut parts = Vec::new();
    for (name, value) in [("every", interval), ("timeout", timeout), ("start period", start_period)] {
        if *value != 0 {
            parts.push(format!("{name} {}", seconds(*value)));
        }
    }
    if *retries != 0 {
        parts.push(format!("retries {retries}"));
    }
    let test = match test.as_slice() {
        [kind, command] if kind == "CMD-SHELL" => format!("CMD {command}"),
        [kind, rest @ ..] => format!("{kind} {}", if rest.is_empty() { String::new() } else { list(rest) }),
        [] => "inherited".to_owned(),
    };
    format!("{}  {}", test.trim_end(), parts.join(", ")).trim_end().to_owned()
}

fn list(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", words.join(", "))
}

struct ImageWriter<'a> {
    sheet: &'a mut Sheet,
    image: &'a ImageFacts,
    tree: Tree,
    listed: usize,
    places: Places<'a>,
}

impl ImageWriter<'_> {
    fn write(&mut self) {
        self.head();
        self.config();
        self.layers();
        self.hidden();
        self.biggest();
        self.set_id();
        self.secrets();
        self.trees();
        if !self.image.gaps.is_empty() {
            self.sheet.gap();
        }
        gaps(self.sheet, &self.image.gaps);
        self.notes();
    }

    fn title(&mut self, text: &str) {
        self.sheet.gap();
        self.sheet.plain("  ").put(BOLD, text).end();
    }

    fn head(&mut self) {
        let image = self.image;
        self.sheet.put(BOLD, &image.platform.to_string()).end();
        field(self.sheet, "digest", &image.subject.digest.to_string());
        field(self.sheet, "created", image.config.created.as_deref().unwrap_or("not said"));
        if let Some(name) = image.os_release.get("PRETTY_NAME").or_else(|| image.os_release.get("ID")) {
            field(self.sheet, "system", name);
        }
        let base = image.base.iter().map(|claim| {
            let digest = claim.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
            format!("{}{digest}  {}: {}", claim.reference, grade(claim.grade), claim.by).into()
        });
        if image.base.is_empty() {
            field(self.sheet, "base", "unknown: nothing in the image names it");
        } else {
            fields(self.sheet, "base", base);
        }
        self.inherited();
        let unpacked = image.uncompressed_size().map_or_else(|| "not all seen".to_owned(), format_bytes);
        let stored = format_bytes(image.compressed_size());
        let visible = format_bytes(image.waste.visible);
        field(
            self.sheet,
            "size",
            &format!("{stored} stored, {unpacked} unpacked, {visible} visible in the final tree"),
        );
        let waste = &image.waste;
        let split = [
            (waste.deleted, "deleted"),
            (waste.overwritten, "overwritten"),
            (waste.rewritten, "rewritten with other attributes"),
            (waste.duplicate, "twice in one layer"),
        ];
        let split: Vec<_> = split
            .iter()
            .filter(|(bytes, _)| *bytes > 0)
            .map(|(bytes, word)| format!("{} {word}", format_bytes(*bytes)))
            .collect();
        let total =
            format!("{} ({} of what is shipped)", format_bytes(waste.total()), share(waste.total(), waste.shipped));
        let split = if split.is_empty() { String::new() } else { format!(": {}", split.join(", ")) };
        let nothing = waste.total() == 0;
        field(self.sheet, "waste", &if nothing { "none".to_owned() } else { format!("{total}{split}") });
    }

    /// What the image has from its base, and which of its settings are its own.
    fn inherited(&mut self) {
        let Some(inherited) = &self.image.inherited else { return };
        let config = &self.image.config;
        let (layers, steps) = (self.image.layers.len(), config.history.len());
        let counts =
            format!("{} of {layers} layers, {} of {steps} history entries", inherited.layers, inherited.history.len());
        let short = |pointer: &String| pointer.trim_start_matches("/config/").replace("~1", "/").replace("~0", "~");
        let shared: Vec<String> = inherited.config.iter().map(short).collect();
        field(self.sheet, "from base", &counts);
        let own: Vec<String> = BaseConfig::of(config)
            .shared_with(config)
            .iter()
            .filter(|pointer| inherited.of_config(config, pointer) == Attribution::Own)
            .map(short)
            .collect();
        for (name, values) in [("", shared), ("own", own)] {
            if !values.is_empty() {
                field(self.sheet, name, &values.join(", "));
            }
        }
    }

    /// The user with what the image's own account files make of it.
    fn user(&self) -> String {
        let written = self.image.config.user.as_str();
        let name = written.split(':').next().unwrap_or_default();
        let Some(accounts) = &self.image.accounts else {
            return match name {
                "" => "not set: root (uid 0)".to_owned(),
                name if name.bytes().all(|byte| byte.is_ascii_digit()) => written.to_owned(),
                _ => format!("{written} (no readable /etc/passwd)"),
            };
        };
        if name.is_empty() {
            return "not set: root (uid 0)".to_owned();
        }
        if let Ok(uid) = name.parse::<u32>() {
            let account = accounts.iter().find(|account| account.uid == uid);
            return account.map_or_else(
                || format!("{written} (not in /etc/passwd)"),
                |account| format!("{written} ({}, home {})", account.name, account.home),
            );
        }
        accounts.iter().find(|account| account.name == name).map_or_else(
            || format!("{written} (not in /etc/passwd: the container cannot start)"),
            |account| format!("{written} (uid {}, gid {}, home {})", account.uid, account.gid, account.home),
        )
    }

    fn config(&mut self) {
        let config = &self.image.config;
        let places = || self.image.secrets.iter().flat_map(|secret| &secret.places);
        let secret_env: BTreeSet<&str> = places()
            .filter_map(|place| if let Place::Env { name } = place { Some(name.as_str()) } else { None })
            .collect();
        let secret_label: BTreeSet<&str> = places()
            .filter_map(|place| if let Place::Label { name } = place { Some(name.as_str()) } else { None })
            .collect();
        let secret_field =
            |field: &str| places().any(|place| matches!(place, Place::Config { pointer } if pointer.contains(field)));
        let veil = "… (holds a secret)";
        field(self.sheet, "user", &self.user());
        for (name, words, key) in [("entrypoint", &config.entrypoint, "Entrypoint"), ("cmd", &config.cmd, "Cmd")] {
            if let Some(words) = words {
                let value = if secret_field(key) { veil.to_owned() } else { list(words) };
                field(self.sheet, name, &value);
            }
        }
        if config.entrypoint.is_none() && config.cmd.is_none() {
            field(self.sheet, "cmd", "none: the image has no command");
        }
        if !config.working_dir.is_empty() {
            field(self.sheet, "workdir", &config.working_dir);
        }
        let value = |known: &BTreeSet<&str>, name: &str, value: &str| {
            format!("{name}={}", if known.contains(name) { veil } else { value }).into()
        };
        fields(self.sheet, "env", config.env.iter().map(|(name, text)| value(&secret_env, name, text)));
        if !config.exposed_ports.is_empty() {
            field(self.sheet, "ports", &config.exposed_ports.join(", "));
        }
        if !config.volumes.is_empty() {
            field(self.sheet, "volumes", &config.volumes.join(", "));
        }
        fields(self.sheet, "labels", config.labels.iter().map(|(name, text)| value(&secret_label, name, text)));
        let check = config.healthcheck.as_ref().map_or_else(|| "none".to_owned(), health);
        field(self.sheet, "healthcheck", if secret_field("Healthcheck") { veil } else { &check });
    }

    fn layers(&mut self) {
        self.title(&count(self.image.layers.len(), "layer"));
        if self.image.layers.is_empty() {
            return;
        }
        let header = format!("  {:>3}  {:>8}  {:>8}  {:>9}  {:>8}  ", "#", "stored", "unpacked", "entries", "hidden");
        self.sheet.put(DIM, &header).put(DIM, "instruction").end();
        for (at, layer) in self.image.layers.iter().enumerate() {
            let unpacked = layer.unpacked_size.map_or_else(|| "?".to_owned(), format_bytes);
            let hidden = if layer.hidden_bytes == 0 { "–".to_owned() } else { format_bytes(layer.hidden_bytes) };
            let numbers = format!(
                "  {at:>3}  {:>8}  {unpacked:>8}  {:>9}  {hidden:>8}  ",
                format_bytes(layer.size),
                if layer.unpacked_size.is_some() { grouped(&layer.entries) } else { "?".to_owned() },
            );
            let style = if layer.unpacked_size.is_none() { UNKNOWN } else { PLAIN };
            self.sheet.put(style, &numbers);
            let step = u32::try_from(at).ok().map(|at| self.places.layer(Role::Wrote, at));
            if let Some(step) = step {
                if step.base {
                    self.sheet.put(INFO, "(base)").plain(" ");
                }
                self.sheet.fit(PLAIN, step.instruction.as_deref().unwrap_or("–"));
            }
            self.sheet.end();
        }
    }

    fn entry(&mut self, entry: &Entry, rest: &str) {
        self.sheet.plain(&format!("  {:>8}  ", format_bytes(entry.size)));
        self.sheet.plain(&format!("/{}", entry.path)).put(DIM, &format!("  {rest}")).end();
    }

    fn hidden(&mut self) {
        let mut hidden: Vec<_> = self.image.hidden.iter().filter(|hidden| hidden.entry.size > 0).collect();
        if hidden.is_empty() {
            return;
        }
        hidden.sort_by_key(|hidden| (Reverse(hidden.entry.size), &hidden.entry.path, hidden.layer));
        self.title("largest hidden files: shipped, yet not in the final tree");
        for one in hidden.iter().take(self.listed) {
            let rest = format!("layer {}, {} layer {}", one.layer, hid(one.how), one.by);
            self.entry(&one.entry, &rest);
        }
        self.more(hidden.len());
    }

    fn biggest(&mut self) {
        let mut files: Vec<_> = self.image.files.iter().filter(|file| file.entry.kind == Kind::File).collect();
        if files.is_empty() {
            return;
        }
        files.sort_by_key(|file| (Reverse(file.entry.size), &file.entry.path));
        self.title("largest files");
        for file in files.iter().take(self.listed) {
            self.entry(&file.entry, &format!("layer {}", file.changed));
        }
        self.more(files.len());
    }

    fn set_id(&mut self) {
        let of_kind = |entry: &Entry| entry.is_file() && entry.mode & 0o6000 != 0;
        let files: Vec<_> = self.image.files.iter().filter(|file| of_kind(&file.entry)).collect();
        if files.is_empty() {
            return;
        }
        self.title("set-user-ID and set-group-ID files");
        for file in files.iter().take(self.listed) {
            let Entry { mode, uid, gid, path, .. } = &file.entry;
            self.sheet.put(WARNING, &format!("  {mode:>8o}  ")).plain(&format!("/{path}"));
            self.sheet.put(DIM, &format!("  owner {uid}:{gid}, layer {}", file.changed)).end();
        }
        self.more(files.len());
    }

    fn secrets(&mut self) {
        let secrets = &self.image.secrets;
        if secrets.is_empty() {
            return;
        }
        self.title(&count(secrets.len(), "secret"));
        for secret in secrets.iter().take(self.listed) {
            self.sheet.plain("  ").put(ERROR, &secret.what).plain(&format!(" {}", secret.redacted));
            self.sheet.put(DIM, &format!("  {}", kind_name(&secret.grade))).end();
            for place in secret.places.iter().take(3) {
                self.sheet.plain("    ").plain(&secret_place(place)).end();
            }
            if secret.places.len() > 3 {
                self.sheet.put(DIM, &format!("    and {} more places", grouped(&(secret.places.len() - 3)))).end();
            }
        }
        self.more(secrets.len());
    }

    fn more(&mut self, number: usize) {
        if number > self.listed {
            let more = grouped(&(number - self.listed));
            self.sheet.put(DIM, &format!("            and {more} more")).end();
        }
    }

    fn trees(&mut self) {
        match self.tree {
            Tree::None => {}
            Tree::Layer(layer) => self.tree(layer, true),
            Tree::All => {
                for at in 0..self.image.layers.len() {
                    if let Ok(at) = u32::try_from(at) {
                        self.tree(at, false);
                    }
                }
            }
        }
    }

    fn tree(&mut self, layer: u32, whole: bool) {
        let image = self.image;
        let of = usize::try_from(layer).ok().and_then(|at| image.layers.get(at));
        let Some(of) = of else {
            self.title(&format!("layer {layer}: there is none, the image has {}", count(image.layers.len(), "layer")));
            return;
        };
        let instruction = self.places.layer(Role::Wrote, layer).instruction.unwrap_or_default();
        self.sheet.gap();
        self.sheet.plain("  ").put(BOLD, &format!("layer {layer}")).plain("  ").fit(DIM, &instruction).end();
        if of.unpacked_size.is_none() {
            self.sheet.put(UNKNOWN, "  its content was not seen").end();
            return;
        }
        let differences = layer_diff::of_layer(image, layer);
        if differences.is_empty() {
            self.sheet.put(DIM, "  no path added, changed or removed").end();
        } else if whole {
            self.paths(&differences);
        } else {
            let directories = layer_diff::by_directory(&differences);
            for one in directories.iter().take(self.listed) {
                let size = format_bytes(one.bytes);
                self.sheet.plain(&format!("  {} {size:>8}  /{}", one.change.sign(), one.path));
                self.sheet.put(DIM, &format!("  {}", count(one.files, "path"))).end();
            }
            self.more(directories.len());
        }
    }

    fn paths(&mut self, differences: &[Difference<'_>]) {
        for one in differences {
            let size = if one.entry.is_file() { format_bytes(one.entry.size) } else { kind_name(&one.entry.kind) };
            self.sheet.plain(&format!("  {} {size:>9}  /{}", one.change.sign(), one.entry.path));
            if let Some(link) = one.entry.link.as_ref().filter(|_| one.entry.kind == Kind::Symlink) {
                self.sheet.put(DIM, &format!(" -> {link}"));
            }
            if let Some(by) = one.hidden_by {
                self.sheet.put(WARNING, &format!("  hidden by layer {by}"));
            }
            self.sheet.end();
        }
    }

    fn notes(&mut self) {
        let notes = &self.image.notes;
        if notes.is_empty() {
            return;
        }
        self.title(&count(notes.len(), "note"));
        for Note { kind, layer, path, detail } in notes.iter().take(self.listed) {
            let text = format!("  [{}] {}", kind_name(kind), placed(*layer, path.as_deref(), detail));
            self.sheet.plain(&text).end();
        }
        self.more(notes.len());
    }
}

/// A place of a secret in one line.
pub(super) fn secret_place(place: &Place) -> String {
    match place {
        Place::File { layer, path, line, offset: _, view, hidden_by, how: _, supplied } => {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            let hidden = hidden_by.map(|by| format!(", hidden by layer {by}")).unwrap_or_default();
            let supplied = supplied.as_ref().map(|by| format!(", as supplied by {by}")).unwrap_or_default();
            format!("/{path}{view}{line}  layer {layer}{hidden}{supplied}")
        }
        Place::Path { path, line, offset: _, view } => {
            format!("{path}{view}{}", line.map(|line| format!(":{line}")).unwrap_or_default())
        }
        Place::Document { document, digest, pointer } => {
            format!("{} {} {pointer}", kind_name(document), digest.short())
        }
        Place::Member { layer, path, part } => {
            let part = match part {
                Part::Name => "name".to_owned(),
                Part::Link => "link target".to_owned(),
                Part::Owner => "owner".to_owned(),
                Part::Attribute(name) => format!("attribute {name}"),
                Part::Record(key) => format!("archive record {key}"),
            };
            format!("{part} of /{path}  layer {layer}")
        }
        Place::Slack { layer, slack, path, offset } => {
            let after = path.as_ref().map(|path| format!(" after /{path}")).unwrap_or_default();
            format!("unused bytes ({}){after} at byte {offset}  layer {layer}", kind_name(slack))
        }
        Place::Env { name } => format!("environment variable {name}"),
        Place::Label { name } => format!("label {name}"),
        Place::History { index } => format!("history[{index}]"),
        Place::Config { pointer } => format!("config {pointer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{escape, sample};

    fn inspection(platforms: &[&str]) -> Inspection {
        let images = platforms.iter().map(|platform| sample::image(platform)).collect();
        Inspection { schema: crate::model::SCHEMA.to_owned(), images, gaps: Vec::new() }
    }

    fn shown(inspection: &Inspection, tree: Tree) -> String {
        inspect_text(inspection, &InspectOptions { tree }, &sample::context())
    }

    #[test]
    fn an_image_at_a_glance() {
        insta::assert_snapshot!(shown(&inspection(&["linux/amd64"]), Tree::None), @r#"
        registry.example/acme/app:1.4.2
          index       sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
          platforms   linux/amd64, linux/arm64

        linux/amd64
          digest      sha256:baf0239e48ff4c47ebac3ba02b5cf1506b69cd5a0c0d0c825a53ba65976fb942
          created     2026-11-01T10:00:00Z
          system      Debian GNU/Linux 12 (bookworm)
          base        docker.io/library/debian:12-slim  proved: its 1 layer is the lowest layer of this image
          size        147 MB stored, 368 MB unpacked, 290 MB visible in the final tree
          waste       41 MB (12.3 % of what is shipped): 41 MB deleted, 1.18 kB overwritten
          user        root (uid 0, gid 0, home /root)
          entrypoint  ["tini", "--"]
          cmd         ["streamlit", "run", "/app/main.py"]
          workdir     /app
          env         PATH=/usr/local/bin:/usr/bin:/bin
                      DEBUG=1
          ports       8501/tcp
          volumes     /app/data
          labels      org.opencontainers.image.version=1.4.2
          healthcheck CMD curl -f http://localhost:8501/_stcore/health  every 30 s, timeout 5 s, retries 3

          4 layers
            #    stored  unpacked    entries    hidden  instruction
            0   29.1 MB   72.7 MB      1,456         –  (base) ADD file:8d33 in /
            1   96.4 MB    241 MB      4,821     41 MB  RUN apt-get update && apt-get i…
            2     22 MB     55 MB      1,101     120 B  COPY . /app
            3     310 B     775 B          1         –  RUN rm -rf /app/.env /var/lib/a…

          largest hidden files: shipped, yet not in the final tree
             41 MB  /var/lib/apt/lists/mirror.example_main_Packages  layer 1, deleted by layer 3
           1.18 kB  /etc/passwd  layer 0, overwritten by layer 1
             120 B  /app/.env  layer 2, deleted by layer 3

          largest files
             48 MB  /app/model.bin  layer 2
           2.40 MB  /opt/agent/helper  layer 2
            281 kB  /usr/bin/sudo  layer 1
             72 kB  /usr/bin/su  layer 0
           18.2 kB  /app/main.py  layer 2
           1.24 kB  /etc/passwd  layer 1

          set-user-ID and set-group-ID files
              6755  /opt/agent/helper  owner 0:0, layer 2
              4755  /usr/bin/su  owner 0:0, layer 0
              4755  /usr/bin/sudo  owner 0:0, layer 1

          1 secret
          GitHub token ghp_…x3 (40)  proven
            /app/.env:3  layer 2, hidden by layer 3

          1 note
          [duplicate-entry] layer 1 /etc/hosts: the archive names it twice; the last one counts
        "#);
    }

    #[test]
    fn a_layer_lists_every_path() {
        let text = shown(&inspection(&["linux/amd64"]), Tree::Layer(2));
        let (_, tree) = text.split_once("\n  layer 2  ").expect("a tree");
        insta::assert_snapshot!(tree, @r#"
        COPY . /app
          +     120 B  /app/.env  hidden by layer 3
          +   18.2 kB  /app/main.py
          +     48 MB  /app/model.bin
          +   2.40 MB  /opt/agent/helper

          1 note
          [duplicate-entry] layer 1 /etc/hosts: the archive names it twice; the last one counts
        "#);
        assert!(shown(&inspection(&["linux/amd64"]), Tree::Layer(9)).contains("layer 9: there is none"));
    }

    #[test]
    fn all_layers_list_their_directories() {
        let text = shown(&inspection(&["linux/amd64"]), Tree::All);
        let (_, tree) = text.split_once("\n  layer 0  ").expect("a tree");
        insta::assert_snapshot!(tree, @r#"
        ADD file:8d33 in /
          +    72 kB  /usr/bin/  1 path
          +  1.18 kB  /etc/  1 path
          +      0 B  /lib  1 path

          layer 1  RUN apt-get update && apt-get install -y gcc sudo
          +    41 MB  /var/lib/  1 path
          +   281 kB  /usr/bin/  1 path
          ~  1.24 kB  /etc/  1 path

          layer 2  COPY . /app
          +  48.0 MB  /app/  3 paths
          +  2.40 MB  /opt/agent/  1 path

          layer 3  RUN rm -rf /app/.env /var/lib/apt/lists/*
          -    41 MB  /var/lib/  1 path
          -    120 B  /app/  1 path

          1 note
          [duplicate-entry] layer 1 /etc/hosts: the archive names it twice; the last one counts
        "#);
    }

    #[test]
    fn what_was_not_seen_is_never_a_number() {
        let report = sample::incomplete();
        let text = shown(&report.inspection, Tree::Layer(1));
        assert!(text.contains("not all seen unpacked"), "{text}");
        assert!(text.contains("    1   96.4 MB         ?          ?"), "{text}");
        assert!(text.contains("not seen    [layer-damaged] layer 1: the blob is"), "{text}");
        assert!(text.contains("its content was not seen"), "{text}");
        assert!(shown(&inspection(&[]), Tree::None).contains("no image was seen"));
        assert!(shown(&sample::without_images().inspection, Tree::None).contains("no child could be read"));
    }

    #[test]
    fn values_that_are_secrets_are_not_shown() {
        let mut inspection = inspection(&["linux/amd64"]);
        let image = &mut inspection.images[0];
        image.config.env.push(("TOKEN".to_owned(), "hunter2".to_owned()));
        image.config.labels.insert("key".to_owned(), "hunter2".to_owned());
        image.config.cmd = Some(vec!["run".to_owned(), "hunter2".to_owned()]);
        image.layers[3].instruction = Some("RUN login hunter2".to_owned());
        image.secrets = vec![
            sample::secret(Place::Env { name: "TOKEN".to_owned() }),
            sample::secret(Place::Label { name: "key".to_owned() }),
            sample::secret(Place::Config { pointer: "/config/Cmd/1".to_owned() }),
            sample::secret(Place::History { index: 4 }),
        ];
        let text = shown(&inspection, Tree::All);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("TOKEN=… (holds a secret)"), "{text}");
    }

    #[test]
    fn the_user_is_resolved_by_the_images_own_accounts() {
        let told = |user: &str, accounts: bool| {
            let mut inspection = inspection(&["linux/amd64"]);
            inspection.images[0].config.user = user.to_owned();
            if !accounts {
                inspection.images[0].accounts = None;
            }
            let text = shown(&inspection, Tree::None);
            let line = text.lines().find(|line| line.starts_with("  user ")).expect("a user");
            line.trim_start_matches("  user").trim_start().to_owned()
        };
        assert_eq!(told("", true), "not set: root (uid 0)");
        assert_eq!(told("0:0", true), "0:0 (root, home /root)");
        assert_eq!(told("1000", true), "1000 (not in /etc/passwd)");
        assert_eq!(told("app", true), "app (not in /etc/passwd: the container cannot start)");
        assert_eq!(told("app", false), "app (no readable /etc/passwd)");
    }

    #[test]
    fn an_image_cannot_control_the_terminal() {
        let report = sample::hostile();
        for tree in [Tree::None, Tree::All, Tree::Layer(2)] {
            let text = shown(&report.inspection, tree);
            assert!(text.chars().all(|letter| letter == '\n' || !escape::is_dangerous(letter)), "{text}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
        }
        let json = super::super::inspect_json(&report.inspection);
        assert!(json.chars().all(|letter| letter == '\n' || !escape::is_dangerous(letter)), "{json}");
    }
}
