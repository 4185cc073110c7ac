//! What travels between the parts of fibstack: the wire contract in one place.
//!
//! Every name that two programs must agree on stands here: the [`Index`] a visitor submits, the
//! [`Entry`] they get back, the [`Event`] that tells of a change, the [`Problem`] that says what
//! went wrong, and the [`names`] of keys, channels and routes. The crate knows no I/O and compiles
//! for the browser too.

mod entry;
mod event;
mod index;
pub mod names;
mod notice;
mod problem;
mod revision;
mod timeline;
mod worker_id;

pub use entry::{Entry, HEAD_DIGITS, Outcome, SHORT_DIGITS, Status, TAIL_DIGITS};
pub use event::{Event, EventKind};
pub use index::{Index, IndexError, MaxIndex};
pub use notice::Notice;
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use revision::Revision;
pub use timeline::Timeline;
pub use worker_id::WorkerId;
