//! The section `pipeline` of a policy file: how the image is built, described, signed and released by `imgguard run`.
//!
//! It judges nothing, so it is no part of the policy's digest's meaning and is never inherited: it says what the commands are told.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Platform;

/// The whole way of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pipeline {
    /// An image that exists already; the one that `build` makes unless given.
    pub image: Option<String>,
    /// How it is built.
    pub build: Option<BuildStep>,
    /// Which bills of materials are made.
    pub sbom: Option<SbomStep>,
    /// Who signs.
    pub sign: Option<SignStep>,
    /// Where it is released.
    pub release: Option<ReleaseStep>,
}

/// `build`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildStep {
    /// Folder whose files the build may use; the folder of the file unless given.
    pub context: Option<String>,
    /// The Dockerfile.
    pub file: Option<String>,
    /// The layout that gets the image.
    pub to: Option<String>,
    /// Platforms.
    #[serde(default)]
    pub platforms: Vec<Platform>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// Build arguments.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// The builder.
    pub builder: Option<String>,
    /// Further options for the builder.
    #[serde(default)]
    pub options: Vec<String>,
}

/// `sbom`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SbomStep {
    /// Formats that are written to files, as `FORMAT: FILE`; `{platform}` in the name for several platforms.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Formats that are attested beside the released image, such as `spdx-json`.
    #[serde(default)]
    pub attest: Vec<String>,
}

/// `sign`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignStep {
    /// The key: a file, or the key of a service.
    pub key: Option<String>,
    /// The file of an identity token, or `ambient`.
    pub identity_token: Option<String>,
    /// The services for an identity token.
    pub signing_config: Option<String>,
    /// Agree to the public log.
    #[serde(default)]
    pub public_log: bool,
}

/// `release`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReleaseStep {
    /// The repository.
    pub to: String,
    /// What `latest` follows.
    pub latest: Option<String>,
    /// The variant of this image.
    pub variant: Option<String>,
    /// Further tags for versions before a release.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Annotations of the index.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A step: its name for people, and the words of the command that carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineStep {
    /// `build`, `check`, `sbom`, `release`.
    pub name: &'static str,
    /// The command's words, without the program.
    pub words: Vec<String>,
}

/// Why a pipeline has no steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// Nothing says which image it is about.
    #[error("the pipeline has neither `build` nor `image`")]
    NoImage,
    /// The release needs a version.
    #[error("the pipeline releases the image, and no version is given")]
    NoVersion,
    /// Attestations need a signer.
    #[error("the pipeline attests bills of materials, and `sign` is missing")]
    NoSigner,
    /// Attestations are attached by a release.
    #[error("the pipeline signs or attests, and `release` is missing: there is no image to attach anything to")]
    NoRelease,
}

impl Pipeline {
    /// The steps in their order: build, check, sbom, release. `policy` is the file that judges.
    ///
    /// # Errors
    /// [`PipelineError`], before anything is done.
    pub fn steps(&self, policy: &str, version: Option<&str>) -> Result<Vec<PipelineStep>, PipelineError> {
        let layout = self.build.as_ref().map(|build| build.to.clone().unwrap_or_else(|| LAYOUT.to_owned()));
        let image = self.image.clone().or_else(|| layout.clone()).ok_or(PipelineError::NoImage)?;
        let attests = self.sbom.as_ref().is_some_and(|sbom| !sbom.attest.is_empty());
        if attests && self.sign.is_none() {
            return Err(PipelineError::NoSigner);
        }
        if self.release.is_none() && self.sign.is_some() {
            return Err(PipelineError::NoRelease);
        }
        let mut steps = Vec::new();
        if let (Some(build), Some(layout)) = (&self.build, &layout) {
            steps.push(PipelineStep { name: "build", words: build.words(layout) });
        }
        let policy = ["--policy", policy];
        steps.push(PipelineStep { name: "check", words: words(["check", &image], policy) });
        for (format, file) in self.sbom.iter().flat_map(|sbom| &sbom.files) {
            let output = format!("{format}={file}");
            steps.push(PipelineStep {
                name: "sbom",
                words: words(["sbom", &image], ["--platform", "all", "-o", &output]),
            });
        }
        if let Some(release) = &self.release {
            let version = version.ok_or(PipelineError::NoVersion)?;
            let mut all = words(["release", &image, "--to", &release.to, "--version", version], policy);
            all.extend(release.words());
            for format in self.sbom.iter().flat_map(|sbom| &sbom.attest) {
                all.extend(["--sbom".to_owned(), format.clone()]);
            }
            all.extend(self.sign.iter().flat_map(SignStep::words));
            steps.push(PipelineStep { name: "release", words: all });
        }
        Ok(steps)
    }
}

/// The layout that is built when none is named.
const LAYOUT: &str = "oci:target/imgguard:latest";

fn words<'a>(first: impl IntoIterator<Item = &'a str>, more: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    first.into_iter().chain(more).map(str::to_owned).collect()
}

fn option(name: &str, value: Option<&String>) -> Option<[String; 2]> {
    value.map(|value| [name.to_owned(), value.clone()])
}

impl BuildStep {
    fn words(&self, layout: &str) -> Vec<String> {
        let mut all = words(["build", self.context.as_deref().unwrap_or(".")], ["--to", layout, "--no-check"]);
        let options = [("--file", &self.file), ("--target", &self.target), ("--builder", &self.builder)];
        all.extend(options.into_iter().filter_map(|(name, value)| option(name, value.as_ref())).flatten());
        all.extend(self.platforms.iter().flat_map(|platform| ["--platform".to_owned(), platform.to_string()]));
        all.extend(self.args.iter().flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]));
        all.extend(self.options.iter().map(|option| format!("--builder-option={option}")));
        all
    }
}

impl ReleaseStep {
    fn words(&self) -> Vec<String> {
        let options = [("--latest", &self.latest), ("--variant", &self.variant)];
        let mut all: Vec<String> =
            options.into_iter().filter_map(|(name, value)| option(name, value.as_ref())).flatten().collect();
        all.extend(self.channels.iter().flat_map(|channel| ["--channel".to_owned(), channel.clone()]));
        let annotations = self.annotations.iter();
        all.extend(annotations.flat_map(|(name, value)| ["--annotation".to_owned(), format!("{name}={value}")]));
        all
    }
}

impl SignStep {
    fn words(&self) -> Vec<String> {
        let options = [
            ("--key", &self.key),
            ("--identity-token", &self.identity_token),
            ("--signing-config", &self.signing_config),
        ];
        let mut all: Vec<String> =
            options.into_iter().filter_map(|(name, value)| option(name, value.as_ref())).flatten().collect();
        all.extend(self.public_log.then(|| "--yes".to_owned()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(text: &str) -> Pipeline {
        crate::yaml::read(&crate::yaml::parse(text).expect("YAML")).expect("a pipeline")
    }

    fn told(pipeline: &Pipeline, version: Option<&str>) -> Result<Vec<String>, PipelineError> {
        let steps = pipeline.steps("imgguard.yaml", version)?;
        Ok(steps.iter().map(|step| step.words.join(" ")).collect())
    }

    #[test]
    fn the_whole_way_becomes_commands_that_anyone_could_type() {
        let whole = pipeline(
            "build: { platforms: [linux/amd64, linux/arm64], args: { VERSION: 1.0.0 }, target: app }\n\
             sbom: { files: { spdx-json: 'out/{platform}.json' }, attest: [cyclonedx-json] }\n\
             sign: { key: team.key }\n\
             release: { to: registry.example/team/app, latest: '1', annotations: { a: b } }\n",
        );
        assert_eq!(
            told(&whole, Some("1.4.2")).expect("steps"),
            [
                "build . --to oci:target/imgguard:latest --no-check --target app --platform linux/amd64 --platform linux/arm64 --build-arg VERSION=1.0.0",
                "check oci:target/imgguard:latest --policy imgguard.yaml",
                "sbom oci:target/imgguard:latest --platform all -o spdx-json=out/{platform}.json",
                "release oci:target/imgguard:latest --to registry.example/team/app --version 1.4.2 --policy imgguard.yaml --latest 1 --annotation a=b --sbom cyclonedx-json --key team.key",
            ]
        );
        assert_eq!(told(&whole, None), Err(PipelineError::NoVersion));
    }

    #[test]
    fn what_cannot_be_done_is_refused_before_the_first_step() {
        assert_eq!(told(&pipeline("sbom: {}\n"), None), Err(PipelineError::NoImage));
        assert_eq!(told(&pipeline("image: a\nsign: { key: k }\n"), None), Err(PipelineError::NoRelease));
        let unsigned = pipeline("image: a\nsbom: { attest: [spdx-json] }\nrelease: { to: a/b }\n");
        assert_eq!(told(&unsigned, Some("1.0.0")), Err(PipelineError::NoSigner));
        assert_eq!(told(&pipeline("image: a\n"), None).expect("a step"), ["check a --policy imgguard.yaml"]);
    }
}
