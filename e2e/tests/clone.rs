//! A clone by Git for Windows, which rewrites line endings by default (`core.autocrlf=true`).

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use throwaway::Folder;

fn git(arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Clones the last commit with these settings and reads its files.
fn cloned(settings: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = Folder::new("clone").unwrap();
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting]).collect();
    let clone = ["clone", "--quiet", "--no-local", "--depth=1", "--single-branch"];
    let repository = format!("file://{}", concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    git(&[&settings[..], &clone, &[&repository, "."]].concat(), folder.path());
    let names = String::from_utf8(git(&["ls-files", "-z"], folder.path())).unwrap();
    let files = names.split_terminator('\0').map(PathBuf::from);
    files.map(|name| (name.clone(), fs::read(folder.path().join(name)).unwrap())).collect()
}

#[test]
fn a_clone_keeps_the_repositorys_line_endings_whatever_the_git_settings() {
    // An unpacked archive.
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git").exists() {
        return;
    }
    let expected = cloned(&["core.autocrlf=false"]);
    for name in ["nginx/limits.env", "nginx/start.sh", ".gitattributes"] {
        assert!(expected.contains_key(Path::new(name)), "{name} is missing");
    }
    assert!(expected.keys().any(|name| name.extension().is_some_and(|kind| kind == "sql")), "no migrations");
    let text = |bytes: &[u8]| !bytes.contains(&0);
    for settings in [&["core.autocrlf=true"][..], &["core.autocrlf=false", "core.eol=crlf"]] {
        let files = cloned(settings);
        assert_eq!(files.len(), expected.len());
        for (name, bytes) in files {
            assert!(!text(&bytes) || !bytes.contains(&b'\r'), "{settings:?}: CR in {}", name.display());
            assert!(bytes == expected[&name], "{settings:?}: {} differs", name.display());
            let shebang = name.extension().is_some_and(|kind| kind == "sh").then_some(b"#!");
            assert!(shebang.is_none_or(|start| bytes.starts_with(start)), "{}", name.display());
        }
    }
}
