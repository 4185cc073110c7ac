//! The wire contract of fibstack: everything that two of its programs must agree on.
//!
//! It defines the [`Index`] a visitor submits, the [`Entry`] they get back, the [`Event`] that reports
//! a change, the [`Problem`] that explains an error, and the [`names`] of keys, channels and routes.
//! The crate does no I/O and compiles for the browser too.

mod bounded_text;
mod entry;
mod event;
mod form_problem;
mod index;
pub mod names;
mod notice;
mod problem;
mod revision;
mod timeline;
mod worker_id;

pub use bounded_text::bounded;
pub use entry::{Entry, HEAD_DIGITS, Outcome, SHORT_DIGITS, Status, TAIL_DIGITS};
pub use event::{Event, EventKind};
pub use form_problem::FormProblem;
pub use index::{Fault, Index, IndexError, IndexErrorKind, IndexRange};
pub use notice::Notice;
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use revision::Revision;
pub use timeline::Timeline;
pub use worker_id::WorkerId;
