//! Properties of islands.

use serde::{Deserialize, Serialize, Serializer};

/// A property that the server sends to an island with the page.
///
/// An island serializes its properties in the browser too, where nobody reads the result. This type then leaves them
/// out, so that the WASM need not contain the code for it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Prop<T>(pub T);

impl<T: Serialize> Serialize for Prop<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if cfg!(feature = "ssr") { self.0.serialize(serializer) } else { serializer.serialize_unit() }
    }
}
