//! Progress reports to the caller, and cancellation by it.

use std::ops::ControlFlow;

use crate::{JobError, Progress};

/// The progress callback stopped the computation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stopped;

impl From<Stopped> for JobError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

/// The smallest advance that is reported. The last steps of a conversion take microseconds each,
/// and a callback may take a lock or send a message.
const RESOLUTION: f64 = 1.0 / 1024.0;

/// Calls the callback with a rising share, and not too often.
pub(crate) struct Reporter<'a> {
    callback: Progress<'a>,
    /// The share reported last.
    reported: f64,
    /// Start of the next stage.
    next: f64,
    /// The share of the whole that is divided into stages: less than 1 after a restart.
    scale: f64,
}

/// One stage of the work, which counts its own progress from 0.0 to 1.0.
pub(crate) struct Stage<'a, 'b> {
    reporter: &'a mut Reporter<'b>,
    start: f64,
    share: f64,
    done: f64,
}

impl<'b> Reporter<'b> {
    pub(crate) fn start(callback: Progress<'b>) -> Result<Self, Stopped> {
        let mut reporter = Reporter { callback, reported: 0.0, next: 0.0, scale: 1.0 };
        reporter.report(0.0)?;
        Ok(reporter)
    }

    /// Begins the next stage, which is this share of the whole.
    pub(crate) fn stage<'a>(&'a mut self, share: f64) -> Stage<'a, 'b> {
        let (start, share) = (self.next, share * self.scale);
        self.next += share;
        Stage { reporter: self, start, share, done: 0.0 }
    }

    /// Begins the work again: it advances from what was reported to the end.
    pub(crate) fn restart(&mut self) {
        (self.next, self.scale) = (self.reported, 1.0 - self.reported);
    }

    pub(crate) fn finish(&mut self) -> Result<(), Stopped> {
        self.report(1.0)
    }

    fn report(&mut self, share: f64) -> Result<(), Stopped> {
        self.reported = share;
        match (self.callback)(share) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}

impl Stage<'_, '_> {
    /// Adds a finished step, as a share of this stage.
    pub(crate) fn add(&mut self, step: f64) -> Result<(), Stopped> {
        // Rounding may take the sum of the steps above 1.
        self.done = (self.done + step).min(1.0);
        let share = self.start + self.share * self.done;
        if share - self.reporter.reported >= RESOLUTION * self.reporter.scale && share < 1.0 {
            self.reporter.report(share)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_one_another_and_tiny_steps_are_not_reported() -> Result<(), Stopped> {
        let mut reported = Vec::new();
        let mut callback = |share| {
            reported.push(share);
            ControlFlow::Continue(())
        };
        let mut reporter = Reporter::start(&mut callback)?;
        let mut stage = reporter.stage(0.25);
        stage.add(0.5)?;
        stage.add(0.000_001)?;
        stage.add(0.499_999)?;
        reporter.stage(0.75).add(0.5)?;
        reporter.finish()?;
        assert_eq!(reported, [0.0, 0.125, 0.25, 0.625, 1.0]);
        Ok(())
    }
}
