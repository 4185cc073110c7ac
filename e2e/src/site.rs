//! A stand-in for a built site, so that tests need not build one.

use std::{fs, io, path::Path};

use throwaway::Folder;

use crate::Settings;

/// The files of one version of the site, as a release build names them. Each file of the package contains its own name.
#[derive(Debug)]
pub struct Site {
    version: &'static str,
    folder: Folder,
}

impl Site {
    /// Kinds of files in the package.
    pub const KINDS: [&str; 3] = ["js", "wasm", "css"];

    /// Creates the files of a version, which is part of their names.
    ///
    /// # Panics
    /// Panics if they cannot be written.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let folder = Folder::new("site").unwrap_or_else(|error| panic!("{error}"));
        let site = Self { version, folder };
        site.write().unwrap_or_else(|error| panic!("the site's files cannot be written: {error}"));
        site
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.folder();
        fs::create_dir(folder.join("pkg"))?;
        let mut hashes = String::new();
        for kind in Self::KINDS {
            let name = self.file(kind);
            fs::write(folder.join(&name[1..]), &name)?;
            fs::write(folder.join(format!("{}.br", &name[1..])), format!("{name}, compressed"))?;
            hashes.push_str(&format!("{kind}: {}\n", self.version));
        }
        fs::write(folder.join("hash.txt"), hashes)?;
        for name in ["icon.svg", "manifest.webmanifest"] {
            fs::copy(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../style/assets").join(name),
                folder.join(name),
            )?;
        }
        Ok(())
    }

    /// Folder of the site.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Path of a file of the package.
    #[must_use]
    pub fn file(&self, kind: &str) -> String {
        format!("/pkg/fibstack.{}.{kind}", self.version)
    }

    /// Settings of a server that has these files.
    #[must_use]
    pub fn settings(&self, settings: &Settings) -> Settings {
        settings
            .clone()
            .set("LEPTOS_OUTPUT_NAME", "fibstack")
            .set("LEPTOS_SITE_ROOT", self.folder().display())
            .set("LEPTOS_HASH_FILES", true)
            // An absolute path, since the folder of the program is shared.
            .set("LEPTOS_HASH_FILE_NAME", self.folder().join("hash.txt").display())
    }
}
