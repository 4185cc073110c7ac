//! Every word on the page that is about the job: what it computes, and how its indexes and values are
//! written.
//!
//! A fork with another job replaces this file. The rest of the page speaks only of indexes, values and
//! workers.

use protocol::Index;

/// Name of the site; `style/assets/manifest.webmanifest` has the same.
pub const SITE_NAME: &str = "fibstack";
/// Description of the site for search engines and link previews.
pub const DESCRIPTION: &str = "A distributed Fibonacci calculator. Send a number through a real multi-container \
    system and watch every step: server, database, queue, worker, and back.";

/// Heading of the home page.
pub const TITLE: &str = "Watch a number travel";
/// Introduction below the heading.
pub const LEAD: &str = "Pick a position in the Fibonacci sequence. Your request goes through a server, a database, \
    a queue and a worker, and comes back as an exact number for everyone watching.";
/// Label of the field for the index.
pub const FIELD_LABEL: &str = "Which Fibonacci number?";
/// Example in the empty field.
pub const PLACEHOLDER: &str = "7";
/// Heading of the list of values.
pub const VALUES_HEADING: &str = "Everyone’s numbers";
/// Text in place of an empty list of values.
pub const NO_VALUES: &str = "Nothing yet. Compute a number and it will appear here.";
/// Link from the other pages to the home page.
pub const BACK: &str = "Back to all numbers";
/// Heading of the page of a value whose address contains no valid index.
pub const NOT_AN_INDEX: &str = "Not a Fibonacci index";

/// Definition in the footer.
pub const DEFINITION: &str = "F(0) = 0, F(1) = 1, and each number is the sum of the two before it.";
/// Text and address of the reference in the footer.
pub const REFERENCE: (&str, &str) = ("OEIS A000045", "https://oeis.org/A000045");

/// Introduction of the page “How it works”.
pub const EXPLANATION: &str = "There are easier ways to get a Fibonacci number. This one takes the long way on \
    purpose: a tiny job, done by a system of many parts that keeps giving right answers when any one of them fails.";
/// Role of a worker, in the diagram.
pub const COMPUTATION: &str = "F(n), exactly";
/// Verification by a server, in the explanation.
pub const VERIFICATION: &str = "One of them checks the number modulo large primes and saves it in Postgres. A wrong \
    number is computed again.";

/// Unit of the length of a value, singular and plural.
pub const UNIT: (&str, &str) = ("digit", "digits");

/// Returns the value of `index` in the notation of the job: `F(7)`.
#[must_use]
pub fn notation(index: Index) -> String {
    format!("F({index})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_has_the_same_name() {
        let manifest = include_str!("../../style/assets/manifest.webmanifest");
        let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
        assert_eq!(manifest["name"], SITE_NAME);
    }
}
