//! Classifies the faults of the embedded database's folder and file.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, access},
    io::Errno,
};
use sqlx::migrate::MigrateError;

/// Reason why the folder or the file of the embedded database cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("DATA_DIR: {} cannot be used: {problem}", path.display())]
pub struct FileFault {
    path: PathBuf,
    problem: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Missing, not accessible, or not writable.
    NotWritable,
    Damaged,
    OtherSchema,
    Full,
    Locked,
    Replaced,
    Failed,
}

impl FileFault {
    /// Returns true if waiting does not help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self.kind, Kind::NotWritable | Kind::Damaged | Kind::OtherSchema)
    }

    /// Returns a short description that is safe to publish: it names no file.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        match self.kind {
            Kind::NotWritable => "its folder or file cannot be written",
            Kind::Damaged => "its file is not a database, or is damaged",
            Kind::OtherSchema => "its schema does not match",
            Kind::Full => "its disk is full",
            Kind::Locked => "its file is locked by another program",
            Kind::Replaced => "its file was deleted or replaced",
            Kind::Failed => "it failed",
        }
    }

    pub(super) fn of(file: &Path, error: &sqlx::Error) -> Self {
        let kind = match error {
            sqlx::Error::Database(error) => match primary_code(error.as_ref()) {
                // The names are SQLite's, without their prefix: PERM, READONLY, CANTOPEN, AUTH.
                3 | 8 | 14 | 23 => Kind::NotWritable,
                // CORRUPT, NOTADB.
                11 | 26 => Kind::Damaged,
                13 => Kind::Full,
                // BUSY, LOCKED, PROTOCOL.
                5 | 6 | 15 => Kind::Locked,
                _ => Kind::Failed,
            },
            _ => Kind::Failed,
        };
        Self { path: file.to_owned(), problem: error.to_string(), kind }
    }

    pub(super) fn of_migration(file: &Path, error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(file, &error),
            other => Self {
                path: file.to_owned(),
                problem: format!("{other}; use the release that wrote it, or another folder"),
                kind: Kind::OtherSchema,
            },
        }
    }

    fn of_io(path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
            _ => Kind::NotWritable,
        };
        let problem = format!("{error}{}", ownership(path));
        Self { path: path.to_owned(), problem, kind }
    }
}

/// The file of the database as it was when it was prepared. SQLite would keep writing to a file that was deleted or
/// replaced, and all of that would be lost.
pub(in crate::record) struct FileIdentity {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl FileIdentity {
    pub(super) fn of(path: &Path) -> Result<Self, FileFault> {
        let metadata = path.metadata().map_err(|error| FileFault::of_io(path, &error))?;
        Ok(Self { path: path.to_owned(), device_and_inode: (metadata.dev(), metadata.ino()) })
    }

    /// Checks that the path still leads to the same file.
    pub(in crate::record) fn check(&self) -> Result<(), FileFault> {
        match Self::of(&self.path) {
            Ok(now) if now.device_and_inode == self.device_and_inode => Ok(()),
            _ => Err(FileFault {
                path: self.path.clone(),
                problem: "it was deleted or replaced while the server was running; move it back, or restart the server"
                    .to_owned(),
                kind: Kind::Replaced,
            }),
        }
    }
}

/// Primary result code, which is in the lowest byte of the extended one.
pub(super) fn primary_code(error: &dyn sqlx::error::DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff
}

/// Creates the folder, and checks that it and the files can be written: SQLite would only report that it cannot open
/// its file.
pub(super) fn try_folder(folder: &Path, file: &Path) -> Result<(), FileFault> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| FileFault::of_io(&path, &error)
    };
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        let leads_nowhere = folder.is_symlink() && !folder.exists();
        let problem =
            if leads_nowhere { "it is a symbolic link that leads nowhere" } else { "it is not a folder" };
        let problem = problem.to_owned();
        return Err(FileFault { path: folder.to_owned(), problem, kind: Kind::NotWritable });
    }
    fs::create_dir_all(folder).map_err(fault(folder))?;
    let probe = folder.join(format!(".fibstack-{}", std::process::id()));
    fs::write(&probe, "x").and_then(|()| remove(&probe)).map_err(fault(folder))?;
    match try_files(file) {
        Err(_) if !file.exists() => Ok(()),
        other => other,
    }
}

/// Removes a file, unless another server with the same process id, in a container of its own, has removed it.
fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Checks that the database's file exists, and that it and its companions can be written. Does not open them: closing
/// a file releases all locks that this process holds on it, including SQLite's.
pub(super) fn try_files(file: &Path) -> Result<(), FileFault> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        let error = match access(&path, Access::READ_OK | Access::WRITE_OK) {
            Ok(()) if !path.is_dir() => continue,
            Ok(()) => io::ErrorKind::IsADirectory.into(),
            Err(Errno::NOENT) if !suffix.is_empty() => continue,
            Err(error) => error.into(),
        };
        return Err(FileFault::of_io(&path, &error));
    }
    Ok(())
}

/// Says who owns a path and who is asking, since that is the usual cause in a container.
fn ownership(path: &Path) -> String {
    let exists = path.ancestors().find_map(|path| Some((path, path.metadata().ok()?)));
    // The owner of this folder is the process's user.
    match (exists, fs::metadata("/proc/self")) {
        (Some((path, owner)), Ok(process)) => format!(
            " (this process runs as user {}; {} belongs to user {}, mode {:o})",
            process.uid(),
            path.display(),
            owner.uid(),
            owner.mode() & 0o7777
        ),
        _ => String::new(),
    }
}
