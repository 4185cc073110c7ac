//! Properties that the system relies on, for any job. Nothing here is about Fibonacci numbers, so a fork copies
//! this file and changes the crate's name.

use std::{num::NonZero, ops::ControlFlow, process::Command};

use fib::{JOB, JobError};

#[test]
fn the_sample_is_computed_and_verified() {
    assert_eq!(JOB.value(JOB.sample.index).as_deref(), Ok(JOB.sample.value));
    assert!((JOB.verify)(JOB.sample.index, JOB.sample.value));
    assert!((JOB.lowest_index..=JOB.default_max_index).contains(&JOB.sample.index));
}

#[test]
fn every_computed_value_is_verified_and_has_no_line_break() {
    for index in JOB.lowest_index..JOB.lowest_index + 200 {
        match JOB.value(index) {
            Ok(value) => {
                assert!((JOB.verify)(index, &value), "{value:?} is rejected for index {index}");
                assert!(!value.is_empty() && !value.contains('\n'), "{value:?}");
            }
            Err(error) => assert!(matches!(error, JobError::Impossible(_)), "index {index}: {error:?}"),
        }
    }
}

#[test]
fn a_computation_reports_progress_and_can_be_stopped() {
    let mut shares = Vec::new();
    let stopped = (JOB.compute)(JOB.sample.index, NonZero::<usize>::MIN, &mut |share| {
        shares.push(share);
        ControlFlow::Break(())
    });
    assert_eq!(stopped, Err(JobError::Stopped));
    assert_eq!(shares, [0.0]);
}

#[test]
fn neither_the_memory_bound_nor_the_cost_ever_falls() {
    let bounds: Vec<_> = (0..32).map(|power| (JOB.memory_bytes)(1 << power)).collect();
    assert!(bounds.is_sorted(), "{bounds:?}");
    let costs: Vec<_> = (0..32).map(|power| (JOB.compute_cost)(1 << power)).collect();
    assert!(costs.is_sorted(), "{costs:?}");
}

#[test]
fn the_notation_contains_the_index() {
    assert!((JOB.notation)(1_234).contains("1234"), "{}", (JOB.notation)(1_234));
}

#[test]
fn the_program_prints_the_value() {
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_fib")).args(arguments).output();
    let output = run(&[&JOB.sample.index.to_string()]).expect("cargo builds the program for its tests");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, format!("{}\n", JOB.sample.value).into_bytes());

    for wrong in [&[][..], &["seven"], &["-1"], &["7", "8"]] {
        let output = run(wrong).expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}: {output:?}");
    }
}
