use super::super::{CATALOGERS, Cataloger, Input, Takers};
use super::*;

/// Reads a text as the file of this path; `namespace/name@version`, sorted as they come, then the gaps.
fn told(cataloger: &Cataloger, path: &str, text: &str) -> Vec<String> {
    let takers = Takers::of(path, text.as_bytes().get(..64).unwrap_or(text.as_bytes()));
    assert!(takers.iter().any(|taker| taker.id == cataloger.id), "{path} is not taken by {}", cataloger.id);
    let input = Input { path, bytes: text.as_bytes(), size: text.len() as u64 };
    let findings = (cataloger.parse)(&input).expect("findings");
    assert!(findings.packages.iter().all(|package| package.presence == Presence::Declared));
    let name = |package: &Package| match &package.namespace {
        Some(namespace) => format!("{namespace}/{}@{}", package.name, package.version),
        None => format!("{}@{}", package.name, package.version),
    };
    findings.packages.iter().map(name).chain(findings.gaps).collect()
}

fn packages(cataloger: &Cataloger, path: &str, text: &str) -> Vec<Package> {
    let input = Input { path, bytes: text.as_bytes(), size: text.len() as u64 };
    (cataloger.parse)(&input).expect("findings").packages
}

const NPM_3: &str = r#"{"lockfileVersion":3,"packages":{"":{"name":"app"},"node_modules/@s/a":{"version":"1.0.0","resolved":"https://host.example/a.tgz","integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=","license":"MIT","dependencies":{"b":"^2"}},
    "node_modules/@s/a/node_modules/b":{"version":"2.0.0","dev":true},"node_modules/alias":{"name":"real","version":"3.0.0"},"packages/own":{"version":"9"},"node_modules/own":{"link":true,"resolved":"packages/own"}}}"#;

#[test]
fn npm_locks_of_all_versions_are_read() {
    assert_eq!(told(&NPM, "app/package-lock.json", NPM_3), ["b@2.0.0", "real@3.0.0", "@s/a@1.0.0"]);
    let package = packages(&NPM, "package-lock.json", NPM_3).pop().expect("three packages");
    assert_eq!(
        (package.hashes.len(), package.download.as_deref(), package.depends.len()),
        (1, Some("https://host.example/a.tgz"), 1)
    );
    let old = r#"{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0","requires":{"b":"1"},"dependencies":{"b":{"version":"1.5.0","dev":true}}},"g":{"version":"git+https://u:p@host.example/g.git#abc"}}}"#;
    assert_eq!(told(&NPM, "npm-shrinkwrap.json", old), ["a@1.0.0", "b@1.5.0", "g@"]);
    assert_eq!(told(&NPM, "package-lock.json", &NPM_3[..150]), ["@s/a@1.0.0", "line 1: the JSON ends early"]);
}

#[test]
fn yarn_locks_of_both_kinds_are_read() {
    let classic = "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.1.0\"\n  resolved \"https://host.example/a.tgz#2jmj\"\n  integrity sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n  dependencies:\n    b \"^2.0.0\"\n\nb@^2.0.0:\n  version \"2.0.0\"\n\nalias@npm:real@^1:\n  version \"1.2.0\"\n";
    assert_eq!(told(&YARN, "yarn.lock", classic), ["b@2.0.0", "real@1.2.0", "@s/a@1.1.0"]);
    let package = packages(&YARN, "yarn.lock", classic).pop().expect("packages");
    assert_eq!((package.hashes.len(), package.depends[0].names[0].as_str()), (1, "b"));
    let berry = "__metadata:\n  version: 6\n\n\"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0\":\n  version: 1.1.0\n  resolution: \"@s/a@npm:1.1.0\"\n  dependencies:\n    b: ^2.0.0\n  languageName: node\n\n\"own@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"own@workspace:.\"\n";
    assert_eq!(told(&YARN, "yarn.lock", berry), ["@s/a@1.1.0"]);
}

#[test]
fn pnpm_locks_of_all_versions_are_read() {
    let text = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x:\n        version: 1.0.0\n\npackages:\n\n  '@s/a@1.0.0':\n    resolution: {integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=}\n\n  b@2.0.0(react@18.0.0):\n    resolution: {integrity: x}\n    dev: true\n\nsnapshots:\n\n  '@s/a@1.0.0': {}\n";
    assert_eq!(told(&PNPM, "pnpm-lock.yaml", text), ["b@2.0.0", "@s/a@1.0.0"]);
    assert_eq!(packages(&PNPM, "pnpm-lock.yaml", text)[1].hashes.len(), 1);
    let old = "lockfileVersion: 5.4\npackages:\n  /@s/a/1.0.0:\n    dev: true\n  /b/2.0.0_react@18.0.0:\n    x: y\n  /c@3.0.0:\n  github.com/x/y/0123:\n    name: y\n    version: 4.0.0\n";
    assert_eq!(told(&PNPM, "pnpm-lock.yaml", old), ["b@2.0.0", "c@3.0.0", "y@4.0.0", "@s/a@1.0.0"]);
}

#[test]
fn locks_of_python_are_read() {
    let requirements = "# x\n--index-url https://u:p@host.example\nFlask[async]==2.0.1 ; python_version > '3' \\\n    --hash=sha256:00\nsix>=1\n-r other.txt\nurllib3 == 1.26.5 # why\nany==1.*\n-e .\n";
    assert_eq!(told(&PYTHON, "app/requirements-dev.txt", requirements), ["Flask@2.0.1", "urllib3@1.26.5"]);
    let poetry = "[[package]]\nname = \"a\"\nversion = \"1.0\"\ncategory = \"dev\"\n\n[package.dependencies]\nb = \">=1\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0\"\n\n[metadata]\nlock-version = \"2.0\"\n";
    assert_eq!(told(&PYTHON, "poetry.lock", poetry), ["a@1.0", "b@2.0"]);
    assert_eq!(packages(&PYTHON, "poetry.lock", poetry)[0].depends[0].names, ["b"]);
    let uv = "version = 1\n[[package]]\nname = \"app\"\nversion = \"0.1\"\nsource = { virtual = \".\" }\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { registry = \"https://host.example\" }\ndependencies = [\n    { name = \"b\", marker = \"x\" },\n]\n";
    assert_eq!(told(&PYTHON, "uv.lock", uv), ["a@1.0"]);
    assert_eq!(packages(&PYTHON, "uv.lock", uv)[0].depends[0].names, ["b"]);
    let pipfile = r#"{"_meta":{},"default":{"a":{"version":"==1.0"},"g":{"git":"https://host.example"}},"develop":{"b":{"version":"==2.0"}}}"#;
    assert_eq!(told(&PYTHON, "Pipfile.lock", pipfile), ["a@1.0", "b@2.0", "g@"]);
}

#[test]
fn locks_of_ruby_are_read() {
    let text = "GIT\n  remote: https://u:p@host.example/g.git\n  revision: abc\n  specs:\n    g (0.1)\n\nPATH\n  remote: .\n  specs:\n    own (9)\n\nGEM\n  remote: https://host.example/\n  specs:\n    nokogiri (1.16.0-x86_64-linux)\n      racc (~> 1.4)\n    racc (1.7.3)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  nokogiri\n";
    assert_eq!(told(&GEM, "Gemfile.lock", text), ["g@0.1", "nokogiri@1.16.0", "racc@1.7.3"]);
    let all = packages(&GEM, "Gemfile.lock", text);
    assert_eq!(all[0].vcs.as_deref(), Some("https://host.example/g.git@abc"));
    assert_eq!((all[1].qualifiers["platform"].as_str(), all[1].depends[0].names[0].as_str()), ("x86_64-linux", "racc"));
}

#[test]
fn locks_of_rust_go_and_php_are_read() {
    let sum = "0".repeat(64);
    let cargo = format!(
        "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n[[package]]\nname = \"rand\"\nversion = \"0.8.5\"\nsource = \"registry+https://host.example\"\nchecksum = \"{sum}\"\ndependencies = [\n \"libc\",\n \"x 1.0.0\",\n]\n"
    );
    assert_eq!(told(&CARGO, "Cargo.lock", &cargo), ["rand@0.8.5"]);
    let rand = packages(&CARGO, "Cargo.lock", &cargo).remove(0);
    assert_eq!((rand.hashes.len(), rand.depends[1].version.as_deref()), (1, Some("1.0.0")));
    let module = "module example.com/own\n\ngo 1.22\n\nrequire github.com/a/b/v2 v2.1.0\nrequire (\n\tgithub.com/c/d v1.0.0 // indirect\n\tstdish v0.1.0\n)\nreplace github.com/c/d => ../d\nreplace stdish v0.1.0 => github.com/e/f v1.2.3\n";
    assert_eq!(told(&GO, "go.mod", module), ["github.com/a/b/v2@v2.1.0", "github.com/c/d@", "github.com/e/f@v1.2.3"]);
    let sums =
        "github.com/a/b v1.0.0 h1:AAA=\ngithub.com/a/b v1.0.0/go.mod h1:BBB=\ngithub.com/x/y v0.1.0/go.mod h1:CCC=\n";
    assert_eq!(told(&GO, "go.sum", sums), ["github.com/a/b@v1.0.0"]);
    assert_eq!(packages(&GO, "go.sum", sums)[0].properties["go:h1"], "h1:AAA=");
    let composer = r#"{"packages":[{"name":"a/b","version":"v1.0","license":["MIT"]}],"packages-dev":[{"name":"c/d","version":"2.0"}]}"#;
    assert_eq!(told(&COMPOSER, "composer.lock", composer), ["a/b@1.0", "c/d@2.0"]);
}

#[test]
fn locks_of_other_families_are_read() {
    let nuget = r#"{"version":1,"dependencies":{"net8.0":{"A":{"type":"Direct","resolved":"1.0.0","contentHash":"x","dependencies":{"B":"2.0.0"}},"Own":{"type":"Project"}}}}"#;
    assert_eq!(told(&NUGET, "packages.lock.json", nuget), ["A@1.0.0"]);
    assert_eq!(
        told(&GRADLE, "app/gradle.lockfile", "# x\norg.x:a:1.0=compileClasspath,runtimeClasspath\nempty=\n"),
        ["org.x/a@1.0"]
    );
    let hex = "%{\n  \"jason\": {:hex, :jason, \"1.4.1\", \"aaaa\", [:mix], [{:decimal, \"~> 1.0\", [hex: :decimal, repo: \"hexpm\", optional: true]}], \"hexpm\", \"bbbb\"},\n  \"g\": {:git, \"https://u:p@host.example/g.git\", \"abc\", []},\n}\n";
    assert_eq!(told(&HEX, "mix.lock", hex), ["g@", "jason@1.4.1"]);
    assert_eq!(packages(&HEX, "mix.lock", hex)[0].vcs.as_deref(), Some("https://host.example/g.git@abc"));
    let swift = r#"{"pins":[{"identity":"a","location":"https://github.com/O/A.git","state":{"revision":"abc","version":"5.4.3"}}],"version":2}"#;
    assert_eq!(told(&SWIFT, "Package.resolved", swift), ["github.com/O/A@5.4.3"]);
    let swift = r#"{"object":{"pins":[{"package":"A","repositoryURL":"git@host.example:O/A.git","state":{"version":"1.0"}}]},"version":1}"#;
    assert_eq!(told(&SWIFT, "Package.resolved", swift), ["host.example/O/A@1.0"]);
    let julia = "julia_version = \"1.9\"\n[[deps.JSON]]\ndeps = [\"Dates\"]\nuuid = \"682c06a0\"\nversion = \"0.21.4\"\n[[deps.Dates]]\nuuid = \"ade2ca70\"\n";
    assert_eq!(told(&JULIA, "Manifest.toml", julia), ["julia/JSON@0.21.4"]);
    let conan =
        r#"{"version":"0.5","requires":["zlib/1.2.11#rev%1.0","own/1.0@user/ch#r"],"build_requires":["cmake/3.1"]}"#;
    assert_eq!(told(&CONAN, "conan.lock", conan), ["cmake@3.1", "own@1.0", "zlib@1.2.11"]);
    let conan = r#"{"graph_lock":{"nodes":{"0":{"ref":"x/1.0"},"1":{"ref":"zlib/1.2.11#0"}}}}"#;
    assert_eq!(told(&CONAN, "conan.lock", conan), ["x@1.0", "zlib@1.2.11"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_lock_reader_panic(text in "[\\PC\n\" :=@/()\\[\\]{},#-]{0,200}", cut in 0usize..400) {
        let mut end = cut.min(NPM_3.len());
        while !NPM_3.is_char_boundary(end) { end -= 1; }
        for cataloger in CATALOGERS.iter().filter(|cataloger| cataloger.id.starts_with("lock-")) {
            for path in ["requirements.txt", "poetry.lock", "Pipfile.lock", "go.mod", "go.sum"] {
                for text in [text.as_str(), &format!("packages:\n  {text}"), &format!("[[package]]\n{text}"), &format!("GEM\n  specs:\n    {text}"), &format!("{}{text}", &NPM_3[..end])] {
                    let _ = (cataloger.parse)(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 });
                }
            }
        }
    }
}
