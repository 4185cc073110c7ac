//! Stands in for color-eyre, whose coloured backtraces cargo-leptos prints: plain eyre instead.

pub use eyre;
