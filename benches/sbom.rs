//! How long it takes to write what an image holds: 10,000 packages, in each format.
//!
//! `cargo bench --bench sbom` prints, by format, the time from the facts to the text and the size of the text; names of
//! formats behind `--` leave the others out.

mod made_up;

use std::time::Duration;

use imgguard::sbom::{FORMATS, Job, Options, WriteContext, build};
use made_up::{PACKAGES, image, now, say};

const ROUNDS: usize = 7;
/// What a document may take, from the facts on.
const BUDGET: Duration = Duration::from_millis(100);

fn main() {
    let image = image();
    let options = Options {
        removed: true,
        declared: true,
        claimed: true,
        creator: None,
        created: Some(1_795_608_000),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let job = Job {
        sha: "0".repeat(40),
        reference: "refs/heads/main".to_owned(),
        id: "1".to_owned(),
        correlator: "build".to_owned(),
        page: "https://code.example.org/acme/app".to_owned(),
    };
    let context = WriteContext { color: false, job: Some(job) };
    say(&format!("{PACKAGES} packages, from the facts to the text, medians of {ROUNDS}"));
    let mut worst = Duration::ZERO;
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for format in FORMATS.iter().filter(|format| asked.is_empty() || asked.iter().any(|name| name == format.name)) {
        let mut length = 0;
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let start = now();
                let document = build(&image, &options).unwrap_or_else(|error| panic!("{error}"));
                let text = (format.write)(&document, &context).unwrap_or_else(|error| panic!("{error}"));
                length = text.len();
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        let median = times[ROUNDS / 2];
        worst = worst.max(median);
        say(&format!("{median:>10.1?}  {length:>10} bytes  {}", format.name));
    }
    say(&format!("{} the budget of {BUDGET:?}", if worst < BUDGET { "within" } else { "ABOVE" }));
}
