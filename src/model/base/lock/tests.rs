use super::*;

const DAY: i64 = 86_400;
const NAME: &str = "docker.io/library/debian:12";

fn linux() -> Platform {
    Platform::new("linux", "amd64", "")
}

fn config(layers: &[&str]) -> ImageConfig {
    ImageConfig {
        created: Some("2026-01-01T00:00:00Z".to_owned()),
        diff_ids: layers.iter().map(|layer| Digest::of(layer.as_bytes())).collect(),
        ..ImageConfig::default()
    }
}

fn base(name: &str, digest: &str, layers: &[&str], now: i64) -> RecordedBase {
    let digest = Digest::of(digest.as_bytes());
    RecordedBase::new(name, (&digest, &Digest::of(digest.hex().as_bytes())), &linux(), &config(layers), now)
}

/// Three builds of one reference, recorded day after day, and another name for the first.
fn lock() -> BaseLock {
    let mut lock = BaseLock::default();
    assert_eq!(lock.record(vec![base(NAME, "one", &["a"], 0)], 100 * DAY), 1);
    assert_eq!(lock.record(vec![base("docker.io/library/debian:12.1", "one", &["a"], 0)], 100 * DAY), 1);
    assert_eq!(lock.record(vec![base(NAME, "two", &["a", "b"], 0)], 101 * DAY), 1);
    assert_eq!(lock.record(vec![base(NAME, "three", &["c"], 0)], 102 * DAY), 1);
    lock
}

fn refused(text: &str) -> String {
    BaseLock::read(text).expect_err("refused").to_string()
}

#[test]
fn what_is_written_is_read_the_same() {
    let lock = lock();
    assert_eq!(BaseLock::read(&lock.text()), Ok(lock.clone()));
    assert_eq!(BaseLock::read(&BaseLock::default().text()), Ok(BaseLock::default()));
    assert_eq!(lock.text(), lock.text());
}

#[test]
fn old_bases_stay_and_the_last_look_up_is_known() {
    let mut lock = lock();
    assert_eq!(lock.bases.len(), 4);
    let current = |lock: &BaseLock| lock.current(NAME, &linux()).map(|(base, time)| (base.diff_ids.len(), time));
    assert_eq!(current(&lock), Some((1, 102 * DAY)));
    let before = lock.bases.clone();
    assert_eq!(lock.record(vec![base(NAME, "two", &["a", "b"], 0)], 110 * DAY), 0, "the tag went back");
    assert_eq!(lock.bases, before);
    assert_eq!(current(&lock), Some((2, 110 * DAY)));
    assert_eq!(lock.current(NAME, &Platform::new("linux", "arm64", "")), None);
}

#[test]
fn a_clock_that_went_back_does_not_damage_the_file() {
    let mut lock = lock();
    lock.record(vec![base(NAME, "four", &["d"], 0)], 5 * DAY);
    assert_eq!(BaseLock::read(&lock.text()), Ok(lock));
}

#[test]
fn the_longest_base_wins_and_equal_layers_have_all_their_names() {
    let lock = lock();
    let below = |layers: &[&str]| -> Vec<(String, usize)> {
        let found = config(layers).diff_ids;
        lock.below(&linux(), &found).iter().map(|base| (base.reference.clone(), base.diff_ids.len())).collect()
    };
    assert_eq!(below(&["a", "b", "own"]), [(NAME.to_owned(), 2)]);
    assert_eq!(below(&["a", "own"]), [(NAME.to_owned(), 1), ("docker.io/library/debian:12.1".to_owned(), 1)]);
    assert!(below(&["squashed"]).is_empty());
    assert!(lock.below(&Platform::new("linux", "arm64", ""), &config(&["a"]).diff_ids).is_empty());
    assert_eq!(lock.under(&Digest::of(b"one"), &linux()).len(), 2);
}

#[test]
fn an_empty_layer_proves_nothing() {
    let mut config = config(&[]);
    config.diff_ids.push(EMPTY_LAYER.parse().expect("a digest"));
    let digest = Digest::of(b"x");
    let mut lock = BaseLock::default();
    lock.record(vec![RecordedBase::new("localhost/x:1", (&digest, &digest), &linux(), &config, 0)], DAY);
    assert!(lock.below(&linux(), &config.diff_ids).is_empty());
}

#[test]
fn pruning_keeps_what_references_point_at() {
    let mut pruned = lock();
    assert_eq!(pruned.prune(101 * DAY), 1, "debian:12.1 still points at the first build");
    assert_eq!(pruned.prune(1000 * DAY), 1);
    assert_eq!(BaseLock::read(&pruned.text()), Ok(pruned.clone()));
    assert!(pruned.current(NAME, &linux()).is_some());
}

#[test]
fn damage_is_told_with_its_place() {
    let text = lock().text();
    assert!(refused(&text[..text.len() / 2]).starts_with("line "));
    assert!(refused("{}").contains("missing field `schema`"));
    let unknown = text.replacen("\"manifest\"", "\"manifesto\"", 1);
    assert!(refused(&unknown).contains("unknown field `manifesto`"), "{}", refused(&unknown));
    assert!(refused(&text.replace("bases/v1", "bases/v9")).starts_with("schema: it is `imgguard.bases/v9`"));
}

#[test]
fn contradictions_are_told_with_their_place() {
    type Change = fn(&mut BaseLock);
    let cases: &[(&str, Change)] = &[
        ("is recorded twice", |lock| {
            let again = RecordedBase { recorded: "1970-05-01T00:00:00Z".to_owned(), ..lock.bases[0].clone() };
            lock.bases.insert(1, again);
        }),
        ("out of order", |lock| lock.bases.swap(0, 1)),
        ("`diff_ids` is empty", |lock| lock.bases[1].diff_ids.clear()),
        ("no RFC 3339 time", |lock| "soon".clone_into(&mut lock.bases[0].recorded)),
        ("no RFC 3339 time", |lock| lock.bases[0].created = Some("soon".to_owned())),
        ("is missing in `references`", |lock| lock.references.clear()),
        ("no base with its digest", |lock| {
            lock.references.values_mut().for_each(|lookup| lookup.digest = Digest::of(b"never seen"));
        }),
        ("was last checked before", |lock| {
            lock.references.values_mut().for_each(|lookup| "1970-01-02T00:00:00Z".clone_into(&mut lookup.checked));
        }),
        ("which has the same `manifest`", |lock| lock.bases[3].diff_ids.push(Digest::of(b"more"))),
        ("is no name of an image", |lock| "a\u{1b}".clone_into(&mut lock.bases[0].reference)),
    ];
    for (wanted, change) in cases {
        let mut lock = lock();
        change(&mut lock);
        let problem = refused(&lock.text());
        assert!(problem.contains(wanted) && problem.contains(['[', '"']), "{wanted}: {problem}");
    }
}

#[test]
fn a_date_of_1970_is_no_date() {
    let mut base = base(NAME, "one", &["a"], 0);
    assert!(base.built().is_some());
    base.created = Some("1970-01-01T00:00:00Z".to_owned());
    assert_eq!(base.built(), None);
}

#[test]
fn a_history_entry_is_known_by_its_instruction_not_by_its_time() {
    let step = History { created_by: "RUN x".to_owned(), ..History::default() };
    let later = History { created: Some("2026-01-01T00:00:00Z".to_owned()), ..step.clone() };
    assert_eq!(RecordedBase::fingerprint(&step), RecordedBase::fingerprint(&later));
    let empty = History { empty_layer: true, ..step.clone() };
    assert_ne!(RecordedBase::fingerprint(&step), RecordedBase::fingerprint(&empty));
    assert_eq!(RecordedBase::fingerprint(&step).len(), 32);
}
