use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A home directory with files, as an environment.
struct Home {
    directory: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut home = Self { variables: Vec::new(), directory };
        let root = home.directory.path().display().to_string();
        home.variables.push(("HOME".to_owned(), root.clone()));
        home.variables.push(("PATH".to_owned(), format!("{root}/bin:/usr/bin:/bin")));
        for (name, text) in files {
            home.write(name, text);
        }
        home
    }

    #[expect(clippy::disallowed_methods, reason = "tests write their own fixtures")]
    fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.replace('~', &self.directory.path().display().to_string())));
        self
    }

    fn environment(&self) -> Environment {
        Environment::of_variables(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn find(&self, reference: &str) -> Option<Credential> {
        self.try_find(reference).expect("no error")
    }

    fn try_find(&self, reference: &str) -> Result<Option<Credential>, FetchError> {
        find(&reference.parse().expect("a reference"), &Wishes::default(), &self.environment())
    }

    fn user(&self, reference: &str) -> Option<String> {
        self.find(reference).map(|credential| match credential.login {
            Login::Password { username, password } => format!("{username}:{}", password.expose()),
            Login::RegistryToken(token) => format!("registry {}", token.expose()),
            Login::IdentityToken(token) => format!("identity {}", token.expose()),
        })
    }
}

fn auths(entries: &[(&str, &str)]) -> String {
    let entries: BTreeMap<_, _> = entries
        .iter()
        .map(|(key, pair)| {
            (*key, serde_json::json!({ "auth": base64::engine::general_purpose::STANDARD.encode(pair) }))
        })
        .collect();
    serde_json::json!({ "auths": entries }).to_string()
}

#[test]
fn the_first_source_that_knows_the_registry_wins() {
    let docker = ".docker/config.json";
    let config = ".config/containers/auth.json";
    let mut home = Home::new(&[(docker, &auths(&[("a.io", "docker:1")])), (config, &auths(&[("a.io", "config:2")]))]);
    home.write(".dockercfg", r#"{"b.io":{"auth":"bGVnYWN5OjM="}}"#);
    assert_eq!(home.user("a.io/x").as_deref(), Some("docker:1"));
    assert_eq!(home.user("b.io/x").as_deref(), Some("legacy:3"));
    assert_eq!(home.user("c.io/x"), None);
    home = home.set("DOCKER_AUTH_CONFIG", &auths(&[("a.io", "inline:4")]));
    assert_eq!(home.user("a.io/x").as_deref(), Some("inline:4"));
    home.write("auth.json", &auths(&[("a.io", "file:5")]));
    home = home.set("REGISTRY_AUTH_FILE", "~/auth.json");
    assert_eq!(home.user("a.io/x").as_deref(), Some("file:5"));
    assert!(home.find("a.io/x").expect("known").explicit);
    assert!(!home.find("b.io/x").expect("known").explicit);
    home = home.set("IMGGUARD_AUTH_A_IO", "variable:6:7");
    assert_eq!(home.user("a.io/x").as_deref(), Some("variable:6:7"));
    assert!(home.find("a.io/x").expect("known").explicit);
    let wishes = Wishes { login: Some(login("caller", "8")), authfile: None };
    let found = find(&"a.io/x".parse().expect("a reference"), &wishes, &home.environment()).expect("no error");
    assert_eq!(found.expect("known").login, login("caller", "8"));
}

#[test]
fn directories_of_the_environment_are_used() {
    let file = auths(&[("a.io", "user:1")]);
    for (variable, name) in [
        ("DOCKER_CONFIG", "here/config.json"),
        ("DOCKER_CONFIG", "here/.dockerconfigjson"),
        ("XDG_RUNTIME_DIR", "here/containers/auth.json"),
        ("XDG_CONFIG_HOME", "here/containers/auth.json"),
    ] {
        let home = Home::new(&[(name, &file)]).set(variable, "~/here");
        assert_eq!(home.user("a.io/x").as_deref(), Some("user:1"), "{name}");
    }
}

#[test]
fn the_most_specific_key_wins() {
    let keys = [("quay.io", "host:1"), ("quay.io/team", "team:2"), ("quay.io/team/app", "app:3")];
    let home = Home::new(&[(".docker/config.json", &auths(&keys))]);
    assert_eq!(home.user("quay.io/team/app:1").as_deref(), Some("app:3"));
    assert_eq!(home.user("quay.io/team/app2").as_deref(), Some("team:2"));
    assert_eq!(home.user("quay.io/team/app/deep").as_deref(), Some("app:3"));
    assert_eq!(home.user("quay.io/teamwork").as_deref(), Some("host:1"));
    assert_eq!(home.user("quay.io.evil.com/team/app"), None);
}

#[test]
fn keys_are_normalised() {
    for (key, reference) in [
        ("https://index.docker.io/v1/", "python"),
        ("index.docker.io", "team/app"),
        ("docker.io", "python"),
        ("docker.io/team", "team/app"),
        ("registry-1.docker.io", "python"),
        ("ghcr.io/", "ghcr.io/x"),
        ("https://ghcr.io", "ghcr.io/x"),
        ("https://ghcr.io/v2/", "ghcr.io/x"),
        ("GHCR.io", "ghcr.io/x"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000/x"),
        ("[::1]:5000", "[::1]:5000/x"),
    ] {
        let home = Home::new(&[(".docker/config.json", &auths(&[(key, "user:1")]))]);
        assert_eq!(home.user(reference).as_deref(), Some("user:1"), "{key}");
    }
}

#[test]
fn all_forms_of_an_entry_are_read() {
    for (entry, login) in [
        (r#"{"auth":"dTpw"}"#, Some("u:p")),
        (r#"{"auth":"dTpwAAAA"}"#, Some("u:p")),
        (r#"{"auth":"dTpwOng"}"#, Some("u:p:x")),
        (r#"{"auth":""}"#, None),
        ("{}", None),
        (r#"{"username":"u","password":"p"}"#, Some("u:p")),
        (r#"{"auth":"dTpw","identitytoken":"i"}"#, Some("identity i")),
        (r#"{"registrytoken":"r"}"#, Some("registry r")),
        (r#"{"auth":"PHRva2VuPjpp"}"#, Some("identity i")),
        (r#"{"auth":"!!!"}"#, None),
        (r#"{"auth":"dQ=="}"#, None),
        (r#"{"auth":"dTpw","email":"x","unknown":{}}"#, Some("u:p")),
    ] {
        let home = Home::new(&[(".docker/config.json", &format!(r#"{{"auths":{{"a.io":{entry}}}}}"#))]);
        assert_eq!(home.user("a.io/x").as_deref(), login, "{entry}");
    }
}

#[test]
fn a_broken_file_is_an_error_only_where_the_user_named_it() {
    for text in ["", "{", r#"{"auths":7}"#, r#"{"auths":{"a.io":{"auth":"hunter2"}}, "credsStore": 8}"#] {
        let home = Home::new(&[(".docker/config.json", text)]);
        assert_eq!(home.find("a.io/x"), None, "{text}");
        let home = home.set("REGISTRY_AUTH_FILE", "~/.docker/config.json");
        let error = home.try_find("a.io/x").expect_err(text);
        assert!(matches!(error, FetchError::Usage(_)));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let home = Home::new(&[]).set("REGISTRY_AUTH_FILE", "~/absent");
    assert!(matches!(home.try_find("a.io/x"), Err(FetchError::Usage(_))));
    let home = Home::new(&[]).set("IMGGUARD_AUTH_A_IO", "no-colon");
    assert!(matches!(home.try_find("a.io/x"), Err(FetchError::Usage(_))));
    let home = Home::new(&[(".docker/config.json", r#"{"auths":{"a.io":{"auth":"!!!"}}}"#)]);
    let home = home.set("REGISTRY_AUTH_FILE", "~/.docker/config.json");
    assert!(matches!(home.try_find("a.io/x"), Err(FetchError::Usage(_))));
}

const ECHO: &str = "#!/bin/sh\nread server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"%s\",\"Secret\":\"s\"}' \"$server\" \"$1-$server\"\n";

#[test]
fn helpers_are_asked_by_host() {
    let config = r#"{"credHelpers":{"a.io":"one"},"credsStore":"one","auths":{"c.io":{},"d.io":{"auth":"dTpw"}}}"#;
    let home = Home::new(&[(".docker/config.json", config), ("bin/docker-credential-one", ECHO)]);
    assert_eq!(home.user("a.io/x").as_deref(), Some("get-a.io:s"));
    assert_eq!(home.user("c.io/x").as_deref(), Some("get-c.io:s"));
    assert_eq!(home.user("d.io/x").as_deref(), Some("u:p"));
    assert_eq!(home.user("python").as_deref(), Some("get-https://index.docker.io/v1/:s"));
    assert!(home.find("a.io/x").expect("known").origin.contains("docker-credential-one"));
}

#[test]
fn a_helper_may_have_nothing_or_an_identity_token() {
    let config = r#"{"credHelpers":{"a.io":"none","b.io":"token"}}"#;
    let none = "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n";
    let token = "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"i\"}'\n";
    let home = Home::new(&[
        (".docker/config.json", config),
        ("bin/docker-credential-none", none),
        ("bin/docker-credential-token", token),
    ]);
    assert_eq!(home.user("a.io/x"), None);
    assert_eq!(home.user("b.io/x").as_deref(), Some("identity i"));
    let home = home.set("REGISTRY_AUTH_FILE", "~/.docker/config.json");
    assert_eq!(home.user("a.io/x"), None, "nothing is no failure");
}

#[test]
fn a_helper_that_fails_blocks_only_what_was_asked_for() {
    let broken = "#!/bin/sh\necho 'the vault is sealed: hunter2'\nexit 1\n";
    let endless = "#!/bin/sh\nyes hunter2\n";
    let hanging = "#!/bin/sh\nexec sleep 60\n";
    let silent = "#!/bin/sh\nexec >&-\nexec sleep 60\n";
    let nonsense = "#!/bin/sh\necho hunter2\n";
    for (name, text) in [
        ("absent", ""),
        ("../bin/sh", ""),
        ("broken", broken),
        ("endless", endless),
        ("hanging", hanging),
        ("silent", silent),
        ("nonsense", nonsense),
    ] {
        let home = Home::new(&[(".docker/config.json", &format!(r#"{{"credsStore":"{name}"}}"#))]);
        if !text.is_empty() {
            home.write(&format!("bin/docker-credential-{name}"), text);
        }
        let ask = |home: &Home| {
            let environment = Environment { helper_timeout: Duration::from_millis(300), ..home.environment() };
            find(&"a.io/x".parse().expect("a reference"), &Wishes::default(), &environment)
        };
        assert_eq!(ask(&home).expect("a warning only"), None, "{name}");
        let home = home.set("REGISTRY_AUTH_FILE", "~/.docker/config.json");
        let error = ask(&home).expect_err(name);
        assert!(matches!(error, FetchError::Usage(_)), "{name}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let home = Home::new(&[(".docker/config.json", &auths(&[("a.io", "user:hunter2")]))]);
    let home = home.set("IMGGUARD_AUTH_B_IO", "user:hunter2");
    let shown = format!("{:?} {:?} {:?}", home.find("a.io/x"), home.find("b.io/x"), home.environment());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("***"));
    assert_eq!(Secret::new("hunter2").to_string(), "***");
    assert!(home.path(".docker/config.json").exists());
}

#[test]
fn the_platforms_own_token_is_for_its_own_registry_and_comes_last() {
    let home = Home::new(&[]).set("GITHUB_TOKEN", "word-of-the-run").set("GITHUB_ACTOR", "robot");
    let found = home.find("ghcr.io/team/app:1").expect("credentials");
    assert_eq!(found.origin, "`GITHUB_TOKEN`");
    assert!(matches!(&found.login, Login::Password { username, .. } if username == "robot"));
    assert!(!found.explicit);
    assert_eq!(home.find("registry.example/team/app:1"), None);
    let config = auths(&[("ghcr.io", "alice:word")]);
    let home = Home::new(&[(".docker/config.json", &config)]).set("GITHUB_TOKEN", "word-of-the-run");
    let found = home.find("ghcr.io/team/app:1").expect("credentials");
    assert!(found.origin.contains("config.json"), "{}", found.origin);
}

#[test]
fn every_place_that_was_looked_at_is_told_in_order_without_the_secret() {
    let config = auths(&[("registry.example/team", "alice:word-of-alice")]);
    let home = Home::new(&[(".docker/config.json", &config)]);
    let explain = |reference: &str| {
        let mut looks = Vec::new();
        let reference = reference.parse().expect("a reference");
        let wishes = Wishes::default();
        let found = search(&reference, &wishes, &home.environment(), &mut |look| looks.push(look)).expect("no error");
        (looks, found)
    };
    let (looks, found) = explain("registry.example/team/app:1");
    assert!(found.is_some());
    let (last, before) = looks.split_last().expect("places");
    assert_eq!(last.found, Found::Match);
    assert!(last.place.ends_with("key `registry.example/team`"), "{}", last.place);
    assert!(before.iter().all(|look| look.found == Found::Absent), "{before:?}");
    assert_eq!(before[1].place, "`IMGGUARD_AUTH_REGISTRY_EXAMPLE`");
    assert!(!format!("{looks:?}").contains("word-of-alice"));
    let (looks, found) = explain("registry.example/other:1");
    assert_eq!(found, None);
    assert_eq!(looks.iter().filter(|look| look.found == Found::NoMatch).count(), 1, "{looks:?}");
    let (looks, _) = explain("ghcr.io/team/app:1");
    assert_eq!(looks.last().map(|look| look.place.as_str()), Some("`GITHUB_TOKEN`"));
}
