//! A smaller site: without comments, without what Leptos exports but islands do not use, and compressed.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use walrus::{Module, passes::gc};

/// Beginnings of the exports of `wasm-streams`, which Leptos's server functions use and we do not.
const UNUSED_EXPORTS: [&str; 2] = ["intounderlying", "__wbg_intounderlying"];

/// Removes unused exports and all code that only they use.
pub(crate) fn remove_unused_exports(module: &mut Module) {
    let is_unused = |name: &str| UNUSED_EXPORTS.iter().any(|unused| name.starts_with(unused));
    let unused: Vec<_> =
        module.exports.iter().filter(|export| is_unused(&export.name)).map(walrus::Export::id).collect();
    for export in unused {
        module.exports.delete(export);
    }
    gc::run(module);
}

/// Strips the JavaScript and the style sheets in a folder.
pub(crate) fn strip_texts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js" || extension == "css") {
            fs::write(&path, strip(&fs::read_to_string(&path)?))?;
        }
    }
    Ok(())
}

/// Removes comments that begin a line, indentation and empty lines. Everything within a line stays
/// as it is, so this needs no parser of either language. After compression, a minifier that renames variables would
/// save 12% more.
fn strip(text: &str) -> String {
    let mut stripped = String::with_capacity(text.len());
    let mut is_comment = false;
    for line in text.lines() {
        is_comment |= line.trim_start().starts_with("/*");
        let rest = match line.split_once("*/") {
            Some((_, rest)) if is_comment => {
                is_comment = false;
                rest
            }
            _ if is_comment => "",
            _ => line,
        }
        .trim();
        if !rest.is_empty() && !rest.starts_with("//") {
            stripped.push_str(rest);
            stripped.push('\n');
        }
    }
    stripped
}

/// Adds a `.br` and a `.gz` file for each file of a folder. A file with the same name is compressed only once: its name
/// contains a hash of its content. Compressed files of earlier builds are removed from `kept`.
pub(crate) fn compress(folder: &Path, kept: &Path) -> io::Result<()> {
    fs::create_dir_all(kept)?;
    let plain: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let mut current = Vec::new();
    for path in plain.iter().filter(|path| path.is_file()) {
        for (extension, encode) in [("br", brotli as fn(&[u8]) -> io::Result<Vec<u8>>), ("gz", gzip)] {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(OsStr::new("."));
            name.push(extension);
            let file = kept.join(&name);
            if !file.exists() {
                // Renamed, so that an interrupted build leaves no incomplete file.
                let incomplete = kept.join("incomplete");
                fs::write(&incomplete, encode(&fs::read(path)?)?)?;
                fs::rename(incomplete, &file)?;
            }
            fs::copy(file, folder.join(&name))?;
            current.push(name);
        }
    }
    remove_others(kept, &current)
}

fn remove_others(kept: &Path, current: &[OsString]) -> io::Result<()> {
    for entry in fs::read_dir(kept)? {
        let entry = entry?;
        if !current.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, size_hint: content.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_are_removed() {
        let text = "/**\n * About.\n */\n\n\
            // A line.\nfunction f() {\n    return \"/* no comment */\"; // end\n}\n/* a */ p { color: red; }\n";
        let stripped = "function f() {\nreturn \"/* no comment */\"; // end\n}\np { color: red; }\n";
        assert_eq!(strip(text), stripped);
    }

    #[test]
    fn each_file_is_compressed_once_and_earlier_ones_are_forgotten() {
        let (site, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = "some text ".repeat(100);
        fs::write(site.path().join("a.1.js"), &text).unwrap();
        fs::write(kept.path().join("a.0.js.br"), "of an earlier build").unwrap();
        compress(site.path(), kept.path()).unwrap();
        assert!(!kept.path().join("a.0.js.br").exists());
        let mut unpacked = Vec::new();
        let packed = fs::read(site.path().join("a.1.js.br")).unwrap();
        brotli::BrotliDecompress(&mut &*packed, &mut unpacked).unwrap();
        assert_eq!(unpacked, text.as_bytes());
        fs::write(kept.path().join("a.1.js.gz"), "kept").unwrap();
        let again = tempfile::tempdir().unwrap();
        fs::write(again.path().join("a.1.js"), &text).unwrap();
        compress(again.path(), kept.path()).unwrap();
        assert_eq!(fs::read(again.path().join("a.1.js.br")).unwrap(), packed);
        assert_eq!(fs::read(again.path().join("a.1.js.gz")).unwrap(), b"kept");
    }
}
