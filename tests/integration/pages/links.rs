//! Links between the pages must lead to existing files and headings.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The pages for people.
pub(crate) fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [".", "cdk", "docs", "examples"] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// Returns the lines of a page outside of code blocks, without the text between backticks.
fn prose(text: &str) -> Vec<String> {
    let (mut lines, mut code) = (Vec::new(), false);
    for line in text.lines() {
        let fence = line.trim_start().trim_start_matches("> ").starts_with("```");
        code ^= fence;
        if !code && !fence {
            lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join(""));
        }
    }
    assert!(!code, "a code block is not closed");
    lines
}

/// Returns the anchors that GitHub gives to headings: in lower case, with hyphens instead of
/// blanks, and without other punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        code ^= line.trim_start().starts_with("```");
        !code && line.starts_with('#')
    });
    lines
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Returns the targets of a page's links. A link may span lines.
fn targets(text: &str) -> Vec<String> {
    let lines = prose(text);
    let whole = lines.join("\n");
    let mut found = Vec::new();
    for rest in whole.split("](").skip(1) {
        found.push(rest.split(')').next().unwrap().trim().to_owned());
    }
    let defined: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|line| line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")))
        .collect();
    found.extend(defined.iter().map(|(_, target)| (*target).to_owned()));
    for rest in whole.split("][").skip(1) {
        let name = rest.split(']').next().unwrap();
        assert!(defined.iter().any(|(known, _)| *known == name), "[{name}] is not defined");
    }
    found
}

#[test]
fn every_link_has_a_target() {
    let (mut broken, mut followed) = (Vec::new(), 0);
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text).into_iter().filter(|target| !target.contains("://")) {
            followed += 1;
            let (file, anchor) = target
                .split_once('#')
                .map_or((target.as_str(), None), |(file, at)| (file, Some(at)));
            let path =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let leads = path.exists()
                && anchor.is_none_or(|anchor| {
                    fs::read_to_string(&path).is_ok_and(|text| anchors(&text).contains(anchor))
                });
            if !leads {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 80, "{followed} links");
}

#[test]
fn every_page_is_linked_from_the_readme_in_its_folder() {
    for page in pages().iter().filter(|page| !page.ends_with("README.md")) {
        let readme = fs::read_to_string(page.with_file_name("README.md")).unwrap();
        let name = page.file_name().unwrap().display().to_string();
        assert!(
            readme.contains(&format!("]({name})")),
            "README.md has no link to {}",
            page.display()
        );
    }
}

#[test]
fn headings_and_links_are_parsed_as_they_are_shown() {
    let text = "# From CDK's `X`, twice\n\n[a](b.md#c) and `[no](link)`\n```sh\n# no heading [no](link)\n```\n[d][e]\n\n[e]: f.md\n";
    assert_eq!(anchors(text), BTreeSet::from(["from-cdks-x-twice".to_owned()]));
    assert_eq!(targets(text), ["b.md#c", "f.md"]);
}
