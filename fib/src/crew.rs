//! Threads that share the tasks of a phase.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::progress::{Reporter, Stopped};

/// The threads of a computation, and its progress callback, which only the first of them calls.
pub(crate) struct Crew<'a> {
    threads: usize,
    reporter: Reporter<'a>,
}

impl<'a> Crew<'a> {
    pub(crate) fn new(threads: usize, reporter: Reporter<'a>) -> Self {
        Self { threads, reporter }
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn finish(mut self) -> Result<(), Stopped> {
        self.reporter.finish()
    }

    /// Prepares for another computation after a useless one.
    pub(crate) fn restart(&mut self) {
        self.reporter.restart();
    }

    /// Runs a task that is this share of the whole computation.
    pub(crate) fn run_one(&mut self, share: f64, work: impl FnOnce()) -> Result<(), Stopped> {
        work();
        self.reporter.stage(share).add(1.0)
    }

    /// Runs all tasks, which are this share of the whole computation, on so many threads, and reports progress
    /// after each.
    pub(crate) fn run<T: Send>(
        &mut self,
        share: f64,
        threads: usize,
        tasks: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator + Send>,
        work: impl Fn(T) + Sync,
    ) -> Result<(), Stopped> {
        let tasks = tasks.into_iter();
        let mut stage = self.reporter.stage(share);
        let count = tasks.len();
        let threads = threads.min(count);
        if threads < 2 {
            for task in tasks {
                work(task);
                stage.add(1.0 / count as f64)?;
            }
            return Ok(());
        }
        let (tasks, stopped, done) = (Mutex::new(tasks), AtomicBool::new(false), AtomicUsize::new(0));
        let next = || {
            let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if stopped.load(Ordering::Relaxed) { None } else { tasks.next() }
        };
        let step = |task| {
            work(task);
            done.fetch_add(1, Ordering::Relaxed);
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                let work = || {
                    while let Some(task) = next() {
                        step(task);
                    }
                };
                // Without the thread, which WebAssembly never has, the others do all the work.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            let mut reported = 0;
            while let Some(task) = next() {
                step(task);
                let done = done.load(Ordering::Relaxed);
                if stage.add((done - reported) as f64 / count as f64).is_err() {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(Stopped);
                }
                reported = done;
            }
            Ok(())
        })
    }
}
