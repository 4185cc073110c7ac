//! Every word on the page that is about the job: the n-th prime.

use protocol::Index;

/// Name of the site; `style/assets/manifest.webmanifest` has the same.
pub const SITE_NAME: &str = "fibstack";
/// Description of the site for search engines and link previews.
pub const DESCRIPTION: &str = "A distributed prime number finder. Send a number through a real multi-container \
    system and watch every step: server, database, queue, worker, and back.";

/// Heading of the home page.
pub const TITLE: &str = "Watch a prime arrive";
/// Introduction below the heading.
pub const LEAD: &str = "Pick a position in the sequence of primes. Your request goes through a server, a database, \
    a queue and a worker, and comes back as a prime number for everyone watching.";
/// Label of the field for the index.
pub const FIELD_LABEL: &str = "Which prime number?";
/// Example in the empty field.
pub const PLACEHOLDER: &str = "7";
/// Heading of the list of values.
pub const VALUES_HEADING: &str = "Everyone’s numbers";
/// Text in place of an empty list of values.
pub const NO_VALUES: &str = "Nothing yet. Compute a number and it will appear here.";
/// Link from the other pages to the home page.
pub const BACK: &str = "Back to all numbers";
/// Heading of the page of a value whose address contains no valid index.
pub const NOT_AN_INDEX: &str = "Not the index of a prime";

/// Definition in the footer.
pub const DEFINITION: &str = "p(1) = 2, p(2) = 3, p(3) = 5: the numbers with exactly two divisors.";
/// Text and address of the reference in the footer.
pub const REFERENCE: (&str, &str) = ("OEIS A000040", "https://oeis.org/A000040");

/// Introduction of the page “How it works”.
pub const EXPLANATION: &str = "There are easier ways to get a prime number. This one takes the long way on \
    purpose: a tiny job, done by a system of many parts that keeps giving right answers when any one of them fails.";
/// Role of a worker, in the diagram.
pub const COMPUTATION: &str = "the n-th prime";
/// Verification by a server, in the explanation.
pub const VERIFICATION: &str = "One of them counts the primes up to the number and saves it in Postgres. A wrong \
    number is computed again.";

/// Unit of the length of a value, singular and plural.
pub const UNIT: (&str, &str) = ("digit", "digits");

/// Returns the value of `index` in the notation of the job: `p(7)`.
#[must_use]
pub fn notation(index: Index) -> String {
    format!("p({index})")
}
