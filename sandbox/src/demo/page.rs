//! Writes the demo's page: titles, and labeled blocks of lines.

use std::io::Write;

use super::style::Style;

/// The width of the page, in columns.
pub(super) const WIDTH: usize = 100;
/// The column at which the text of a block starts.
const MARGIN: usize = 12;
/// The width of a line in a block.
pub(super) const ROOM: usize = WIDTH - MARGIN;

/// The page that the demo is written to.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    style: Style,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self { out, style }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    pub(super) fn title(&mut self, text: &str) -> Result<(), String> {
        let rule = "=".repeat(WIDTH.saturating_sub(text.len() + 4));
        let title = self.style.heading(&format!("== {text} {rule}"));
        self.write(&format!("\n{title}\n"))
    }

    pub(super) fn step(&mut self, number: usize, title: &str, why: &str) -> Result<(), String> {
        self.title(&format!("{number}. {title}"))?;
        let why: Vec<String> = wrap(why, WIDTH).iter().map(|line| self.style.dim(line)).collect();
        self.write(&format!("{}\n", why.join("\n")))
    }

    /// Writes lines next to a label. Without a label they start at the left margin.
    pub(super) fn block(&mut self, label: &str, lines: &[String]) -> Result<(), String> {
        if label.is_empty() {
            return self.write(&format!("{}\n", lines.join("\n")));
        }
        let mut text = if ["request", "setting", "question"].contains(&label) {
            "\n".to_owned()
        } else {
            String::new()
        };
        let mut label = self.style.bold(&format!("  {label:<width$}", width = MARGIN - 2));
        for line in lines {
            text.push_str(&label);
            text.push_str(line);
            text.push('\n');
            label = " ".repeat(MARGIN);
        }
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        // A closed pipe ends the demo.
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| format!("can't write the output: {error}"))
    }
}

/// Breaks a text into lines of at most `width` characters, after spaces and commas.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for piece in text.split_inclusive([' ', ',']) {
        match lines.last_mut() {
            Some(line)
                if line.is_empty()
                    || line.chars().count() + piece.trim_end().chars().count() <= width =>
            {
                line.push_str(piece);
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
