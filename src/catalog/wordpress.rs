//! `WordPress`: the core, its plugins and its themes.

use crate::model::{Method, Package, PackageKind, Role};

use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, field, licences};

/// `WordPress`.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "wordpress",
    what: "WordPress, its plugins and its themes",
    takes: Takes::Path(is_part),
    limit: TEXT,
    parse,
};

/// `WordPress` reads the header comment from so many bytes.
const HEADER: usize = 8192;

fn is_part(path: &str) -> bool {
    if field::has_extension(path, "php") {
        return field::is_named(path, "wp-includes/version.php") || placed(path, "plugins").is_some();
    }
    path.ends_with("/style.css") && placed(path, "themes").is_some()
}

/// The folder name of a plugin or theme whose file this is: `wp-content/plugins/SLUG/FILE`, or `wp-content/plugins/SLUG.php`.
fn placed<'a>(path: &'a str, kind: &str) -> Option<&'a str> {
    let (folder, file) = field::split(path);
    let (above, slug) = field::split(folder);
    let is_root = |folder: &str| {
        let (content, last) = field::split(folder);
        last == kind && field::is_named(content, "wp-content")
    };
    if is_root(above) {
        return Some(slug);
    }
    (kind == "plugins" && is_root(folder) && file != "index.php").then(|| file.strip_suffix(".php"))?
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes.get(..HEADER).unwrap_or(input.bytes));
    let package = if field::is_named(input.path, "wp-includes/version.php") {
        core(&text)
    } else if field::has_extension(input.path, "css") {
        extension(&text, input.path, "themes", "Theme Name")
    } else {
        extension(&text, input.path, "plugins", "Plugin Name")
    };
    let mut findings = Findings::default();
    if let Some(package) = package.as_ref().filter(|package| package.version.is_empty()) {
        findings.gaps.push(format!("`{}` has no version", package.name));
    }
    findings.packages.extend(package);
    Ok(findings)
}

/// `$wp_version = '6.4.2';`.
fn core(text: &str) -> Option<Package> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("$wp_version")?.trim_start().strip_prefix('='));
    let version = value.and_then(|value| value.split(['\'', '"']).nth(1)).and_then(field::line).unwrap_or_default();
    let mut package = Package::new(PackageKind::Generic, "wordpress", version, Method::Manifest);
    package.role = Role::Application;
    if !package.version.is_empty() {
        package.cpes.push(format!("cpe:2.3:a:wordpress:wordpress:{}:*:*:*:*:*:*:*", cpe_part(&package.version)));
    }
    Some(package)
}

fn cpe_part(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-') {
                vec![letter]
            } else {
                vec!['\\', letter]
            }
        })
        .collect()
}

/// The header comment: `Plugin Name: X`, `Version: 1`.
fn extension(text: &str, path: &str, kind: &str, name_field: &str) -> Option<Package> {
    let get = |key: &str| {
        text.lines().find_map(|line| {
            let line = line.trim_start_matches([' ', '\t', '/', '*', '#', '@']);
            let rest = line
                .get(..key.len())
                .filter(|start| start.eq_ignore_ascii_case(key))
                .and_then(|_| line.get(key.len()..))?;
            field::line(rest.trim_start().strip_prefix(':')?.trim_end_matches("*/"))
        })
    };
    let title = get(name_field)?;
    let slug = field::line(placed(path, kind)?)?;
    let mut package = Package::new(PackageKind::Generic, slug, get("Version").unwrap_or_default(), Method::Manifest);
    package.namespace = Some(format!("wordpress-{kind}"));
    package.supplier = get("Author");
    package.description = Some(title);
    package.licences = get("License").map(|text| licences(Dialect::Spdx, &text)).unwrap_or_default();
    package.homepage = get("Plugin URI").or_else(|| get("Theme URI")).as_deref().and_then(field::url);
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Vec<String> {
        let findings = parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings");
        findings
            .packages
            .iter()
            .map(|it| format!("{}/{}@{}", it.namespace.as_deref().unwrap_or("-"), it.name, it.version))
            .chain(findings.gaps)
            .collect()
    }

    #[test]
    fn core_plugins_and_themes_are_told() {
        assert_eq!(read("var/www/wp-includes/version.php", "<?php\n$wp_version = '6.4.2';\n"), ["-/wordpress@6.4.2"]);
        assert_eq!(
            read(
                "w/wp-content/plugins/akismet/akismet.php",
                "<?php\n/**\n * Plugin Name: Akismet\n * Version: 5.3\n * License: GPLv2 or later\n */"
            ),
            ["wordpress-plugins/akismet@5.3"]
        );
        assert_eq!(read("w/wp-content/plugins/akismet/class.php", "<?php\nfunction x() {}"), Vec::<String>::new());
        assert_eq!(
            read("w/wp-content/themes/tt/style.css", "/*\nTheme Name: TT\n*/"),
            ["wordpress-themes/tt@", "`tt` has no version"]
        );
    }

    #[test]
    fn files_deeper_in_a_plugin_are_not_taken() {
        assert!(is_part("w/wp-content/plugins/hello.php"));
        for path in [
            "w/wp-content/plugins/a/b/c.php",
            "w/wp-content/plugins/index.php",
            "style.css",
            "w/wp-content/themes/a/css/style.css",
        ] {
            assert!(!is_part(path), "{path}");
        }
    }
}
