//! From a command to the answer whether it starts: search, permissions, first line, machine, loader, and what it starts in
//! turn.

use std::cell::Cell;

use crate::model::{Head, ImageFacts, Kind as FileKind, basename};
use crate::rules::words::code;

use super::elf::{Fit, fit};
use super::filesystem::{Access, FileSystem, Nowhere, Place};
use super::identity::{self, NoOne, Who};
use super::loader::{Loader, Unlinked};
use super::report::{Finding, Report, Topic};
use super::shebang::{self, Shebang};
use super::shell::{self, Word};
use super::wrapper::{self, Inner, Kind};

/// What runtimes search when the config has no PATH.
pub(in crate::rules) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most commands that are looked at for one image and rule.
const MAX_STEPS: u32 = 20_000;
/// Deepest chain of programs that start each other.
const MAX_DEPTH: u32 = 12;
/// Scripts whose interpreter is a script, as in the kernel.
const MAX_INTERPRETERS: u32 = 5;
/// Most folders of PATH.
const MAX_PATH_ENTRIES: usize = 256;

/// Who starts a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Start {
    /// The kernel, asked directly: a file without `#!` is refused.
    Kernel,
    /// A shell or `execvp`: such a file is run by `sh`.
    Shell,
}

/// Under which conditions a command is started.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Setting {
    /// `PATH`.
    pub path: String,
    /// Why `path` may not be what it will be.
    pub path_unclear: Option<String>,
    /// The working directory; none when it is not known.
    pub cwd: Option<String>,
    /// `LD_LIBRARY_PATH`.
    pub library_path: Option<String>,
    /// The ids; none when they are not known: permissions are then not checked.
    pub who: Option<Who>,
    pub start: Start,
    /// It is reached whatever happens.
    pub certain: bool,
    /// The text it stands in is a file of the image, not the config.
    pub in_file: bool,
    /// Something that ran before may have brought the program.
    pub changed: Option<String>,
    pub via: Vec<String>,
    /// Path and line of the script that it stands in.
    pub at: Option<(String, u32)>,
    pub depth: u32,
}

impl Setting {
    /// As the runtime starts the image's own command.
    pub fn of_image(image: &ImageFacts) -> Self {
        let path = image.config.env_value("PATH").filter(|path| !path.is_empty());
        let cwd = if image.config.working_dir.is_empty() { "/" } else { &image.config.working_dir };
        Self {
            path: path.unwrap_or(DEFAULT_PATH).to_owned(),
            path_unclear: None,
            cwd: Some(format!("/{}", cwd.trim_start_matches('/'))),
            library_path: image.config.env_value("LD_LIBRARY_PATH").map(str::to_owned),
            who: identity::of_image(image).ok(),
            start: Start::Kernel,
            certain: true,
            in_file: false,
            changed: None,
            via: Vec::new(),
            at: None,
            depth: 0,
        }
    }
}

/// What became of a command, as far as the shell goes on because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Fate {
    /// It starts; how it ends is not known.
    Starts,
    /// It surely ends with an error.
    Fails,
    /// It surely ends well.
    Succeeds,
    /// Nothing is known.
    Open,
}

enum Trouble {
    Fails(String),
    Unknown(String),
}

/// A script that a shell reads: its path, and whether `sh` or something like it does.
struct Started {
    shell: bool,
}

/// Resolves the commands of one image.
pub(in crate::rules) struct Resolver<'a> {
    pub files: FileSystem<'a>,
    pub image: &'a ImageFacts,
    steps: Cell<u32>,
}

impl<'a> Resolver<'a> {
    /// A resolver for one image.
    pub fn new(image: &'a ImageFacts) -> Self {
        Self { files: FileSystem::mounted(image), image, steps: Cell::new(0) }
    }

    /// One more command; false when there were too many.
    pub fn step(&self) -> bool {
        self.steps.set(self.steps.get().saturating_add(1));
        self.steps.get() <= MAX_STEPS
    }

    /// Resolves a command with its words.
    pub fn run(&self, words: &[Word], setting: &Setting, report: &mut Report) -> Fate {
        let Some(first) = words.first() else { return Fate::Succeeds };
        if !self.step() || setting.depth > MAX_DEPTH {
            tell(setting, report, "more commands start each other than are followed".to_owned());
            return Fate::Open;
        }
        let Some(name) = first.literal() else {
            tell(setting, report, format!("{} is only known when it runs", code(&first.text)));
            return Fate::Open;
        };
        let started = self.locate(name, setting).and_then(|place| {
            let started = self.start(&place, setting, 0)?;
            Ok((place, started))
        });
        let (place, started) = match started {
            Ok(found) => found,
            Err(Trouble::Unknown(why)) => {
                tell(setting, report, format!("{}: {why}", code(name)));
                return Fate::Open;
            }
            Err(Trouble::Fails(why)) => {
                if let Some(by) = &setting.changed {
                    let by = code(by);
                    tell(setting, report, format!("{}: it is not in the image, but {by} runs before it", code(name)));
                    return Fate::Open;
                }
                let finding = Finding {
                    topic: Topic::Command,
                    runs: name.to_owned(),
                    why,
                    via: setting.via.clone(),
                    at: setting.at.clone(),
                };
                blame(setting, report, finding);
                return Fate::Fails;
            }
        };
        report.resolved.push(format!("/{}", place.path));
        report.names.push(basename(name).to_owned());
        if is_init(basename(name)) {
            report.inits.push(basename(name).to_owned());
        }
        self.through(words, basename(name), &place, &started, setting, report)
    }

    /// What a program starts in turn.
    fn through(
        &self,
        words: &[Word],
        name: &str,
        place: &Place<'_>,
        started: &Started,
        setting: &Setting,
        report: &mut Report,
    ) -> Fate {
        let inside = Setting { depth: setting.depth + 1, ..setting.clone() };
        if started.shell {
            return self.file(&place.path, words.get(1..).unwrap_or_default(), &inside, report);
        }
        if wrapper::is_shell(name) {
            return self.shell(words, inside, report);
        }
        if name == "busybox" && words.get(1).is_some_and(|applet| wrapper::is_shell(&applet.text)) {
            return self.shell(words.get(1..).unwrap_or_default(), inside, report);
        }
        if name == "su" || name == "runuser" {
            return self.su(words, inside, report);
        }
        let Some(wrapper) = wrapper::find(name) else { return Fate::Starts };
        let inner = match wrapper.inner(words) {
            Ok(inner) => inner,
            Err(why) => {
                tell(setting, report, format!("{}: {why}", code(name)));
                return Fate::Open;
            }
        };
        self.inner(words, inner, wrapper.kind, inside, report)
    }

    fn inner(&self, words: &[Word], inner: Inner, kind: Kind, mut setting: Setting, report: &mut Report) -> Fate {
        // `env`, `nice` and the like use execvp; inits written in C too.
        setting.start = Start::Shell;
        let Inner { command, user, assignments, chdir } = inner;
        if let Some(user) = user {
            self.switch(&user, words, &mut setting, report);
        } else if matches!(kind, Kind::UserOption(_)) && words.first().is_some_and(|word| word.text.ends_with("sudo")) {
            setting.who = Some(Who::root());
        }
        for assignment in &assignments {
            assign(assignment, &mut setting);
        }
        if let Some(folder) = chdir {
            setting.cwd = folder.literal().filter(|folder| folder.starts_with('/')).map(str::to_owned);
        }
        self.run(&command, &setting, report)
    }

    /// Switches to a user; an account that does not exist is a finding.
    fn switch(&self, user: &Word, words: &[Word], setting: &mut Setting, report: &mut Report) {
        setting.who = None;
        let Some(name) = user.literal() else { return };
        match identity::of(self.image, name) {
            Ok(who) => setting.who = Some(who),
            Err(NoOne::Unseen(why)) => tell(setting, report, format!("user {}: {why}", code(name))),
            Err(NoOne::Missing(_)) if setting.changed.is_some() => {}
            Err(NoOne::Missing(why)) => {
                let runs: Vec<&str> = words.iter().take(3).map(|word| word.text.as_str()).collect();
                let why = identity::trouble(name, &why);
                let finding = Finding {
                    topic: Topic::User,
                    runs: runs.join(" "),
                    why,
                    via: setting.via.clone(),
                    at: setting.at.clone(),
                };
                blame(setting, report, finding);
            }
        }
    }

    fn su(&self, words: &[Word], mut setting: Setting, report: &mut Report) -> Fate {
        let su = wrapper::su(words);
        self.switch(&su.user.unwrap_or_else(|| Word::plain("root")), words, &mut setting, report);
        setting.start = Start::Shell;
        if su.login {
            login(&mut setting);
        }
        match su.text {
            Some(text) => self.text_word(&text, &[], &setting, report),
            None => self.run(&su.command, &setting, report),
        }
    }

    fn shell(&self, words: &[Word], mut setting: Setting, report: &mut Report) -> Fate {
        match wrapper::shell(words) {
            wrapper::Shell::Input => Fate::Starts,
            wrapper::Shell::Text { text, arguments, login: as_login } => {
                if as_login {
                    login(&mut setting);
                }
                self.text_word(&text, &arguments, &setting, report)
            }
            wrapper::Shell::File { path, arguments } => {
                let Some(name) = path.literal() else { return Fate::Open };
                let Some(cwd) = &setting.cwd else { return Fate::Open };
                let place = match self.files.look(name, cwd, setting.who.as_ref()) {
                    Err(Nowhere::Missing(_)) if !name.contains('/') => match self.locate(name, &setting) {
                        Ok(place) => Ok(place),
                        Err(_) => self.files.look(name, cwd, setting.who.as_ref()),
                    },
                    looked => looked,
                };
                let shell = words.first().map(|word| word.text.clone()).unwrap_or_default();
                let who = setting.who.clone().unwrap_or_else(Who::root);
                let why = match place {
                    Ok(place) if place.allows(&who, Access::Read) => {
                        report.resolved.push(format!("/{}", place.path));
                        return self.file(&place.path, &arguments, &setting, report);
                    }
                    Ok(place) => format!("which {} may not read", who.words()) + &mode(&place),
                    Err(Nowhere::Unknown(why)) => {
                        tell(&setting, report, format!("{}: {why}", code(name)));
                        return Fate::Open;
                    }
                    Err(_) if setting.changed.is_some() => return Fate::Open,
                    Err(nowhere) => format!("which is not in the image: {}", nowhere.words(&who)),
                };
                let runs = format!("{shell} {name}");
                blame(
                    &setting,
                    report,
                    Finding { topic: Topic::Command, runs, why, via: setting.via.clone(), at: setting.at.clone() },
                );
                Fate::Fails
            }
        }
    }

    fn text_word(&self, text: &Word, arguments: &[Word], setting: &Setting, report: &mut Report) -> Fate {
        if let Some(text) = text.literal() {
            return shell::walk(self, text, None, Some(arguments.to_vec()), setting, report);
        }
        tell(setting, report, format!("the shell text {} is only known when it runs", code(&text.text)));
        Fate::Open
    }

    /// A script of the image that a shell reads.
    pub fn file(&self, path: &str, arguments: &[Word], setting: &Setting, report: &mut Report) -> Fate {
        let Some(text) = self.image.startup.as_ref().and_then(|startup| startup.text(path)) else {
            return Fate::Starts;
        };
        if text.cut {
            let shown = code(format!("/{path}"));
            report.open.push(format!("{shown} is longer than the {} bytes that are kept of it", text.text.len()));
        }
        let setting = Setting { in_file: true, ..setting.clone() };
        shell::walk(self, text.whole_lines(), Some(path), Some(arguments.to_vec()), &setting, report)
    }

    /// Searches a command.
    fn locate(&self, name: &str, setting: &Setting) -> Result<Place<'a>, Trouble> {
        if name.is_empty() {
            return Err(Trouble::Fails("which is no name".to_owned()));
        }
        let who = setting.who.clone().unwrap_or_else(Who::root);
        if name.contains('/') {
            let base = match &setting.cwd {
                Some(cwd) => cwd,
                None if name.starts_with('/') => "/",
                None => return Err(Trouble::Unknown("its folder is only known when it runs".to_owned())),
            };
            return match self.files.look(name, base, setting.who.as_ref()) {
                Ok(place) if place.is_directory() => Err(Trouble::Fails("which is a directory".to_owned())),
                Ok(place) => Ok(place),
                Err(Nowhere::Unknown(why)) => Err(Trouble::Unknown(why)),
                Err(nowhere @ Nowhere::Missing(_)) => {
                    let near = self.near(basename(name));
                    Err(Trouble::Fails(format!("which is not in the image: {}{near}", nowhere.words(&who))))
                }
                Err(nowhere) => Err(Trouble::Fails(format!("which cannot be reached: {}", nowhere.words(&who)))),
            };
        }
        let (mut refused, mut unclear) = (None, setting.path_unclear.clone());
        for folder in setting.path.split(':').take(MAX_PATH_ENTRIES) {
            let folder = if folder.is_empty() { "." } else { folder };
            let path = format!("{folder}/{name}");
            let Some(base) = setting.cwd.as_deref().or(folder.starts_with('/').then_some("/")) else {
                unclear
                    .get_or_insert_with(|| format!("the folder {} of PATH is only known when it runs", code(folder)));
                continue;
            };
            match self.files.look(&path, base, setting.who.as_ref()) {
                Ok(place) if place.is_directory() => {}
                Ok(place) if place.allows(&who, Access::Execute) => return Ok(place),
                Ok(place) => {
                    refused.get_or_insert_with(|| {
                        format!(
                            "which {} may not execute: {}{}",
                            who.words(),
                            code(format!("/{}", place.path)),
                            mode(&place)
                        )
                    });
                }
                Err(Nowhere::Unknown(why)) => {
                    unclear.get_or_insert(why);
                }
                Err(Nowhere::Loop) => {
                    unclear
                        .get_or_insert_with(|| format!("symbolic links of {} in PATH lead in circles", code(folder)));
                }
                Err(denied @ Nowhere::Denied(_)) => {
                    refused.get_or_insert_with(|| format!("which is not found: {}", denied.words(&who)));
                }
                Err(_) => {}
            }
        }
        if let Some(why) = unclear {
            return Err(Trouble::Unknown(format!("it is not in the image, but {why}")));
        }
        let near = self.near(name);
        Err(Trouble::Fails(match refused {
            Some(refused) => format!("{refused}; searched {}", code(format!("PATH={}", setting.path))),
            None => format!(
                "which is not in the image: searched {} ({} files), no match{near}",
                code(format!("PATH={}", setting.path)),
                self.files.count()
            ),
        }))
    }

    /// Why the script at this place does not start; none when it does or cannot be told.
    pub fn broken_script(&self, place: &Place<'a>, setting: &Setting) -> Option<String> {
        match self.start(place, setting, 0) {
            Err(Trouble::Fails(why)) => Some(why),
            Err(Trouble::Unknown(_)) | Ok(_) => None,
        }
    }

    fn near(&self, name: &str) -> String {
        self.files.nearest(name).map_or_else(String::new, |near| format!("; {near}"))
    }

    /// Whether the kernel starts the file.
    fn start(&self, place: &Place<'a>, setting: &Setting, nesting: u32) -> Result<Started, Trouble> {
        let Some(file) = place.file.filter(|file| file.entry.is_file()) else {
            let kind = place.file.map_or(FileKind::Directory, |file| file.entry.kind);
            return Err(Trouble::Fails(format!("which is no regular file but a {}", kind_name(kind))));
        };
        let who = setting.who.clone().unwrap_or_else(Who::root);
        if !place.allows(&who, Access::Execute) {
            return Err(Trouble::Fails(format!(
                "which {} may not execute: {}{}",
                who.words(),
                code(format!("/{}", place.path)),
                mode(place)
            )));
        }
        let Some(startup) = &self.image.startup else {
            return Err(Trouble::Unknown("these facts were saved before programs were looked at".to_owned()));
        };
        match startup.head(&place.path) {
            Some(Head::Elf(elf)) => {
                match fit(&self.image.platform, elf) {
                    Fit::Runs => {}
                    Fit::Perhaps(why) => return Err(Trouble::Unknown(why)),
                    Fit::Unknown => {
                        let platform = code(self.image.platform.to_string());
                        return Err(Trouble::Unknown(format!("programs for {platform} are not known")));
                    }
                    Fit::Foreign(of) => {
                        return Err(Trouble::Fails(format!(
                            "which is for {}, and the image is for {}: the kernel refuses it (`exec format error`)",
                            code(of),
                            code(self.image.platform.to_string())
                        )));
                    }
                }
                if elf.kind != 2 && elf.kind != 3 && elf.bits != 0 {
                    return Err(Trouble::Fails(format!("which is an ELF file of type `{}`, no program", elf.kind)));
                }
                let loader = Loader {
                    files: &self.files,
                    who: setting.who.as_ref(),
                    library_path: setting.library_path.as_deref(),
                    cwd: setting.cwd.as_deref().unwrap_or("/"),
                };
                match loader.check(&place.path, elf) {
                    Ok(()) => Ok(Started { shell: false }),
                    Err(Unlinked::Fails(why)) => Err(Trouble::Fails(why)),
                    Err(Unlinked::Unknown(why)) => Err(Trouble::Unknown(why)),
                }
            }
            Some(Head::Script(line)) => {
                if !place.allows(&who, Access::Read) {
                    let why = format!(
                        "which {} may execute but not read, as its interpreter must{}",
                        who.words(),
                        mode(place)
                    );
                    return Err(Trouble::Fails(why));
                }
                self.script(line, setting, nesting)
            }
            None if startup.cut => Err(Trouble::Unknown("not all programs of its layer were looked at".to_owned())),
            None if file.entry.sha256.is_none() => {
                Err(Trouble::Unknown("its content is stored with holes and was not read".to_owned()))
            }
            None if setting.start == Start::Kernel => Err(Trouble::Fails(
                "which is neither a program nor a script with `#!`: the kernel refuses it (`exec format error`)"
                    .to_owned(),
            )),
            None => Ok(Started { shell: true }),
        }
    }

    fn script(&self, line: &str, setting: &Setting, nesting: u32) -> Result<Started, Trouble> {
        let (interpreter, looks_up) = match shebang::read(line) {
            Shebang::Runs { interpreter, looks_up } => (interpreter, looks_up),
            Shebang::Broken(why) => return Err(Trouble::Fails(why)),
            Shebang::Unclear(why) => return Err(Trouble::Unknown(why)),
        };
        if nesting >= MAX_INTERPRETERS {
            return Err(Trouble::Fails("whose interpreters are scripts that start each other".to_owned()));
        }
        let who = setting.who.clone().unwrap_or_else(Who::root);
        let base = setting.cwd.as_deref().unwrap_or("/");
        let shown = code(&interpreter);
        let place = match self.files.look(&interpreter, base, setting.who.as_ref()) {
            Ok(place) => place,
            Err(Nowhere::Unknown(why)) => return Err(Trouble::Unknown(why)),
            Err(nowhere) => {
                let near = self.near(basename(&interpreter));
                return Err(Trouble::Fails(format!(
                    "whose first line names the interpreter {shown}, which is not in the image: {}{near}",
                    nowhere.words(&who)
                )));
            }
        };
        let behind = |trouble| match trouble {
            Trouble::Fails(why) => Trouble::Fails(format!("whose first line names the interpreter {shown}, {why}")),
            unknown @ Trouble::Unknown(_) => unknown,
        };
        let direct = Setting { start: Start::Kernel, ..setting.clone() };
        self.start(&place, &direct, nesting + 1).map_err(behind)?;
        let mut shell = wrapper::is_shell(basename(&interpreter));
        if let Some(name) = looks_up.first() {
            let direct = Setting { start: Start::Shell, ..setting.clone() };
            let found = self.locate(name, &direct).and_then(|place| self.start(&place, &direct, nesting + 1));
            let asks = |trouble| match trouble {
                Trouble::Fails(why) => {
                    Trouble::Fails(format!("whose first line asks {shown} for {}, {why}", code(name)))
                }
                unknown @ Trouble::Unknown(_) => unknown,
            };
            found.map_err(asks)?;
            shell = wrapper::is_shell(basename(name));
        }
        Ok(Started { shell })
    }
}

/// Programs that look after the processes of others.
fn is_init(name: &str) -> bool {
    matches!(
        name,
        "tini"
            | "tini-static"
            | "docker-init"
            | "dumb-init"
            | "catatonit"
            | "s6-svscan"
            | "runsvdir"
            | "runit"
            | "init"
            | "systemd"
    )
}

fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File | FileKind::Hardlink => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symbolic link",
        FileKind::CharDevice | FileKind::BlockDevice => "device",
        FileKind::Fifo => "pipe",
    }
}

fn mode(place: &Place<'_>) -> String {
    place.file.map_or_else(String::new, |file| {
        format!(" (mode `{:04o}`, owner `{}:{}`)", file.entry.mode, file.entry.uid, file.entry.gid)
    })
}

/// Something that cannot be told.
pub(super) fn tell(setting: &Setting, report: &mut Report, why: String) {
    let why = match setting.via.last() {
        Some(place) => format!("{place}: {why}"),
        None => why,
    };
    let list = if setting.in_file { &mut report.open } else { &mut report.unknown };
    if !list.contains(&why) && list.len() < 100 {
        list.push(why);
    }
}

/// Something that does not start, or would not.
pub(super) fn blame(setting: &Setting, report: &mut Report, finding: Finding) {
    let list = if setting.certain { &mut report.failures } else { &mut report.doubts };
    if !list.contains(&finding) && list.len() < 100 {
        list.push(finding);
    }
}

/// A login shell reads files that set PATH anew.
fn login(setting: &mut Setting) {
    DEFAULT_PATH.clone_into(&mut setting.path);
    setting.path_unclear = Some("a login shell sets a PATH of its own".to_owned());
    setting.cwd = None;
}

/// Takes over an assignment to a variable that changes how commands are found.
pub(super) fn assign(word: &Word, setting: &mut Setting) {
    let Some((name, value)) = word.text.split_once('=') else { return };
    let append = name.ends_with('+');
    match name.trim_end_matches('+') {
        "PATH" => {
            let old = setting.path.clone();
            let value = value.replace("${PATH}", &old).replace("$PATH", &old);
            let value = if append { format!("{old}{value}") } else { value };
            if value.contains(['$', '`', '~']) {
                setting.path_unclear = Some("PATH is set to something that is only known when it runs".to_owned());
            } else {
                setting.path = value;
            }
        }
        "LD_LIBRARY_PATH" => setting.library_path = word.literal().is_some().then(|| value.to_owned()),
        _ => {}
    }
}
