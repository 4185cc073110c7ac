//! Detects edits by polling the files' modification times, which takes a millisecond for a few hundred files.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The state of the source files below some folders.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Sources {
    /// Number of files, because a deletion is an edit, too.
    count: usize,
    latest: Option<SystemTime>,
}

impl Sources {
    pub(super) fn of(folders: &[PathBuf]) -> Self {
        let mut sources = Self::default();
        for folder in folders {
            sources.add(folder);
        }
        sources
    }

    fn add(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.add(&path);
            } else if let Ok(edited) = entry.metadata().and_then(|metadata| metadata.modified()) {
                self.count += 1;
                self.latest = self.latest.max(Some(edited));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_new_and_deleted_files_are_detected() {
        let folder = throwaway::Folder::new("sources").unwrap();
        let folders = [folder.path().to_owned()];
        let below = folder.path().join("src");
        fs::create_dir(&below).unwrap();
        let (file, other) = (below.join("lib.rs"), below.join("other.rs"));
        fs::write(&file, "one").unwrap();
        let first = Sources::of(&folders);
        assert_eq!(first, Sources::of(&folders));

        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        let edited = Sources::of(&folders);
        assert_ne!(first, edited);

        fs::write(&other, "two").unwrap();
        let added = Sources::of(&folders);
        assert_ne!(edited, added);
        fs::remove_file(&other).unwrap();
        assert_eq!(edited, Sources::of(&folders));
    }
}
