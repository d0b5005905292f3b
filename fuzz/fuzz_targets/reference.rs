//! Image references: what is accepted is written out as something that is accepted as the same.

#![no_main]

use imgguard::oci::Reference;
use imgguard::source::ImageSpec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ImageSpec::parse(text, &|_| None);
    let Ok(reference) = text.parse::<Reference>() else { return };
    let written = reference.to_string();
    assert_eq!(written.parse::<Reference>().as_ref(), Ok(&reference), "{written}");
    let _ = (reference.familiar(), reference.repository_name(), reference.effective_tag().map(str::len));
});
