//! Files that are written completely or not at all.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result};

/// Lets `write` write a file that only its owner can read. The file is called `FILE.partial` until it is complete, so
/// that a failure neither leaves half a file nor destroys the previous one.
pub(crate) fn write(path: &Path, write: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let mut partial = OsString::from(path);
    partial.push(".partial");
    let partial = Path::new(&partial);
    let written = open(partial)
        .with_context(|| format!("failed to write {}", partial.display()))
        .and_then(|file| write(&file).and_then(|()| file.sync_all().context("failed to write to the disk")));
    match written {
        Ok(()) => fs::rename(partial, path).with_context(|| format!("failed to write {}", path.display())),
        Err(error) => {
            let _ = fs::remove_file(partial);
            Err(error)
        }
    }
}

/// Writes `text` to a file as [`write()`] does.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |mut file| {
        file.write_all(text.as_bytes()).with_context(|| format!("failed to write {}", path.display()))
    })
}

fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A file left over from an earlier run may be readable by others.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_file_is_replaced_only_by_a_complete_one() {
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
