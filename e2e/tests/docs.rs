//! The documentation is accurate: its links work, the tests it names exist, and its tables are complete.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages people read: those in the root and in docs/, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let folders = [root(), root().join("docs")].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = folders.map(|file| file.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Targets of Markdown links within the project, without the part after `#`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.starts_with("http"))
}

/// Names and folders of our own crates that others depend on, from the root Cargo.toml.
fn own_crates(workspace: &str) -> Vec<(&str, &str)> {
    let lines = workspace.lines().filter_map(|line| line.split_once(" = { path = \""));
    lines.map(|(name, rest)| (name, rest.split('"').next().unwrap_or_default())).collect()
}

/// Cargo.toml files of the workspace's members.
fn manifests(workspace: &str) -> Vec<String> {
    let (_, members) = workspace.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let members = members.split('"').skip(1).step_by(2);
    let folders: BTreeSet<_> =
        members.chain(own_crates(workspace).into_iter().map(|(_, folder)| folder)).collect();
    folders
        .into_iter()
        .map(|member| fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap())
        .collect()
}

/// Names of the crates in the dependency sections of a Cargo.toml.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut in_dependencies = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            found.extend(section.split_once("dependencies.").map(|(_, name)| name.to_owned()));
        } else if in_dependencies && line.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            found.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    found
}

#[test]
fn links_lead_to_files_that_exist() {
    for (page, text) in pages() {
        for link in links(&text) {
            let target = page.with_file_name(link);
            // deploy/ may be removed by those who do not use it.
            let may_be_absent = link.contains("deploy/") && !root().join("deploy").exists();
            assert!(may_be_absent || target.exists(), "{}: {link} does not exist", page.display());
        }
    }
}

#[test]
fn the_architecture_names_files_and_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for line in text.lines() {
        // `file.rs`: `a_test`, `another_test`
        let mut source = String::new();
        for word in line.split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") || word.ends_with('/') {
                // deploy/ may be removed by those who do not use it.
                let may_be_absent = word.starts_with("deploy/") && !root().join("deploy").exists();
                let exists = !word.contains('/') || root().join(word).exists();
                assert!(may_be_absent || exists, "{word} does not exist");
                source = fs::read_to_string(root().join(word)).unwrap_or_default();
            } else if word.contains('_') && !source.is_empty() {
                assert!(source.contains(&format!("fn {word}(")), "there is no test {word} in {line}");
            }
        }
    }
    assert!(text.contains("`e2e/tests/crash.rs`"), "no file was found in docs/ARCHITECTURE.md");
}

#[test]
fn every_direct_dependency_has_a_reason() {
    let text = fs::read_to_string(root().join("docs/DEPENDENCIES.md")).unwrap();
    let (crates, _tools) = text.split_once("## Tools").unwrap();
    let rows = crates.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let listed: BTreeSet<_> =
        rows.filter(|cell| *cell != "crate").flat_map(|cell| cell.split(", ")).map(str::to_owned).collect();
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let own: BTreeSet<_> = own_crates(&workspace).into_iter().map(|(name, _)| name).collect();
    let direct: BTreeSet<_> =
        manifests(&workspace).iter().flat_map(|manifest| dependencies(manifest)).collect();
    let direct = direct.into_iter().filter(|name| !own.contains(name.as_str())).collect();
    // deploy/ may be removed by those who do not use it, and its dependencies with it.
    if root().join("deploy/Cargo.toml").exists() {
        assert_eq!(
            listed.difference(&direct).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "listed but not used"
        );
    }
    assert_eq!(direct.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new(), "used but not listed");
}
