//! Paths of the programs under test.

use std::{env, path::PathBuf};

/// Path of a program under test: in `FIBSTACK_BIN_DIR`, or else where cargo built this test.
///
/// # Panics
/// Panics if it does not exist.
pub fn binary(name: &str) -> PathBuf {
    let folder = env::var_os("FIBSTACK_BIN_DIR").map_or_else(built_beside, PathBuf::from);
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo xtask test`, or first `cargo build --workspace --bins`",
        path.display()
    );
    path
}

/// Path of a program of this package, which cargo builds along with the tests.
pub(crate) fn own_binary(name: &str) -> PathBuf {
    built_beside().join(name)
}

/// `target/debug/deps/some-test` → `target/debug`
fn built_beside() -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    let folder = test.parent().and_then(|deps| deps.parent());
    folder.expect("cargo puts tests into target/*/deps").to_owned()
}
