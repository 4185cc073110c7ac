//! Pieces of pages, rendered on the server and kept up to date in the browser.

mod figure;
mod state;
mod timetable;

pub use figure::figure;
pub use state::{progress, state};
pub use timetable::timetable;

use protocol::Index;

/// The address of the page of an index.
#[must_use]
pub fn value_page(index: Index) -> String {
    format!("/values/{index}")
}
