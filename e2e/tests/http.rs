//! HTTP at its edges, on real sockets: hostile requests, and clients that are slow, silent or too many. The server is
//! on its own, without nginx in front.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

mod http {
    pub(crate) mod bounds;
    pub(crate) mod compression;
    pub(crate) mod files;
    pub(crate) mod hostile;
    pub(crate) mod limits;
}
