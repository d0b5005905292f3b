//! `healthcheck.shape`: the health check asks what the policy wants it to ask.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::probe::{Probe, Unclear};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "healthcheck.shape",
    code: "IG0703",
    level: Level::Warn,
    summary: "the health check does not ask what the policy wants",
    why: "A check that asks the wrong port or page, or only whether a process lives, says healthy when nobody is served, or restarts \
          a container that works. The page for it is part of the service's interface, as its port is.",
    fix: "Ask the page of the service that tells its health:\n\n```dockerfile\nHEALTHCHECK --interval=30s --timeout=5s \\\n    CMD \
          [\"curl\", \"-fsS\", \"http://127.0.0.1:8501/_stcore/health\"]\n```",
    flags: &[
        ("{kind: http}", "healthcheck CMD pg_isready"),
        ("{kind: http, port: 8501}", "healthcheck CMD curl -f http://localhost:8502/"),
        ("{path: /health}", "healthcheck CMD-SHELL wget -qO- http://localhost/ || exit 1"),
        ("{kind: tcp, port: 5432}", "healthcheck CMD curl http://localhost:5432/"),
        ("{kind: command}", "healthcheck CMD nc -z localhost 80"),
    ],
    passes: &[
        (
            "{kind: http, port: 8501, path: /_stcore/health}",
            "healthcheck CMD curl -f http://localhost:8501/_stcore/health",
        ),
        ("{port: 8080}", "env PORT=8080\nhealthcheck CMD-SHELL curl -f http://localhost:$PORT/live"),
        ("{kind: tcp, port: 5432}", "healthcheck CMD nc -z localhost 5432"),
        ("{kind: command}", "healthcheck CMD /app/health --deep"),
    ],
    build: |settings| {
        let shape: Shape = settings.read()?;
        match shape {
            Shape { kind: None, port: None, path: None } => {
                let problem = "nothing is wanted of the check, so this would always hold";
                let error = YamlError::new(settings.span(""), problem);
                Err(error.with_hint("write `kind: http`, `port: 8501` or `path: /health`"))
            }
            Shape { kind: Some(Kind::Tcp | Kind::Command), path: Some(_), .. } => {
                Err(YamlError::new(settings.span("path"), "only a check of `kind: http` has a path"))
            }
            Shape { kind: Some(Kind::Command), port: Some(_), .. } => {
                Err(YamlError::new(settings.span("port"), "a check of `kind: command` has no port"))
            }
            Shape { port: Some(0), .. } => Err(YamlError::new(settings.span("port"), "a port is from 1 to 65535")),
            Shape { path: Some(ref path), .. } if !path.starts_with('/') => {
                Err(YamlError::new(settings.span("path"), "a path begins with `/`"))
            }
            shape => Ok(Box::new(shape)),
        }
    },
    schema: |generator| generator.subschema_for::<Shape>(),
};

/// How a health check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// It fetches a page.
    Http,
    /// It looks whether somebody listens.
    Tcp,
    /// It runs a program that knows.
    Command,
}

/// What the check has to ask.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Shape {
    /// How it asks.
    kind: Option<Kind>,
    /// The port.
    port: Option<u16>,
    /// The path of the page, without a query.
    path: Option<String>,
}

/// What is wrong with a check, or what of it is not known.
#[derive(Default)]
struct Answer {
    wrong: Vec<String>,
    unclear: Option<String>,
}

impl Answer {
    fn compare<T: PartialEq + ToString>(&mut self, what: &str, wanted: Option<&T>, found: &Result<T, Unclear>) {
        match (wanted, found) {
            (None, _) => {}
            (Some(wanted), Ok(found)) if wanted == found => {}
            (Some(wanted), Ok(found)) => {
                self.wrong.push(format!(
                    "it asks the {what} {}, not {}",
                    code(found.to_string()),
                    code(wanted.to_string())
                ));
            }
            (Some(_), Err(Unclear(text))) => {
                self.unclear =
                    Some(format!("the {what} of the health check is {}, which the image does not tell", code(text)));
            }
        }
    }
}

impl Shape {
    fn wants(&self) -> &'static str {
        match self.kind {
            Some(Kind::Tcp) => "a port",
            Some(Kind::Command) => "a program",
            Some(Kind::Http) | None => "a page",
        }
    }

    fn judge(&self, probe: &Probe) -> Answer {
        let mut answer = Answer::default();
        let wants_page = self.kind == Some(Kind::Http) || self.path.is_some();
        match probe {
            Probe::Http { port, path } => match self.kind {
                Some(Kind::Tcp | Kind::Command) => {
                    answer.wrong.push(format!("it fetches a page instead of asking {}", self.wants()));
                }
                Some(Kind::Http) | None => {
                    answer.compare("port", self.port.as_ref(), port);
                    answer.compare("path", self.path.as_ref(), path);
                }
            },
            Probe::Tcp { port } => match self.kind {
                _ if wants_page => answer.wrong.push("it only looks whether somebody listens".to_owned()),
                Some(Kind::Command) => answer.wrong.push("it looks whether somebody listens".to_owned()),
                _ => answer.compare("port", self.port.as_ref(), port),
            },
            Probe::Command(_) | Probe::Unknown(_) if self.kind == Some(Kind::Command) => {}
            Probe::Command(name) => {
                answer.wrong.push(format!("it runs {} instead of asking {}", code(name), self.wants()));
            }
            Probe::Unknown(name) => {
                answer.unclear =
                    Some(format!("the health check runs {}, whose words do not tell what it asks", code(name)));
            }
        }
        answer
    }
}

impl Check for Shape {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(probe) = Probe::of(&image.config) else {
            return Outcome::NotApplicable("the image has no health check".to_owned());
        };
        let Answer { wrong, unclear } = self.judge(&probe);
        match unclear {
            _ if !wrong.is_empty() => Outcome::Fail(vec![Fault {
                subject: "HEALTHCHECK".to_owned(),
                message: format!("the {} is not as wanted: {}", code("HEALTHCHECK"), wrong.join("; ")),
                seat: Seat::Config("/config/Healthcheck/Test".to_owned()),
                fix: None,
            }]),
            Some(why) => Outcome::Unknown(why),
            None => Outcome::Pass(match probe {
                Probe::Http { port: Ok(port), path: Ok(path) } => format!("asks :{port}{path}"),
                _ => String::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn what_the_words_do_not_tell_is_undecided() {
        let outcome = decide("healthcheck.shape", "{port: 80}", "healthcheck CMD /app/health");
        assert!(matches!(outcome, Outcome::Unknown(why) if why.contains("`health`")));
        let outcome = decide("healthcheck.shape", "{port: 80}", "healthcheck CMD-SHELL curl http://localhost:$PORT/");
        assert!(matches!(outcome, Outcome::Unknown(why) if why.contains("`$PORT`")));
        assert!(matches!(decide("healthcheck.shape", "{port: 80}", ""), Outcome::NotApplicable(_)));
        let both = "healthcheck CMD-SHELL curl http://localhost:$PORT/x";
        assert!(decide("healthcheck.shape", "{port: 80, path: /y}", both).is_fail(), "a fault beats what is not known");
    }

    #[test]
    fn wishes_that_exclude_each_other_are_refused() {
        assert!(complaint("healthcheck.shape", "{}").contains("nothing is wanted"));
        assert!(complaint("healthcheck.shape", "{kind: tcp, path: /x}").starts_with("1:19: only a check"));
        assert!(complaint("healthcheck.shape", "{kind: command, port: 1}").starts_with("1:23: a check of"));
        assert!(complaint("healthcheck.shape", "{port: 0}").starts_with("1:8: a port"));
        assert!(complaint("healthcheck.shape", "{path: x}").starts_with("1:8: a path"));
    }
}
