//! The parts of pages that come alive in the browser. The server renders them first.

// The macro puts every component into a module of its own, where the lint can't see the exports.
#![allow(unreachable_pub)]

mod entry_lists;
mod live_mark;
mod submit_form;
mod value_view;

pub use entry_lists::EntryLists;
pub use live_mark::LiveMark;
pub use submit_form::SubmitForm;
pub use value_view::ValueView;
