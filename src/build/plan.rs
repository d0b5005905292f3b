//! From what is wanted to the commands of a builder.

use crate::model::Platform;

use super::Builder;

/// What is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Folder whose files the build may use.
    pub context: String,
    /// The Dockerfile; the builder's own choice unless given.
    pub file: Option<String>,
    /// Platforms, in the order asked for; the builder's own unless any is given.
    pub platforms: Vec<Platform>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// `NAME=VALUE`, or `NAME` to take the value from the environment.
    pub arguments: Vec<String>,
    /// Files that a step may read, in the words of the builder: `id=NAME,src=FILE`.
    pub secrets: Vec<String>,
    /// Time of everything that the build makes, in seconds since 1970.
    pub epoch: Option<u64>,
    /// Ask registries for newer base images.
    pub pull: bool,
    /// Use nothing of earlier builds.
    pub no_cache: bool,
    /// Further options for the builder, as they are.
    pub options: Vec<String>,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, looked up in `PATH`.
    pub program: &'static str,
    /// Its arguments; none of them is read by a shell.
    pub arguments: Vec<String>,
    /// Variables that are set for it.
    pub variables: Vec<(&'static str, String)>,
}

impl CommandLine {
    /// As a person would type it.
    #[must_use]
    pub fn text(&self) -> String {
        let word = |word: &str| {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
            if !word.is_empty() && word.chars().all(plain) {
                word.to_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        };
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={}", word(value)));
        let words = std::iter::once(self.program).chain(self.arguments.iter().map(String::as_str)).map(word);
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// One archive that a build writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// To be run one after the other; the first that fails ends the build.
    pub commands: Vec<CommandLine>,
    /// The only platform that it is for, where it was named. Builders that keep steps of earlier builds were seen to take those of
    /// another platform (buildah 1.28, images from scratch): what the archive holds has to be compared.
    pub platform: Option<Platform>,
    /// The file.
    pub archive: String,
}

/// The parts of a build, and what is left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One for all platforms, or one for each.
    pub parts: Vec<Part>,
    /// To be run at the end whatever happened. That one of them fails changes nothing.
    pub cleanup: Vec<CommandLine>,
}

/// Plans a build. `scratch` is a folder that is empty, and whose last part no other build uses.
#[must_use]
pub fn plan(builder: Builder, request: &Request, scratch: &str) -> Plan {
    match builder {
        Builder::Buildx => buildx(request, scratch),
        Builder::Buildah => one_by_one(request, scratch, "buildah"),
        Builder::Podman => one_by_one(request, scratch, "podman"),
    }
}

fn buildx(request: &Request, scratch: &str) -> Plan {
    let archive = format!("{scratch}/image.tar");
    let mut output = format!("type=oci,dest={archive}");
    if request.epoch.is_some() {
        output.push_str(",rewrite-timestamp=true");
    }
    let mut arguments: Vec<String> = ["buildx", "build", "--provenance", "mode=max"].map(str::to_owned).to_vec();
    arguments.extend(["--output".to_owned(), output]);
    if !request.platforms.is_empty() {
        let platforms: Vec<String> = request.platforms.iter().map(ToString::to_string).collect();
        arguments.extend(["--platform".to_owned(), platforms.join(",")]);
    }
    common(request, &mut arguments);
    let commands = vec![CommandLine { program: "docker", arguments, variables: variables(request) }];
    Plan { parts: vec![Part { commands, platform: None, archive }], cleanup: Vec::new() }
}

/// `buildah` and `podman` build one platform at a time into their store. Docker's format keeps the health check, which OCI's config
/// does not know; an archive of it is what keeps the config's bytes.
fn one_by_one(request: &Request, scratch: &str, program: &'static str) -> Plan {
    let mut plan = Plan::default();
    let unique = scratch.rsplit('/').next().unwrap_or(scratch).to_ascii_lowercase();
    let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
    let platforms: Vec<Option<&Platform>> =
        if request.platforms.is_empty() { vec![None] } else { request.platforms.iter().map(Some).collect() };
    for (at, platform) in platforms.into_iter().enumerate() {
        let name = format!("localhost/imgguard-build/{unique}:{at}");
        let archive = format!("{scratch}/{at}.tar");
        let mut arguments: Vec<String> = ["build", "--format", "docker", "--layers"].map(str::to_owned).to_vec();
        if let Some(platform) = platform {
            arguments.extend(["--platform".to_owned(), platform.to_string()]);
        }
        if let Some(epoch) = request.epoch {
            arguments.extend(["--timestamp".to_owned(), epoch.to_string()]);
        }
        arguments.extend(["--tag".to_owned(), name.clone()]);
        common(request, &mut arguments);
        let build = CommandLine { program, arguments, variables: variables(request) };
        let mut save: Vec<String> = if program == "buildah" {
            vec!["push".to_owned()]
        } else {
            ["save", "--format", "docker-archive", "--output"]
                .map(str::to_owned)
                .into_iter()
                .chain([archive.clone()])
                .collect()
        };
        save.extend(request.options.iter().cloned());
        save.push(name.clone());
        if program == "buildah" {
            save.push(format!("docker-archive:{archive}:{name}"));
        }
        let commands = vec![build, CommandLine { program, arguments: save, variables: Vec::new() }];
        let remove = ["rmi".to_owned()].into_iter().chain(request.options.iter().cloned()).chain([name]).collect();
        plan.cleanup.push(CommandLine { program, arguments: remove, variables: Vec::new() });
        plan.parts.push(Part { commands, platform: platform.cloned(), archive });
    }
    plan
}

/// What all builders call the same.
fn common(request: &Request, arguments: &mut Vec<String>) {
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    for argument in &request.arguments {
        option("--build-arg", argument);
    }
    for secret in &request.secrets {
        option("--secret", secret);
    }
    if let Some(target) = &request.target {
        option("--target", target);
    }
    if let Some(file) = &request.file {
        option("--file", file);
    }
    arguments.extend(request.pull.then(|| "--pull".to_owned()));
    arguments.extend(request.no_cache.then(|| "--no-cache".to_owned()));
    arguments.extend(request.options.iter().cloned());
    arguments.push(request.context.clone());
}

fn variables(request: &Request) -> Vec<(&'static str, String)> {
    request.epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch.to_string())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            context: ".".to_owned(),
            file: Some("it's here/Dockerfile".to_owned()),
            platforms: vec![Platform::new("linux", "amd64", ""), Platform::new("linux", "arm", "v7")],
            target: None,
            arguments: vec!["VERSION=1.4.2".to_owned()],
            secrets: Vec::new(),
            epoch: Some(1_700_000_000),
            pull: false,
            no_cache: false,
            options: vec!["--quiet".to_owned()],
        }
    }

    fn texts(plan: &Plan) -> Vec<String> {
        plan.parts.iter().flat_map(|part| &part.commands).map(CommandLine::text).collect()
    }

    #[test]
    fn buildx_builds_all_platforms_with_provenance_into_one_archive() {
        let plan = plan(Builder::Buildx, &request(), "/t/x");
        let text = texts(&plan);
        assert_eq!(
            text,
            [
                r"SOURCE_DATE_EPOCH=1700000000 docker buildx build --provenance mode=max --output type=oci,dest=/t/x/image.tar,rewrite-timestamp=true --platform linux/amd64,linux/arm/v7 --build-arg VERSION=1.4.2 --file 'it'\''s here/Dockerfile' --quiet ."
            ]
        );
        assert_eq!(plan.parts[0].archive, "/t/x/image.tar");
    }

    #[test]
    fn buildah_keeps_the_health_check_and_every_layer_and_cleans_up() {
        let plan = plan(Builder::Buildah, &request(), "/t/imgguard.Ab9");
        let text = texts(&plan);
        assert_eq!(text.len(), 4);
        assert!(
            text[0].contains("build --format docker --layers --platform linux/amd64 --timestamp 1700000000"),
            "{}",
            text[0]
        );
        assert_eq!(
            text[3],
            "buildah push --quiet localhost/imgguard-build/imgguardab9:1 docker-archive:/t/imgguard.Ab9/1.tar:localhost/imgguard-build/imgguardab9:1"
        );
        assert_eq!(plan.cleanup.len(), 2);
        assert_eq!(plan.parts.len(), 2);
    }

    #[test]
    fn podman_is_asked_for_its_own_platform_when_none_is_named() {
        let plan = plan(Builder::Podman, &Request { platforms: Vec::new(), ..request() }, "/t/x");
        let text = texts(&plan);
        assert!(!text[0].contains("--platform"), "{}", text[0]);
        assert_eq!(
            text[1],
            "podman save --format docker-archive --output /t/x/0.tar --quiet localhost/imgguard-build/x:0"
        );
    }
}
