//! Runs the properties of the fuzz targets on inputs that once mattered, and on a few random ones.
//! `make fuzz` searches for more.
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "the properties are also compiled as another crate"
)]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

type Law = fn(&[u8]);

const TARGETS: [(&str, Law); 5] = [
    ("envelope", targets::envelope),
    ("properties", targets::properties),
    ("names", targets::names),
    ("ownership", targets::ownership),
    ("answer", targets::answer),
];

/// Returns the committed inputs of a target: seeds, and what the fuzzer found.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new("fuzz/corpus-regressions").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn the_properties_hold_for_every_committed_input() {
    for (target, law) in TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= 3, "{target} must have seeds");
        for (path, input) in inputs {
            // Shown only if the test fails.
            println!("{path}");
            law(&input);
        }
    }
}

#[test]
fn each_folder_and_each_program_belongs_to_a_target() {
    for folder in ["fuzz/corpus-regressions", "fuzz/fuzz_targets"] {
        let mut found: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        let mut targets = TARGETS.map(|(target, _)| target);
        targets.sort_unstable();
        assert_eq!(found, targets, "{folder}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_properties_hold_for_random_bytes(
        data in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        for (_, law) in TARGETS {
            law(&data);
        }
    }

    /// A committed input of which a part is replaced: it mostly still has the form that the target
    /// parses.
    #[test]
    fn the_properties_hold_for_changed_inputs(
        target in 0..TARGETS.len(),
        input in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0..8_usize,
        change in proptest::collection::vec(
            prop_oneof![
                any::<u8>(),
                proptest::sample::select(b"\"\\{}[]:,.\n01zZ*-".to_vec()),
            ],
            0..8,
        ),
    ) {
        let (name, law) = TARGETS[target];
        let mut data = input.get(&corpus(name)).1.clone();
        let at = at.index(data.len() + 1);
        let end = data.len().min(at + length);
        data.splice(at..end, change);
        law(&data);
    }
}
