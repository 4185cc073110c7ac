//! Every word on the page that is about the job: the prime factors of n.

use protocol::Index;

/// Name of the site; `style/assets/manifest.webmanifest` has the same.
pub const SITE_NAME: &str = "fibstack";
/// Description of the site for search engines and link previews.
pub const DESCRIPTION: &str = "A distributed factoriser. Send a number through a real multi-container system and \
    watch every step: server, database, queue, worker, and back.";

/// Heading of the home page.
pub const TITLE: &str = "Watch a number fall apart";
/// Introduction below the heading.
pub const LEAD: &str = "Pick a number. Your request goes through a server, a database, a queue and a worker, and \
    comes back as prime factors for everyone watching.";
/// Label of the field for the index.
pub const FIELD_LABEL: &str = "Which number?";
/// Example in the empty field.
pub const PLACEHOLDER: &str = "360";
/// Heading of the list of values.
pub const VALUES_HEADING: &str = "Everyone’s numbers";
/// Text in place of an empty list of values.
pub const NO_VALUES: &str = "Nothing yet. Factorise a number and it will appear here.";
/// Link from the other pages to the home page.
pub const BACK: &str = "Back to all numbers";
/// Heading of the page of a value whose address contains no valid index.
pub const NOT_AN_INDEX: &str = "Not a number to factorise";

/// Definition in the footer.
pub const DEFINITION: &str = "360 = 2^3 × 3^2 × 5: every number from 2 has one product of primes.";
/// Text and address of the reference in the footer.
pub const REFERENCE: (&str, &str) = ("OEIS A027746", "https://oeis.org/A027746");

/// Introduction of the page “How it works”.
pub const EXPLANATION: &str = "There are easier ways to factorise a number. This one takes the long way on \
    purpose: a tiny job, done by a system of many parts that keeps giving right answers when any one of them fails.";
/// Role of a worker, in the diagram.
pub const COMPUTATION: &str = "the prime factors";
/// Verification by a server, in the explanation.
pub const VERIFICATION: &str = "One of them divides the number again and saves its factors in Postgres. Wrong \
    factors are computed again.";

/// Unit of the length of a value, singular and plural.
pub const UNIT: (&str, &str) = ("character", "characters");

/// Returns the name of the value of `index`: the number itself.
#[must_use]
pub fn notation(index: Index) -> String {
    index.to_string()
}
