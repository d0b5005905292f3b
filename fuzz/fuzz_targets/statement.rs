//! Statements: each has a subject and a type.

#![no_main]

use imgguard::sign::Statement;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::read(bytes) {
        assert!(!statement.subjects().is_empty() && !statement.predicate_type().is_empty());
    }
});
