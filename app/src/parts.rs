//! Pieces of pages, rendered on the server and kept up to date in the browser.

mod replaced;
mod status;
mod timeline;
mod value;

pub use replaced::{TextElement, replaced, replaced_text, replaced_texts};
pub use status::{brief_value, facts, progress, reason, status};
pub use timeline::timeline;
pub use value::value;

use protocol::Index;

use crate::root;

/// Returns the address of the page that waits for a whole value and then downloads it.
#[must_use]
pub fn download_page(index: Index) -> String {
    format!("{}/digits", value_page(index))
}

/// Returns the address of the page of an index.
#[must_use]
pub fn value_page(index: Index) -> String {
    root::address(&format!("/values/{index}"))
}
