//! The result of a benchmark: a table, a JSON file, and the comparison with the one written before.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// A ratio counts as clearly worse if it is higher than the recorded one by this factor.
const TOLERANCE: f64 = 1.5;

/// The measurements of one benchmark.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    /// Name of the benchmark and of its files.
    pub(crate) name: String,
    /// The machine and the baselines' versions.
    pub(crate) environment: Vec<String>,
    /// The cases, in the order of the table.
    pub(crate) cases: Vec<Case>,
}

/// One row: our median beside the baseline's. Lower ratios are better.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Case {
    /// Unique within the report: `n = 1000000`.
    pub(crate) name: String,
    /// Position on the plot's horizontal axis.
    pub(crate) x: f64,
    /// Unit of the medians.
    pub(crate) unit: String,
    pub(crate) ours: f64,
    pub(crate) baseline: f64,
    /// Median of the ratios ours ÷ baseline within each round.
    pub(crate) ratio: f64,
    /// The highest ratio that is acceptable.
    pub(crate) goal: f64,
}

impl Report {
    /// Prints the header of the table; [`Case::print`] prints a row as soon as it is measured.
    pub(crate) fn print_header(unit: &str) {
        println!(
            "{:<20} {:>14} {:>14} {:>8} {:>8}",
            "",
            format!("ours, {unit}"),
            "baseline",
            "ratio",
            "goal"
        );
    }

    /// Writes `docs/bench/NAME.json`.
    pub(crate) fn write(&self) -> Result<()> {
        let file = file(&self.name, "json");
        fs::create_dir_all(file.with_file_name(""))?;
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("failed to write {}", file.display()))
    }

    /// Compares with the recorded report: fails if a case of both has become clearly worse.
    pub(crate) fn compare(&self) -> Result<()> {
        let file = file(&self.name, "json");
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let recorded: Self = serde_json::from_slice(&text)?;
        let worse = self.worse_than(&recorded);
        if !worse.is_empty() {
            bail!("clearly worse than recorded in {}:\n{}", file.display(), worse.join("\n"));
        }
        Ok(())
    }

    fn worse_than(&self, recorded: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        for case in &self.cases {
            let Some(before) = recorded.cases.iter().find(|before| before.name == case.name) else {
                continue;
            };
            if case.ratio > before.ratio * TOLERANCE {
                worse.push(format!("{}: {:.3} instead of {:.3}", case.name, case.ratio, before.ratio));
            }
        }
        worse
    }
}

impl Case {
    pub(crate) fn print(&self) {
        let Self { name, ours, baseline, ratio, goal, .. } = self;
        let missed = if ratio > goal { "  missed" } else { "" };
        println!("{name:<20} {ours:>14.6} {baseline:>14.6} {ratio:>8.3} {goal:>8.2}{missed}");
    }
}

/// Path of a file in `docs/bench/`.
pub(crate) fn file(name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bench").join(name).with_extension(extension)
}

/// Returns the processor's name and the number of cores.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores", model.map_or("unknown processor", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clearly_worse_ratio_of_the_same_case_is_reported() {
        let report = |cases: &[(&str, f64)]| Report {
            name: "test".to_owned(),
            environment: Vec::new(),
            cases: cases
                .iter()
                .map(|&(name, ratio)| Case {
                    name: name.to_owned(),
                    x: 0.0,
                    unit: "ms".to_owned(),
                    ours: ratio,
                    baseline: 1.0,
                    ratio,
                    goal: 1.0,
                })
                .collect(),
        };
        let recorded = report(&[("a", 0.5), ("b", 0.5)]);
        let now = report(&[("a", 0.6), ("b", 0.8), ("new", 9.0)]);
        assert_eq!(now.worse_than(&recorded), ["b: 0.800 instead of 0.500"]);
    }
}
