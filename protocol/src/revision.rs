//! The order of an entry's states.

use serde::{Deserialize, Serialize};

/// Orders the states of one entry: whoever holds a state replaces it only by one of a higher
/// revision, so that news which overtakes other news can never turn an entry back.
///
/// Changes that are kept (submitted, done, failed) are counted by the Record. Between two of them a
/// worker reports claims and progress, which the Record does not count; they sort above the kept
/// state they follow, by attempt and then by progress. All of it fits the 53 bits that a JavaScript
/// number holds exactly.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Higher is later; orders the states of one entry."))]
#[serde(transparent)]
pub struct Revision(u64);

const PROGRESS_BITS: u32 = 11;
const ATTEMPT_BITS: u32 = 9;

impl Revision {
    /// The state as the Record counts it.
    #[must_use]
    pub const fn recorded(count: u64) -> Self {
        Self(count << (PROGRESS_BITS + ATTEMPT_BITS))
    }

    /// The state of a computation that follows this recorded state: the `attempt` (from 1) and the
    /// `progress` (0.0 to 1.0).
    #[must_use]
    pub fn computing(self, attempt: u32, progress: f64) -> Self {
        let attempt = u64::from(attempt.min((1 << ATTEMPT_BITS) - 1));
        // Clamped to 1..=1001, which fits its bits; the cast cannot truncate.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let permille = (progress.clamp(0.0, 1.0) * 1_000.0) as u64 + 1;
        let recorded = self.0 >> (PROGRESS_BITS + ATTEMPT_BITS) << (PROGRESS_BITS + ATTEMPT_BITS);
        Self(recorded | attempt << PROGRESS_BITS | permille)
    }
}

impl From<Revision> for u64 {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_sorts_between_the_states_that_are_kept() {
        let submitted = Revision::recorded(3);
        let states = [
            submitted,
            submitted.computing(1, 0.0),
            submitted.computing(1, 0.5),
            submitted.computing(1, 1.0),
            submitted.computing(2, 0.0),
            submitted.computing(511, 1.0),
            Revision::recorded(4),
        ];
        assert!(states.is_sorted_by(|earlier, later| earlier < later), "{states:?}");
    }
}
