//! The images and the Compose stacks on a real container engine: `cargo xtask test containers`.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

mod backup;
mod browser;
mod confinement;
mod files;
mod images;
mod outages;
mod scaling;
mod submitter;
