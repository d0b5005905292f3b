//! `history.insecure-download`: the build fetched something without checking from whom.

use crate::model::ImageFacts;

use super::history_text::{judge_runs, program};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Level, Outcome, Rule};

/// Programs, and options with which they check neither certificate nor signature.
const OPTIONS: &[(&[&str], &[&str])] = &[
    (&["curl"], &["--insecure", "--proxy-insecure"]),
    (&["wget"], &["--no-check-certificate"]),
    (&["pip", "pip3", "python", "python3"], &["--trusted-host"]),
    (&["apt", "apt-get"], &["--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories"]),
    (&["apk"], &["--allow-untrusted"]),
    (&["yum", "dnf", "microdnf", "tdnf"], &["--nogpgcheck"]),
    (&["zypper"], &["--no-gpg-checks"]),
    (&["rpm"], &["--nosignature", "--nodigest"]),
    (&["uv"], &["--allow-insecure-host"]),
];
/// Words in this order, with which a program switches the check off for good.
const SWITCHES: &[&[&str]] = &[
    &["npm", "strict-ssl", "false"],
    &["npm", "strict-ssl=false"],
    &["yarn", "strict-ssl", "false"],
    &["git", "http.sslverify", "false"],
    &["git", "http.sslverify=false"],
];
/// Options of curl of one letter that take no value, so that others may follow in the same word.
const CURL_LETTERS: &str = "fsSLkiIvgjnNOJRalpq0146#";

pub(super) const RULE: Rule = Rule {
    id: "history.insecure-download",
    code: "IG1804",
    level: Level::Info,
    summary: "a step of the build fetched without checking certificates or signatures",
    why: "Whoever sits between the build and the server decides what such a step installs. The image cannot tell whether \
          somebody did; the history only tells that nobody looked.",
    fix: "Fetch with the check on; install the certificate that is missing, and compare a checksum:\n\n```dockerfile\nADD \
          --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://host.example/tool.tgz \
          /tmp/\nRUN apt-get install -y ca-certificates\n```",
    flags: &[
        ("", "step RUN /bin/sh -c curl -fsSLk https://host.example/x | sh # buildkit"),
        ("", "step /bin/sh -c wget -q --no-check-certificate https://host.example/x"),
        ("", "step RUN pip install --trusted-host pypi.example -r requirements.txt"),
        ("", "step RUN apt-get update && apt-get install -y --force-yes nginx"),
        ("", "step RUN npm config set strict-ssl false && npm ci"),
        ("", "step RUN git -c http.sslVerify=false clone https://host.example/x"),
    ],
    passes: &[
        ("", "step RUN curl -fsSL https://host.example/k --output k && wget -q https://host.example/x"),
        ("", "step RUN echo --no-check-certificate"),
        ("", "step ENV A=curl -k"),
        ("", "step RUN curl -o -k https://host.example/x && npm config set strict-ssl true"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(InsecureDownload))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct InsecureDownload;

/// Whether a word is several options of curl in one, with `-k` among them: `-fsSLk`.
fn is_insecure_curl(word: &str) -> bool {
    let Some(letters) = word.strip_prefix('-') else { return false };
    letters.contains('k') && letters.chars().all(|letter| CURL_LETTERS.contains(letter))
}

fn insecure(words: &[&str]) -> Option<String> {
    let name = program(words);
    let option = |word: &&str| {
        let plain = word.split_once('=').map_or(*word, |(option, _)| option);
        OPTIONS.iter().any(|(programs, options)| programs.contains(&name) && options.contains(&plain))
    };
    // What follows an option for a file is its value.
    let value = |at: usize| at > 0 && matches!(words.get(at - 1), Some(&("-o" | "-H" | "-d" | "-u" | "-A")));
    let mut places = words.iter().enumerate();
    let found = places.find(|(at, word)| option(word) || name == "curl" && !value(*at) && is_insecure_curl(word));
    if let Some((_, word)) = found {
        return Some(format!("{} with {}", code(name), code(word.split('=').next().unwrap_or(word))));
    }
    let in_order = |switch: &&&[&str]| {
        let mut rest = words.iter();
        name == switch[0] && switch.iter().skip(1).all(|wanted| rest.any(|word| word.eq_ignore_ascii_case(wanted)))
    };
    let switch = SWITCHES.iter().find(in_order)?;
    Some(format!("{} with {}", code(name), code(switch[1..].join(" "))))
}

impl Check for InsecureDownload {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        judge_runs(image, |commands| {
            let (words, told) = commands.iter().find_map(|words| Some((words, insecure(words)?)))?;
            Some((program(words).to_owned(), format!("a step calls {told}: nothing checks where it comes from")))
        })
    }
}
