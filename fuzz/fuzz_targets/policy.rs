//! Policy text: every complaint can be shown at its place; what is accepted is accepted again as the same.

#![no_main]

use imgguard::policy::{parse, render};
use libfuzzer_sys::fuzz_target;

const OTHER: &str = "version: 1\nname: other\nrules:\n  size:\n    total: { level: deny, below: 1GB }\n";

fuzz_target!(|text: &str| {
    let mut load = |path: &str| match path {
        "other.yaml" => Ok(OTHER.to_owned()),
        _ => Err("there is no such file".to_owned()),
    };
    match parse(text, "policy.yaml", &mut load) {
        Ok(policy) => match parse(text, "policy.yaml", &mut load) {
            Ok(again) => assert_eq!((policy.digest, policy.rules.len()), (again.digest, again.rules.len())),
            Err(errors) => panic!("refused the second time: {}", render(&errors, false)),
        },
        Err(errors) => assert!(!render(&errors, false).is_empty()),
    }
});
