//! What a file's name says about its content. It only ever adds detectors or raises a grade, never switches one off.

/// A kind of file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Name {
    /// Nothing special.
    #[default]
    Other,
    /// Settings as names and values: `.env`, `*.properties`, `*.ini`, `*.yaml`, shell history and such.
    Settings,
    /// A place that is made to hold credentials: `.pypirc`, `.git-credentials`, `.aws/credentials`, `pip.conf`.
    Credentials,
    /// `.npmrc`
    Npmrc,
    /// `.netrc`: words separated by white space.
    Netrc,
    /// `.docker/config.json`, `.dockercfg`
    DockerConfig,
    /// `etc/shadow`
    Shadow,
    /// `ssh_host_rsa_key` and such.
    HostKey,
    /// Source code, in which a text stands in quotes.
    Code,
    /// No file: a variable, a label or a command of the image's config.
    Config,
}

/// Extensions of languages in which a word without quotes is a name, not a text.
const CODE: &[&str] = &[
    "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "java", "kt", "kts", "scala", "groovy",
    "go", "rs", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "cs", "fs", "vb", "swift", "dart", "py", "pyi",
    "pyx", "rb", "erb", "php", "pl", "pm", "lua", "ex", "exs", "erl", "hs", "ml", "jl", "r", "R", "sql", "proto",
];

impl Name {
    /// Tells the kind from a path; allocates nothing.
    pub fn of(path: &str) -> Self {
        let (folder, base) = path.rsplit_once('/').unwrap_or(("", path));
        let ends = |suffix: &str| {
            base.len() >= suffix.len()
                && base.is_char_boundary(base.len() - suffix.len())
                && base[base.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
        };
        match base {
            ".npmrc" | "npmrc" => return Self::Npmrc,
            ".netrc" | "_netrc" => return Self::Netrc,
            ".dockercfg" | ".dockerconfigjson" => return Self::DockerConfig,
            "config.json" if matches!(folder.rsplit('/').next(), Some(".docker" | "kaniko")) => {
                return Self::DockerConfig;
            }
            "shadow" | "shadow-" | "gshadow" | "gshadow-" if folder.rsplit('/').next() == Some("etc") => {
                return Self::Shadow;
            }
            _ if base.starts_with("ssh_host_") && base.ends_with("_key") => return Self::HostKey,
            ".pypirc"
            | ".git-credentials"
            | "pip.conf"
            | "pip.ini"
            | ".my.cnf"
            | ".pgpass"
            | "pgpass.conf"
            | ".s3cfg"
            | ".boto"
            | ".htpasswd"
            | "settings-security.xml"
            | ".vault-token"
            | "rclone.conf"
            | ".mylogin.cnf"
            | "application_default_credentials.json"
            | "accessTokens.json"
            | "msal_token_cache.json"
            | "kubeconfig"
            | "credentials.toml"
            | "credentials.tfrc.json"
            | ".terraformrc"
            | ".dockerconfig" => {
                return Self::Credentials;
            }
            "credentials" if matches!(folder.rsplit('/').next(), Some(".aws" | ".gem" | ".cargo")) => {
                return Self::Credentials;
            }
            "config" if folder.rsplit('/').next() == Some(".kube") => return Self::Credentials,
            "settings.xml" if folder.rsplit('/').next() == Some(".m2") => return Self::Credentials,
            "auth.toml" | "auth.json"
                if matches!(folder.rsplit('/').next(), Some("pypoetry" | ".composer" | "composer")) =>
            {
                return Self::Credentials;
            }
            "settings.xml" | "wp-config.php" | "gradle.properties" => return Self::Settings,
            _ => {}
        }
        let settings = matches!(base, ".env" | ".envrc" | ".flaskenv" | "Dockerfile" | "Containerfile" | "environment")
            || base.starts_with("Dockerfile.")
            || base.starts_with(".env.")
            || [
                ".env",
                ".envrc",
                ".flaskenv",
                ".properties",
                ".ini",
                ".cfg",
                ".conf",
                ".cnf",
                ".toml",
                ".yaml",
                ".yml",
                ".tfvars",
                "_history",
            ]
            .iter()
            .any(|suffix| ends(suffix))
            || (ends(".json")
                && (base.starts_with("appsettings") || base.contains("secret") || base.contains("credential")));
        let extension = || base.rsplit_once('.').map_or("", |(_, extension)| extension);
        if settings {
            Self::Settings
        } else if CODE.contains(&extension()) {
            Self::Code
        } else {
            Self::Other
        }
    }

    /// Tells whether this is a place that is made to hold credentials.
    pub fn holds_credentials(self) -> bool {
        matches!(self, Self::Credentials | Self::Npmrc | Self::Netrc | Self::DockerConfig)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_kinds() {
        for (path, name) in [
            ("root/.npmrc", Name::Npmrc),
            (".netrc", Name::Netrc),
            ("root/.docker/config.json", Name::DockerConfig),
            ("app/config.json", Name::Other),
            ("app/index.d.ts", Name::Code),
            ("app/main.PY", Name::Other),
            ("app/settings.py", Name::Code),
            ("etc/shadow", Name::Shadow),
            ("app/.env.production", Name::Settings),
            ("srv/APP.PROPERTIES", Name::Settings),
            ("usr/bin/env", Name::Other),
            ("root/.aws/credentials", Name::Credentials),
            ("x/é", Name::Other),
            ("", Name::Other),
        ] {
            assert_eq!(Name::of(path), name, "{path}");
        }
    }
}
