//! The texts in the sources: a small lexer that knows strings, comments, attributes and macros, and no more.

use std::fs;
use std::path::{Path, PathBuf};

/// A string in the code, with its escapes resolved.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) text: String,
    /// The file and the line, for the message of a failed test.
    pub(crate) at: String,
    /// True if it is an argument of a logging macro.
    pub(crate) logged: bool,
}

/// A call of a logging macro.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) message: String,
    pub(crate) level: String,
    pub(crate) fields: Vec<String>,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What only the command uses: its users have `docs/command.md`, and the function says nothing of it.
const COMMAND: [&str; 5] = [
    "crates/dns-check/src/referral.rs",
    "src/inventory.rs",
    "src/handler/expected.rs",
    "src/handler/preview.rs",
    "src/handler/survey.rs",
];

/// All strings and logged events of the function's code, tests left out.
pub(crate) fn read() -> (Vec<Literal>, Vec<Event>) {
    let (mut paths, mut literals, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for sources in ["src", "crates/delegation-model/src", "crates/dns-check/src"] {
        find(Path::new(sources), &mut paths);
    }
    assert!(paths.len() > 30, "the sources were found");
    paths.retain(|path| !COMMAND.iter().any(|left_out| path.starts_with(left_out)));
    paths.sort();
    for path in paths {
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let mut lexer = Lexer { rest: code, line: 1, path: path.display().to_string() };
        lexer.run(&mut literals, &mut events);
    }
    (literals, events)
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    path: String,
}

/// A logging macro that is not closed yet: its level, how deep its parentheses are, its arguments so far.
struct Open {
    level: String,
    depth: usize,
    arguments: Vec<String>,
    message: String,
}

impl Lexer<'_> {
    fn run(&mut self, literals: &mut Vec<Literal>, events: &mut Vec<Event>) {
        let mut open: Option<Open> = None;
        let mut word = String::new();
        while let Some(c) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("#[") || self.rest.starts_with("#![") {
                self.attribute();
            } else if let Some(text) = self.string() {
                let at = format!("{}:{}", self.path, self.line);
                literals.push(Literal { text: text.clone(), at, logged: open.is_some() });
                if let Some(open) = &mut open {
                    open.message = text;
                }
            } else if let Some(length) = self.character() {
                self.skip(length);
            } else if let Some(level) = LEVELS.iter().find(|level| self.rest.starts_with(&format!("{level}!(")))
                && !word.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            {
                let (level, length) = (level.to_uppercase(), level.len() + 2);
                self.skip(length);
                open = Some(Open { level, depth: 1, arguments: vec![String::new()], message: String::new() });
            } else {
                self.skip(c.len_utf8());
                if let Some(call) = &mut open {
                    match c {
                        '(' | '[' | '{' => call.depth += 1,
                        ')' | ']' | '}' => call.depth -= 1,
                        ',' if call.depth == 1 => call.arguments.push(String::new()),
                        _ => {}
                    }
                    if call.depth == 0 {
                        let call = open.take().unwrap();
                        let fields = call.arguments.iter().filter_map(|argument| field(argument)).collect();
                        events.push(Event { message: call.message, level: call.level, fields });
                    } else if c != ',' || call.depth > 1 {
                        call.arguments.last_mut().unwrap().push(c);
                    }
                }
            }
            word = if c.is_alphanumeric() || c == '_' { word + &c.to_string() } else { String::new() };
        }
        assert!(open.is_none(), "{}: a macro without an end", self.path);
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn attribute(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.rest.chars().next() {
            if self.string().is_some() {
                continue;
            }
            self.skip(c.len_utf8());
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            if c == ']' && depth == 0 {
                return;
            }
        }
    }

    /// Takes a string, if one starts here.
    fn string(&mut self) -> Option<String> {
        if let Some(raw) = self.rest.strip_prefix('r')
            && raw.trim_start_matches('#').starts_with('"')
        {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            let body = &raw[hashes + 1..];
            let end = body.find(&format!("\"{}", "#".repeat(hashes))).unwrap();
            let text = body[..end].to_owned();
            self.skip(1 + hashes + 1 + end + 1 + hashes);
            return Some(text);
        }
        let body = self.rest.strip_prefix('"')?;
        let (mut text, mut chars) = (String::new(), body.char_indices());
        loop {
            let (at, c) = chars.next().unwrap();
            match c {
                '"' => {
                    self.skip(at + 2);
                    return Some(text);
                }
                '\\' => match chars.next().unwrap().1 {
                    // The text goes on behind the white space of the next line.
                    '\n' => {
                        let rest = chars.as_str();
                        let blank = rest.len() - rest.trim_start().len();
                        chars.nth(blank - 1);
                    }
                    'n' => text.push('\n'),
                    other => text.push(other),
                },
                _ => text.push(c),
            }
        }
    }

    /// The length of a character, if one starts here; a lifetime is none.
    fn character(&self) -> Option<usize> {
        let body = self.rest.strip_prefix('\'')?;
        if body.starts_with('\\') {
            return body[2..].find('\'').map(|end| end + 4);
        }
        let length = body.chars().next()?.len_utf8();
        body[length..].starts_with('\'').then_some(length + 2)
    }
}

/// `physical_id = x`, `%error` and `?status` are fields; the message has left nothing.
fn field(argument: &str) -> Option<String> {
    let name = argument.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
    (!name.is_empty()).then(|| name.to_owned())
}
