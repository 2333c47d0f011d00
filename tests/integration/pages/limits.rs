//! The numbers of `docs/limits.md` must be those of the code.

use std::fs;

/// Returns the whole numbers in a text.
fn numbers(text: &str) -> Vec<String> {
    let digits = text.replace('_', "");
    digits
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_constant_on_the_page_of_limits_has_its_value() {
    let page = fs::read_to_string("docs/limits.md").unwrap();
    let mut seen = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let named = row.split("(*constant* `").skip(1);
        let stated = numbers(row);
        for rest in named {
            let (name, rest) = rest.split_once("` in `").unwrap();
            let path = rest.split_once("`)").unwrap().0;
            let source = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let (_, after) = source
                .split_once(&format!("const {name}: "))
                .unwrap_or_else(|| panic!("there is no {name} in {path}"));
            let value = after.split_once('=').unwrap().1.split_once(';').unwrap().0;
            let value = numbers(value).pop().unwrap();
            assert!(stated.contains(&value), "{name} is {value}: {row}");
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen} constants");
}

#[test]
fn the_times_on_the_page_of_limits_are_those_of_the_template() {
    let page = fs::read_to_string("docs/limits.md").unwrap();
    let template = fs::read_to_string("template.yaml").unwrap();
    for (what, line) in [
        ("| one invocation | 300 seconds", "      Timeout: 300\n"),
        (
            "| an undelivered event | 3600 seconds and 3 deliveries",
            "      MaximumEventAgeInSeconds: 3600\n      MaximumRetryAttempts: 2\n",
        ),
        (
            "tried for 60 seconds, `PropagationWait`, at most 240",
            "    Default: 60\n    MinValue: 0\n    MaxValue: 240\n",
        ),
    ] {
        assert!(page.contains(what) && template.contains(line), "{what}");
    }
}
