//! Stands in for brotli, with which `cargo leptos build --precompress` compresses: refuses.

use std::io::{self, Read, Write};

pub mod enc {
    #[derive(Default)]
    pub struct BrotliEncoderParams;
}

#[expect(non_snake_case, reason = "the name in brotli")]
pub fn BrotliCompress(
    _: &mut impl Read,
    _: &mut impl Write,
    _: &enc::BrotliEncoderParams,
) -> io::Result<usize> {
    Err(io::Error::other("this cargo-leptos was built without `--precompress`: install the complete one"))
}
