//! The user interface: pages, their parts, and the islands that run in the browser.
//!
//! The server renders every page completely (`routes`), so that pages work without scripts. In the
//! browser, only the [`islands`] are hydrated: the form, the lists, one value, the state of the
//! connection. They receive events through [`live`] and call the API through [`api`].
//!
//! | module | compiled for |
//! |---|---|
//! | `routes`, `pages`, `shell`, `content_security_policy` | server: addresses, pages with their data, the document |
//! | [`islands`], [`live`], [`api`], [`clipboard`], [`translation`] | browser (the server renders the islands first) |
//! | [`job_words`], [`wording`], [`parts`], [`listing`] | both: the words, pieces of pages, the list of entries |

// The type of a page contains the types of all its elements.
#![recursion_limit = "256"]

pub mod api;
pub mod clipboard;
pub mod islands;
pub mod job_words;
pub mod listing;
pub mod live;
pub mod parts;
mod root;
pub mod translation;
pub mod wording;

#[cfg(feature = "ssr")]
mod content_security_policy;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use {
    root::forwarded_prefix,
    routes::{not_found, routes},
};
