//! The schemas in `docs/schemas` are those that the types describe.

/// Compares schemas, by file name, with the files of the repository.
///
/// # Panics
/// When one differs; what it should be is then written beside it.
#[expect(clippy::disallowed_methods, reason = "the test compares with files of the repository")]
pub fn are_up_to_date(schemas: &[(&str, String)]) {
    for (name, wanted) in schemas {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(name);
        if std::fs::read_to_string(&path).unwrap_or_default() != *wanted {
            std::fs::write(path.with_extension("json.new"), wanted).expect("the folder is writable");
            panic!("docs/schemas/{name} is out of date: compare with {name}.new, then rename it");
        }
    }
}
