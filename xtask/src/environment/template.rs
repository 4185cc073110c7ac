//! The committed template of a file of variables.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::dotenv;

/// A file with a line for each variable: `NAME=default`, or `#NAME=default` if it is usually not set. Lines that begin
/// with `# ` are comments.
pub(super) struct Template {
    text: String,
}

impl Template {
    pub(super) fn new(text: String) -> Self {
        Self { text }
    }

    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.text.lines().filter_map(name).collect()
    }

    /// Returns the template's text with these values filled in.
    pub(super) fn fill(&self, values: &BTreeMap<String, String>) -> Result<String> {
        let mut filled = String::new();
        for line in self.text.lines() {
            match name(line).and_then(|name| values.get(name).map(|value| (name, value))) {
                Some((name, value)) => filled += &dotenv::set(name, value)?,
                None => filled += line,
            }
            filled.push('\n');
        }
        Ok(filled)
    }
}

/// Returns the variable that a line sets or mentions.
fn name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('#').unwrap_or(line).split_once('=')?;
    let is_name = name.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_');
    (is_name && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_comments_are_kept() {
        let template = Template::new("# Where: PORT=1 is one.\nPORT=3050\n#TAG=latest\n#OTHER=\n".to_owned());
        assert_eq!(template.names(), BTreeSet::from(["PORT", "TAG", "OTHER"]));
        let values = [("TAG", "two words"), ("PORT", "8080")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let filled = template.fill(&values).unwrap();
        assert_eq!(filled, "# Where: PORT=1 is one.\nPORT=8080\nTAG='two words'\n#OTHER=\n");
    }
}
