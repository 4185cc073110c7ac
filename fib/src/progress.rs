//! Tells the caller how far the computation is, and hears when it should stop.

use std::{fmt, ops::ControlFlow};

/// The computation was stopped by its `progress` callback.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the computation was stopped")
    }
}

impl std::error::Error for Stopped {}

/// The smallest advance worth a call. The last steps of a conversion take microseconds each, and a
/// callback may well take a lock or send a message.
const RESOLUTION: f64 = 1.0 / 1024.0;

/// Wraps the callback so that it hears a rising share, not too often.
pub(crate) struct Progress<'a> {
    callback: &'a mut dyn FnMut(f64) -> ControlFlow<()>,
    /// What the callback heard last.
    told: f64,
    /// Where the next part begins.
    next: f64,
}

/// One stage of the work, which counts its own progress from 0.0 to 1.0.
pub(crate) struct Part<'a, 'b> {
    whole: &'a mut Progress<'b>,
    start: f64,
    share: f64,
    done: f64,
}

impl<'b> Progress<'b> {
    pub(crate) fn start(callback: &'b mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<Self, Stopped> {
        let mut progress = Progress { callback, told: 0.0, next: 0.0 };
        progress.tell(0.0)?;
        Ok(progress)
    }

    /// Begins the next stage, which is this share of the whole.
    pub(crate) fn part<'a>(&'a mut self, share: f64) -> Part<'a, 'b> {
        let start = self.next;
        self.next += share;
        Part { whole: self, start, share, done: 0.0 }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Stopped> {
        self.tell(1.0)
    }

    fn tell(&mut self, share: f64) -> Result<(), Stopped> {
        self.told = share;
        match (self.callback)(share) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}

impl Part<'_, '_> {
    /// Adds a finished step, as a share of this part.
    pub(crate) fn add(&mut self, step: f64) -> Result<(), Stopped> {
        // The steps' shares sum up to 1 but for rounding, which must not show.
        self.done = (self.done + step).min(1.0);
        let share = self.start + self.share * self.done;
        if share - self.whole.told >= RESOLUTION && share < 1.0 {
            self.whole.tell(share)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_and_tiny_steps_are_not_told() -> Result<(), Stopped> {
        let mut told = Vec::new();
        let mut callback = |share| {
            told.push(share);
            ControlFlow::Continue(())
        };
        let mut progress = Progress::start(&mut callback)?;
        let mut part = progress.part(0.25);
        part.add(0.5)?;
        part.add(0.000_001)?;
        part.add(0.499_999)?;
        progress.part(0.75).add(0.5)?;
        progress.finish()?;
        assert_eq!(told, [0.0, 0.125, 0.25, 0.625, 1.0]);
        Ok(())
    }
}
