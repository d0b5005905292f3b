//! The attestations that GitHub keeps beside a repository (REST: `GET /repos/{owner}/{repo}/attestations/{digest}`). An edge. What it
//! gives is evidence like any other: bundles, of which nothing is believed before it is verified.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fetch::{Asking, Fetcher, Trouble, Url, address, wait};
use crate::model::Digest;
use crate::sign::{Reason, Rejection};

/// Bytes of one page.
const MAX_PAGE: u64 = 32 << 20;
/// Pages of one list; each has up to a hundred entries.
const MAX_PAGES: usize = 20;
const ACCEPT: &str = "application/vnd.github+json";

/// Where to ask.
#[derive(Debug)]
pub struct Attestations {
    fetcher: Fetcher,
    api: Url,
    repository: String,
    token: Option<zeroize::Zeroizing<String>>,
}

/// What was found, and what could not be seen.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Bundles, as they were sent.
    pub bundles: Vec<Vec<u8>>,
    /// Why there may be more.
    pub gaps: Vec<Rejection>,
}

#[derive(Deserialize)]
struct Page {
    attestations: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    bundle: Option<Box<RawValue>>,
}

/// Whether a text is OWNER/REPOSITORY.
#[must_use]
pub fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        !part.is_empty() && part.len() <= 100 && !part.starts_with('.') && part.chars().all(known)
    };
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

impl Attestations {
    /// A place to ask. The token goes to the host of `api` only.
    ///
    /// # Errors
    /// [`Trouble::Address`].
    pub fn new(api: &str, repository: &str, token: Option<zeroize::Zeroizing<String>>) -> Result<Self, Trouble> {
        let api = address(&format!("{}/", api.trim_end_matches('/')))?;
        if !is_repository(repository) {
            let text = repository.escape_debug().take(200).collect();
            return Err(Trouble::Address(text, "a repository of GitHub is written OWNER/NAME"));
        }
        Ok(Self { fetcher: Fetcher::new()?, api, repository: repository.to_owned(), token })
    }

    /// The attestations about a digest. GitHub says 404 when there is none, and when it does not want to show them: that is a gap.
    #[must_use]
    pub fn about(&self, digest: &Digest) -> Found {
        let mut found = Found::default();
        if let Err(gap) = self.collect(digest, &mut found) {
            found.gaps.push(gap);
        }
        found
    }

    fn collect(&self, digest: &Digest, found: &mut Found) -> Result<(), Rejection> {
        let path = format!("repos/{}/attestations/{digest}?per_page=100", self.repository);
        let mut next = self.api.join(&path).map_err(|_| gap(Reason::Damaged, "it has no address"))?;
        for _ in 0..MAX_PAGES {
            let asking = Asking {
                accept: Some(ACCEPT),
                token: self.token.as_ref().map(|token| token.as_str()),
                hidden_is_missing: false,
            };
            let answer = wait(self.fetcher.get(&next, MAX_PAGE, asking)).and_then(|answer| answer);
            let answer = answer.map_err(|trouble| gap(reason_of(&trouble), &trouble.to_string()))?;
            let Some(answer) = answer else {
                let detail = format!("`{}` has none about {digest}, or does not show them (404)", self.repository);
                return Err(gap(Reason::Denied, &detail));
            };
            let page: Page = serde_json::from_slice(&answer.body)
                .map_err(|_| gap(Reason::Damaged, "the answer is no list of attestations"))?;
            for entry in page.attestations {
                match entry.bundle {
                    Some(bundle) if bundle.get() != "null" => found.bundles.push(bundle.get().as_bytes().to_vec()),
                    _ => found.gaps.push(gap(Reason::Unsupported, "one is kept elsewhere, and is not fetched")),
                }
            }
            match self.next_page(&answer.link)? {
                Some(url) => next = url,
                None => return Ok(()),
            }
        }
        Err(gap(Reason::Limit, &format!("there are more than {MAX_PAGES} pages of them")))
    }

    /// The next page, which must be at the same service.
    fn next_page(&self, link: &str) -> Result<Option<Url>, Rejection> {
        let Some(text) = link.split(',').find_map(|part| {
            let (url, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
            rest.contains("rel=\"next\"").then_some(url)
        }) else {
            return Ok(None);
        };
        let url = self.api.join(text).ok().filter(|url| url.origin() == self.api.origin());
        url.map(Some).ok_or_else(|| gap(Reason::Damaged, "the next page of them is at another service"))
    }
}

fn gap(reason: Reason, detail: &str) -> Rejection {
    Rejection::new(reason, format!("the attestations kept by GitHub could not be read: {detail}"))
}

fn reason_of(trouble: &Trouble) -> Reason {
    match trouble {
        Trouble::Denied { .. } => Reason::Denied,
        Trouble::Unavailable { .. } => Reason::Unreachable,
        Trouble::TooLong { .. } => Reason::Limit,
        Trouble::Address(..) | Trouble::Answer { .. } => Reason::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::registry::{Action, FakeRegistry};

    fn answer(status: u16, headers: &[(&'static str, String)], body: &str) -> Action {
        Action::Answer { status, headers: headers.to_vec(), body: body.as_bytes().to_vec() }
    }

    fn ask(server: &FakeRegistry, token: Option<&str>) -> Found {
        let api = format!("http://{}/api/v3", server.host());
        let token = token.map(|token| zeroize::Zeroizing::new(token.to_owned()));
        Attestations::new(&api, "acme/app", token).expect("a place").about(&Digest::of(b"image"))
    }

    fn reasons(found: &Found) -> Vec<Reason> {
        found.gaps.iter().map(|gap| gap.reason).collect()
    }

    #[test]
    fn pages_are_followed_and_bundles_are_kept_as_they_were_sent() {
        let server = FakeRegistry::start();
        let path = format!("GET /api/v3/repos/acme/app/attestations/{}?per_page=100", Digest::of(b"image"));
        let next = format!("<http://{}/api/v3/page2>; rel=\"next\", <x>; rel=\"last\"", server.host());
        server.fault(
            &path,
            0,
            9,
            answer(200, &[("link", next)], r#"{"attestations":[{"bundle":{ "a" : 1e2 },"repository_id":1}]}"#),
        );
        server.fault("/page2", 0, 9, answer(200, &[], r#"{"attestations":[{"bundle":{"b":2}}]}"#));
        let found = ask(&server, Some("hush"));
        assert_eq!(found.bundles, [br#"{ "a" : 1e2 }"#.to_vec(), br#"{"b":2}"#.to_vec()]);
        assert!(found.gaps.is_empty());
        let said: Vec<String> =
            server.requests().iter().filter_map(|request| request.headers.get("authorization").cloned()).collect();
        assert_eq!(said, ["Bearer hush", "Bearer hush"]);
    }

    #[test]
    fn throttling_refusal_and_404_are_gaps_and_never_an_empty_list() {
        for (status, headers, reason) in [
            (404, vec![], Reason::Denied),
            (401, vec![], Reason::Denied),
            (403, vec![], Reason::Denied),
            (403, vec![("x-ratelimit-remaining", "0".to_owned())], Reason::Unreachable),
            (429, vec![("retry-after", "3600".to_owned())], Reason::Unreachable),
            (503, vec![], Reason::Unreachable),
            (301, vec![("location", "/elsewhere".to_owned())], Reason::Damaged),
        ] {
            let server = FakeRegistry::start();
            server.fault("/attestations/", 0, 99, answer(status, &headers, "{}"));
            let found = ask(&server, None);
            assert_eq!((reasons(&found), found.bundles.len()), (vec![reason], 0), "{status}");
        }
        let server = FakeRegistry::start();
        server.fault("/attestations/", 0, 9, answer(200, &[], r#"{"attestations":[]}"#));
        assert!(ask(&server, None).gaps.is_empty(), "a list that is there and empty is a list");
    }

    #[test]
    fn what_is_missing_from_a_list_is_said() {
        for (body, link, reason, bundles) in [
            ("{", "", Reason::Damaged, 0),
            ("{}", "", Reason::Damaged, 0),
            (
                r#"{"attestations":[{"bundle":null,"bundle_url":"https://x.example/y"},{"bundle":{}}]}"#,
                "",
                Reason::Unsupported,
                1,
            ),
            (r#"{"attestations":[{"bundle":{}}]}"#, "<https://x.example/next>; rel=\"next\"", Reason::Damaged, 1),
        ] {
            let server = FakeRegistry::start();
            server.fault("/attestations/", 0, 9, answer(200, &[("link", link.to_owned())], body));
            let found = ask(&server, None);
            assert_eq!((reasons(&found), found.bundles.len()), (vec![reason], bundles), "{body}");
        }
        let server = FakeRegistry::start();
        let again = format!("<http://{}/api/v3/repos/acme/app/attestations/again>; rel=\"next\"", server.host());
        server.fault("/attestations/", 0, 99, answer(200, &[("link", again)], r#"{"attestations":[]}"#));
        assert_eq!(reasons(&ask(&server, None)), [Reason::Limit]);
    }

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        assert!(is_repository("acme/app.x_y-1"));
        for wrong in ["", "acme", "acme/", "/app", "acme/app/more", "acme/..", "acme/a?b", "ac me/app"] {
            assert!(!is_repository(wrong), "{wrong}");
        }
    }
}
