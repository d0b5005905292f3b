//! The JSON schemas of the documents that imgguard writes, as they are published in `docs/schemas`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// The schema (draft 2020-12) of a document as it is serialised, ending with a newline. `id` is the version that the document names.
#[must_use]
pub fn json_schema<T: JsonSchema>(id: &str, title: &str) -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), id.into());
    schema.insert("title".to_owned(), title.into());
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
