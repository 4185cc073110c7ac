//! The parts of pages that run in the browser. The server renders them first.

// The macro puts every component into a module of its own, where the lint can't see the exports.
#![allow(unreachable_pub)]

mod connection_status;
mod entry_lists;
mod prop;
mod submit_form;
mod value_view;

pub use connection_status::ConnectionStatus;
pub use entry_lists::EntryLists;
pub use prop::Prop;
pub use submit_form::SubmitForm;
pub use value_view::ValueView;
