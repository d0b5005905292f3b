//! Commands of images as text, and what becomes of them.

use super::subjects::all;
use super::*;
use crate::testkit::image::image;

const SHELL: &str =
    "0755 0:0 bin/busybox elf\nbin/sh -> busybox\nbin/su -> busybox\nbin/env -> busybox\nusr/bin/env -> /bin/busybox\n";

/// `fails: …`, `unknown: …` or `starts`, for the image's command.
fn answer(text: &str) -> String {
    let image = image(&format!("{SHELL}{text}"));
    let resolver = Resolver::new(&image);
    let subject = subjects::main(&resolver).expect("a command");
    let report = subject.report;
    if let Some(finding) = report.failures.first() {
        return format!("fails: {} {}", finding.runs, finding.why);
    }
    match report.unknown.first() {
        Some(why) => format!("unknown: {why}"),
        None if report.doubts.is_empty() => "starts".to_owned(),
        None => format!("doubt: {} {}", report.doubts[0].runs, report.doubts[0].why),
    }
}

fn fails(text: &str, words: &str) {
    let answer = answer(text);
    assert!(answer.starts_with("fails: ") && answer.contains(words), "{text}\n{answer}");
}

fn starts(text: &str) {
    assert_eq!(answer(text), "starts", "{text}");
}

fn unknown(text: &str, words: &str) {
    let answer = answer(text);
    assert!(answer.starts_with("unknown: ") && answer.contains(words), "{text}\n{answer}");
}

#[test]
fn path_is_searched_in_order_with_the_working_directory_for_relative_names() {
    starts("cmd [\"run\"]\nenv PATH=/opt/bin\n0755 0:0 opt/bin/run elf");
    starts("cmd [\"run\"]\n0755 0:0 usr/local/sbin/run elf");
    starts("cmd [\"./run\"]\nworkdir /srv\n0755 0:0 srv/run elf");
    starts("cmd [\"bin/run\"]\nworkdir /srv\n0755 0:0 srv/bin/run elf");
    starts("cmd [\"run\"]\nenv PATH=:/x\nworkdir /srv\n0755 0:0 srv/run elf");
    starts("cmd [\"run\"]\nenv PATH=/a:/b\n0644 0:0 a/run elf\n0755 0:0 b/run elf");
    starts("cmd [\"run\"]\nenv PATH=/a:/b\n0755 0:0 a/run/\n0755 0:0 b/run elf");
    fails("cmd [\"run\"]\nenv PATH=/opt/bin\n0755 0:0 usr/bin/run elf", "only as `/usr/bin/run`");
    fails("cmd [\"./run\"]\n0755 0:0 srv/run elf", "`/run` does not exist");
    fails("cmd [\"/srv\"]\n0755 0:0 srv/", "is a directory");
    fails("cmd [\"\"]", "no name");
}

#[test]
fn links_are_followed_inside_the_root_and_end_after_forty() {
    starts("cmd [\"/a\"]\na -> b/c\nb -> /opt\n0755 0:0 opt/c elf");
    starts("cmd [\"/a\"]\na -> ../../../opt/c\n0755 0:0 opt/c elf");
    starts("cmd [\"/opt/x/../c\"]\n0755 0:0 opt/x/\n0755 0:0 opt/c elf");
    fails("cmd [\"/a\"]\na -> b\nb -> a", "links lead nowhere");
    unknown("cmd [\"a\"]\nenv PATH=/loop/bin\nloop -> loop", "in circles");
    starts("cmd [\"a\"]\nenv PATH=/loop/bin:/bin\nloop -> loop\n0755 0:0 bin/a elf");
    fails("cmd [\"/a\"]\na -> gone", "`/gone` does not exist");
    fails("cmd [\"/f/x\"]\n0644 0:0 f", "`/f` is no directory");
}

#[test]
fn ids_and_groups_decide_who_may_execute() {
    let passwd =
        "0644 0:0 etc/passwd \"app:x:1000:1000::/:\\n\"\n0644 0:0 etc/group \"app:x:1000:\\nstaff:x:50:app\\n\"\n";
    fails("user 1000\ncmd [\"/a\"]\n0700 0:0 a elf", "may not execute: `/a` (mode `0700`, owner `0:0`)");
    fails("cmd [\"/a\"]\n0644 0:0 a elf", "uid `0` may not execute");
    starts("cmd [\"/a\"]\n0001 5:5 a elf");
    starts("user 1000\ncmd [\"/a\"]\n0750 0:0 a elf");
    fails("user 1000:5\ncmd [\"/a\"]\n0750 0:0 a elf", "may not execute");
    starts(&format!("{passwd}user app\ncmd [\"/a\"]\n0750 0:50 a elf"));
    fails(&format!("{passwd}user app:app\ncmd [\"/a\"]\n0750 0:50 a elf"), "may not execute");
    // The owner's bits count for the owner, even when others may more.
    fails("user 1000\ncmd [\"/a\"]\n0077 1000:0 a elf", "may not execute");
    fails("user 1000\ncmd [\"/srv/a\"]\n0700 0:0 srv/\n0755 0:0 srv/a elf", "may not enter `/srv`");
    fails("user 1000\ncmd [\"/a\"]\n0711 0:0 a \"#!/bin/sh\\n\"", "may execute but not read");
    starts("user 1000\ncmd [\"/a\"]\n0711 0:0 a elf");
}

#[test]
fn first_lines_are_read_as_the_kernel_reads_them() {
    let script = |line: &str| format!("cmd [\"/a\"]\n0755 0:0 a \"#!{line}\\n\"");
    starts(&script("/bin/sh"));
    starts(&script(" /bin/sh -e"));
    fails(&script("/bin/sh\\r"), "carriage return");
    fails(&script("/usr/bin/env sh\\r"), "carriage return");
    fails(&script("sh"), "names the interpreter `sh`, which is not in the image");
    fails(&script("/usr/bin/python3"), "names the interpreter `/usr/bin/python3`");
    fails(&script("/usr/bin/env python3"), "asks `/usr/bin/env` for `python3`");
    fails(&script("/usr/bin/env sh -e"), "for `sh -e`");
    starts(&script("/usr/bin/env -S sh -e"));
    fails(&script(""), "names no interpreter");
    fails(&script("/a"), "start each other");
    starts(&format!("{}\n0755 0:0 b \"#!/bin/sh\\n\"", script("/b")));
    fails("cmd [\"/a\"]\n0755 0:0 a \"echo hello\\n\"", "exec format error");
    fails("cmd [\"/a\"]\n0755 0:0 a", "exec format error");
    starts("cmd [\"/bin/sh\",\"-c\",\"/a\"]\n0755 0:0 a \"echo hello\\n\"");
    starts("cmd [\"env\",\"/a\"]\n0755 0:0 a \"echo hello\\n\"");
}

#[test]
fn machines_are_compared_with_the_platform() {
    fails("cmd [\"/a\"]\n0755 0:0 a elf arm64", "which is for `arm64`, and the image is for `linux/amd64`");
    starts("cmd [\"/a\"]\n0755 0:0 a elf 386");
    starts("platform linux/arm64\ncmd [\"/a\"]\n0755 0:0 a elf arm64");
    unknown("platform linux/arm64\ncmd [\"/a\"]\n0755 0:0 a elf arm", "not every arm64 processor");
    unknown("platform linux/wasm\ncmd [\"/a\"]\n0755 0:0 a elf", "not known");
    fails("cmd [\"/a\"]\n0755 0:0 a elf object", "type `1`");
    unknown("cmd [\"/a\"]\n0755 0:0 a elf damaged it lies", "damaged: it lies");
    unknown("cmd [\"/a\"]\n0755 0:0 a elf unseen far away", "far away");
}

#[test]
fn glibc_finds_libraries_where_objects_environment_and_configuration_say() {
    let glibc = "cmd [\"/opt/bin/a\"]\n0755 0:0 lib64/ld-linux-x86-64.so.2 elf soname ld-linux-x86-64.so.2\n";
    let program = |rest: &str| format!("{glibc}0755 0:0 opt/bin/a elf interp /lib64/ld-linux-x86-64.so.2 {rest}");
    fails("cmd [\"/a\"]\n0755 0:0 a elf interp /lib64/ld-linux-x86-64.so.2", "it was built for glibc");
    fails("cmd [\"/a\"]\n0755 0:0 a elf interp /lib/ld-musl-x86_64.so.1", "it was built for musl");
    fails(&program("needs libz.so.1"), "needs the library `libz.so.1`");
    let with = |options: &str, path: &str| program(&format!("{options}\n0644 0:0 {path} elf"));
    for folder in ["lib", "usr/lib", "lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
        starts(&with("needs libz.so.1", &format!("{folder}/libz.so.1")));
    }
    fails(&with("needs libz.so.1", "opt/lib/libz.so.1"), "only as `/opt/lib/libz.so.1`");
    starts(&with("needs libz.so.1 runpath $ORIGIN/../lib", "opt/lib/libz.so.1"));
    starts(&with("needs libz.so.1 rpath ${ORIGIN}/../lib", "opt/lib/libz.so.1"));
    starts(&with("needs /opt/lib/libz.so.1", "opt/lib/libz.so.1"));
    starts(&format!("env LD_LIBRARY_PATH=/opt/lib\n{}", with("needs libz.so.1", "opt/lib/libz.so.1")));
    let conf = "0644 0:0 etc/ld.so.conf \"include /etc/ld.so.conf.d/*.conf\\n\"\n0644 0:0 etc/ld.so.conf.d/x.conf \"/opt/lib # x\\n\"";
    starts(&format!("{}\n{conf}", with("needs libz.so.1", "opt/lib/libz.so.1")));
    // A library of another machine is passed over; what a library needs is looked for too.
    fails(&program("needs libz.so.1\n0644 0:0 lib/libz.so.1 elf arm64"), "is for another machine");
    starts(&program("needs libz.so.1\n0644 0:0 lib/libz.so.1 elf arm64\n0644 0:0 usr/lib/libz.so.1 elf"));
    fails(
        &program("needs libz.so.1\n0644 0:0 lib/libz.so.1 elf needs libq.so.2"),
        "`libq.so.2` (for `/lib/libz.so.1`)",
    );
    // RUNPATH holds for the object's own libraries, RPATH for those of its libraries too.
    let nested = |path: &str| {
        program(&format!(
            "needs libz.so.1 {path} /opt/lib\n0644 0:0 opt/lib/libz.so.1 elf needs libq.so.2\n0644 0:0 opt/lib/libq.so.2 elf"
        ))
    };
    starts(&nested("rpath"));
    fails(&nested("runpath"), "`libq.so.2`");
    // Each needs the other: known by name once it is loaded.
    starts(&program("needs liba.so\n0644 0:0 lib/liba.so elf needs libb.so\n0644 0:0 lib/libb.so elf needs liba.so"));
    fails(&format!("user 1000\n{}", program("needs libz.so.1\n0600 0:0 lib/libz.so.1 elf")), "may not be read");
    fails(&program("needs libz.so.1\n0644 0:0 lib/libz.so.1 \"INPUT(x)\""), "is no library");
}

#[test]
fn musl_finds_libraries_in_its_own_way() {
    let musl = "cmd [\"/a\"]\n0755 0:0 lib/ld-musl-x86_64.so.1 elf\n0755 0:0 a elf interp /lib/ld-musl-x86_64.so.1 ";
    starts(&format!("{musl}needs libc.musl-x86_64.so.1,libpthread.so.0"));
    starts(&format!("{musl}needs libz.so.1\n0644 0:0 usr/local/lib/libz.so.1 elf"));
    fails(&format!("{musl}needs libz.so.1\n0644 0:0 lib64/libz.so.1 elf"), "`libz.so.1`");
    starts(&format!(
        "{musl}needs libz.so.1\n0644 0:0 lib64/libz.so.1 elf\n0644 0:0 etc/ld-musl-x86_64.path \"/lib64\\n\""
    ));
}

#[test]
fn programs_that_start_programs_are_looked_through() {
    let tools = "bin/tini -> busybox\nbin/gosu -> busybox\nbin/timeout -> busybox\nbin/nice -> busybox\n0755 0:0 run elf\n\
                 0644 0:0 etc/passwd \"app:x:1000:1000::/:\\n\"\n";
    for command in [
        "[\"tini\",\"--\",\"/run\"]",
        "[\"env\",\"A=b\",\"/run\"]",
        "[\"env\",\"PATH=/\",\"run\"]",
        "[\"gosu\",\"app\",\"/run\"]",
        "[\"timeout\",\"-k\",\"1\",\"5\",\"nice\",\"-n\",\"5\",\"/run\"]",
        "[\"/bin/sh\",\"-c\",\"exec /run\"]",
        "[\"su\",\"-\",\"app\",\"-c\",\"/run\"]",
        "[\"busybox\",\"sh\",\"-c\",\"/run\"]",
        "[\"sh\"]",
    ] {
        starts(&format!("{tools}cmd {command}"));
        let gone = command.replace("run", "gone");
        if gone != command {
            fails(&format!("{tools}cmd {gone}"), "gone");
        }
    }
    fails(&format!("{tools}cmd [\"gosu\",\"nobody\",\"/run\"]"), "switches to the user `nobody`");
    fails(&format!("{tools}0700 0:0 own elf\ncmd [\"gosu\",\"app\",\"/own\"]"), "uid `1000` may not execute");
    fails(&format!("{tools}cmd [\"sh\",\"/x.sh\"]"), "which is not in the image");
    unknown(&format!("{tools}cmd [\"/bin/sh\",\"-c\",\"$RUN\"]"), "only known when it runs");
    unknown(&format!("{tools}cmd [\"su\",\"-\",\"app\",\"-c\",\"gone\"]"), "login shell");
    fails("cmd [\"/usr/bin/sh\",\"-c\",\"true\"]", "`/usr/bin/sh` does not exist");
}

#[test]
fn volumes_mounts_and_unseen_layers_are_undecided() {
    unknown("volume /data\ncmd [\"/data/run\"]", "is a volume");
    unknown("volume /data\ncmd [\"/data/run\"]\n0755 0:0 data/run elf", "is a volume");
    unknown("volume /data\nenv PATH=/data/bin\ncmd [\"run\"]", "is a volume");
    starts("volume /data\nenv PATH=/data/bin:/\ncmd [\"run\"]\n0755 0:0 run elf");
    unknown("cmd [\"/proc/self/exe\"]", "when the container starts");
    unknown("cmd [\"run\"]\nlayer a\ngap layer 1 was not there", "was not there");
    unknown("layer a\n0755 0:0 run elf\ncmd [\"/run\"]\nlayer b\ngap layer 2 was not there", "was not there");
}

#[test]
fn names_of_one_file_start_alike() {
    starts("cmd [\"/b\"]\n0755 0:0 a elf\nb => a");
    fails("cmd [\"/b\"]\n0755 0:0 a elf arm64\nb => a", "arm64");
    // The layer that last wrote the content counts.
    fails("cmd [\"/a\"]\nlayer a\n0755 0:0 a elf\nlayer b\n0755 0:0 a \"text\"", "exec format error");
    starts("cmd [\"/a\"]\nlayer a\n0755 0:0 a \"text\"\nlayer b\n0755 0:0 a elf");
}

#[test]
fn supervised_programs_have_command_user_and_folder() {
    let subjects = |conf: &str| {
        let text = format!(
            "{SHELL}cmd [\"supervisord\",\"-n\"]\n0755 0:0 usr/bin/supervisord elf\n0755 0:0 srv/run elf\n\
             0644 0:0 etc/supervisor/supervisord.conf \"[include]\\nfiles = /etc/supervisor/conf.d/*.conf\\n\"\n\
             0644 0:0 etc/supervisor/conf.d/a.conf \"{conf}\""
        );
        let image = image(&text);
        let found = all(&Resolver::new(&image));
        found
            .iter()
            .skip(1)
            .flat_map(|subject| {
                subject.report.failures.iter().map(|finding| format!("{}: {}", subject.id, finding.runs))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(subjects("[program:a]\\ncommand=redis-server /x\\n"), ["program:a: redis-server"]);
    assert_eq!(subjects("[program:a]\\ncommand=/srv/run\\nuser=app\\n"), ["program:a: /srv/run"]);
    assert!(subjects("[program:a]\\ncommand=./run -x\\ndirectory=/srv\\n").is_empty());
    assert!(subjects("[program:a]\\ncommand=%(ENV_X)s/run\\n").is_empty());
    assert!(subjects("[program:a]\\ncommand=gone\\nautostart=false\\n").is_empty());
    assert_eq!(subjects("[program:a]\\ncommand=sh -c \\\"exec gone\\\"\\n"), ["program:a: gone"]);
}

#[test]
fn jobs_and_services_are_resolved_when_their_daemon_is_started() {
    let found = |text: &str| {
        let image = image(&format!("{SHELL}{text}"));
        let found = all(&Resolver::new(&image));
        found
            .iter()
            .flat_map(|subject| subject.report.failures.iter().map(|finding| finding.runs.clone()))
            .collect::<Vec<_>>()
    };
    let table = "0644 0:0 etc/passwd \"root:x:0:0::/:\\n\"\n0644 0:0 etc/cron.d/x \"PATH=/bin\\n* * * * * root gone -x\\n@daily nobody true\\n\"\n";
    assert_eq!(found(&format!("{table}0755 0:0 usr/sbin/cron elf\ncmd [\"cron\",\"-f\"]")), ["gone", "true"]);
    assert!(found(&format!("{table}0755 0:0 usr/sbin/cron elf\ncmd [\"sh\"]")).is_empty());
    let services =
        "0755 0:0 init elf\nentrypoint [\"/init\"]\n0755 0:0 etc/services.d/web/run \"#!/bin/sh\\nexec nginx\\n\"";
    assert_eq!(found(services), ["nginx"]);
}

#[test]
fn of_two_lines_with_one_name_the_first_counts() {
    let passwd = "0644 0:0 etc/passwd \"app:x:1000:1000::/:\\napp:x:0:0::/:\\n\"\n";
    fails(&format!("{passwd}user app\ncmd [\"/a\"]\n0700 0:0 a elf"), "uid `1000` may not execute");
}

#[test]
fn the_line_in_which_a_script_is_cut_says_nothing() {
    let mut image = image(&format!("{SHELL}cmd [\"/a\"]\n0755 0:0 a \"#!/bin/sh\\ntrue\\nexec gunic\""));
    let texts = &mut image.startup.as_mut().expect("looked at").texts;
    assert_eq!(&*texts[0].text, "#!/bin/sh\ntrue\nexec gunic");
    texts[0].cut = true;
    let subject = subjects::main(&Resolver::new(&image)).expect("a command");
    assert_eq!(subject.report.failures, []);
    assert!(subject.report.open[0].contains("longer than the 25 bytes"), "{:?}", subject.report.open);
    image.startup.as_mut().expect("looked at").texts[0].cut = false;
    assert_eq!(subjects::main(&Resolver::new(&image)).expect("a command").report.failures.len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_shell_reader_panic(text in "[a-z \n\t;&|(){}\\[\\]$'\"`<>#!=*~\\\\,-]{0,200}") {
        let image = image(SHELL);
        let resolver = Resolver::new(&image);
        let words = [shell::Word::plain("/bin/sh"), shell::Word::plain("-c"), shell::Word::plain(&text)];
        let mut report = report::Report::default();
        resolver.run(&words, &Setting::of_image(&image), &mut report);
    }
}
