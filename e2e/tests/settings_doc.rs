//! `docs/SETTINGS.md` lists every setting of the programs, and only those, with the right default.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// Description of a setting in `--help`.
#[derive(Debug)]
struct Setting {
    /// Default that clap fills in.
    default: Option<String>,
    /// The rest of its help text.
    description: String,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    read_by: String,
    default: String,
}

/// Settings of a program by the name of their environment variable, parsed from its `--help`.
fn settings(program: &str) -> BTreeMap<String, Setting> {
    let output = Command::new(e2e::binary(program)).env_clear().arg("--help").output().expect("it was built");
    let help = String::from_utf8(output.stdout).expect("help is text");
    help.split("\n      --").skip(1).filter_map(setting).collect()
}

fn setting(block: &str) -> Option<(String, Setting)> {
    let bracketed = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("[{name}: "))?;
        Some(rest.split_once(']')?.0.to_owned())
    };
    let variable = bracketed(block, "env")?.trim_end_matches('=').to_owned();
    // clap writes its own default after the variable; any other is part of the description.
    let (_, after_variable) = block.split_once("[env: ")?;
    let default = bracketed(after_variable, "default");
    let description = block.split_whitespace().collect::<Vec<_>>().join(" ");
    Some((variable, Setting { default, description }))
}

/// Rows of the table in `docs/SETTINGS.md`, by variable.
fn rows() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SETTINGS.md");
    let text = fs::read_to_string(path).expect("docs/SETTINGS.md exists");
    let table = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut rows = BTreeMap::new();
    for line in table.take_while(|line| line.starts_with('|')) {
        let mut cells = line.split('|').map(|cell| cell.trim().to_owned()).skip(1);
        let mut cell = || cells.next().unwrap_or_else(|| panic!("a cell is missing: {line}"));
        let (variable, read_by, default) = (cell().replace('`', ""), cell(), cell());
        let duplicate = rows.insert(variable, Row { read_by, default });
        assert!(duplicate.is_none(), "listed twice: {line}");
    }
    rows
}

/// Compares the default in the table with the program's: equal to clap's, or made of words that the help mentions.
fn check_default(variable: &str, row: &Row, setting: &Setting) {
    if let Some(default) = &setting.default {
        assert_eq!(row.default, format!("`{default}`"), "default of {variable}");
        return;
    }
    for literal in row.default.split('`').skip(1).step_by(2) {
        assert!(
            setting.description.contains(literal),
            "default of {variable}: `{literal}` is not in its help: {}",
            setting.description
        );
    }
}

#[test]
fn the_settings_table_matches_the_programs() {
    let (server, worker, rows) = (settings("server"), settings("worker"), rows());
    for (variable, row) in &rows {
        let read_by = match (server.get(variable), worker.get(variable)) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "server",
            (None, Some(_)) => "worker",
            (None, None) => panic!("{variable} is in docs/SETTINGS.md, but no program reads it"),
        };
        assert_eq!(row.read_by, read_by, "who reads {variable}");
        for setting in [server.get(variable), worker.get(variable)].into_iter().flatten() {
            check_default(variable, row, setting);
        }
    }
    for variable in server.keys().chain(worker.keys()) {
        assert!(rows.contains_key(variable), "{variable} is missing in docs/SETTINGS.md");
    }
    assert!(
        server.contains_key("PGPASSWORD") && worker.contains_key("LEASE_MS"),
        "the help could not be parsed"
    );
}
