//! Files that are written completely or not at all.

use std::{fs::File, path::Path};

use anyhow::{Context, Result};
use tempfile::Builder;

/// Creates a file that only its owner can read, and fills it with `write`. The file has a temporary name until it is
/// complete, so that a failure neither leaves half a file nor destroys the previous one.
pub(crate) fn write(path: &Path, write: impl FnOnce(File) -> Result<()>) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let partial = Builder::new().suffix(".partial").tempfile_in(folder).with_context(failed)?;
    write(partial.reopen().with_context(failed)?)?;
    partial.as_file().sync_all().context("failed to write to the disk")?;
    partial.persist(path).with_context(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::PermissionsExt};

    use anyhow::bail;

    use super::*;

    #[test]
    fn a_file_is_replaced_only_by_a_complete_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.dump");
        write(&path, |mut file| Ok(file.write_all(b"old")?)).unwrap();
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
