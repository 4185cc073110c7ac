//! What people see: pages, their parts, and the islands that come alive in the browser.
//!
//! The server renders every page whole ([`shell`]), so that it works without scripts. In the browser
//! only the [`islands`] are hydrated: the form, the lists, one value, the state of the connection.
//! They hear of news through [`live`] and speak to the API through [`api`].
//!
//! | where | what |
//! |---|---|
//! | `visit`, `source`, `shell`, `pages`, `security` | server: what a URL asks for, its data, the document |
//! | [`islands`], [`live`], [`api`], [`clipboard`] | browser (the islands are rendered on the server too) |
//! | [`parts`], [`listing`], [`wording`] | both: pieces of pages, and the logic behind them |

// The type of a page nests as deep as its markup.
// The type of a page is its whole tree of elements.
#![recursion_limit = "256"]

pub mod api;
pub mod clipboard;
pub mod islands;
pub mod listing;
pub mod live;
pub mod parts;
pub mod wording;

#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod security;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
mod source;
#[cfg(feature = "ssr")]
mod visit;

#[cfg(feature = "ssr")]
pub use pages::App;
#[cfg(feature = "ssr")]
pub use security::{Reload, content_security_policy};
#[cfg(feature = "ssr")]
pub use shell::shell;
