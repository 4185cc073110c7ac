//! Files that are written whole or not at all.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result};

/// Lets `write` fill a file that nobody but its owner can read. It is `FILE.partial` until it is whole: half of it
/// must not look like all of it, nor destroy what was there.
pub(crate) fn write(path: &Path, write: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let mut partial = OsString::from(path);
    partial.push(".partial");
    let partial = Path::new(&partial);
    let written = open(partial)
        .with_context(|| format!("write {}", partial.display()))
        .and_then(|file| write(&file).and_then(|()| file.sync_all().context("write to the disk")));
    match written {
        Ok(()) => fs::rename(partial, path).with_context(|| format!("write {}", path.display())),
        Err(error) => {
            let _ = fs::remove_file(partial);
            Err(error)
        }
    }
}

/// As [`write()`], of a text.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |mut file| {
        file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
    })
}

fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was left over may be open to others.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_file_is_replaced_only_by_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.dump");
        fs::write(folder.path().join("f.dump.partial"), "left over").unwrap();
        write_text(&path, "old").unwrap();
        let error = write(&path, |mut file| {
            file.write_all(b"half")?;
            bail!("the disk is full")
        });
        assert_eq!(error.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
