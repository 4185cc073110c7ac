//! The order of an entry's states.

use serde::{Deserialize, Serialize};

/// Order of the states of one entry. A state is replaced only by one with a higher revision, so events
/// that arrive out of order never take an entry back to an earlier state.
///
/// The Record counts the changes that it saves (submitted, done, failed). Between two of them a worker
/// reports claims and progress, which the Record does not count; they sort above the saved state they
/// follow, by attempt and then by progress. A revision fits the 53 bits that a JavaScript number holds
/// exactly.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Higher is later; orders the states of one entry."))]
#[serde(transparent)]
pub struct Revision(u64);

const PROGRESS_BITS: u32 = 11;
const ATTEMPT_BITS: u32 = 9;

impl Revision {
    /// Returns the revision of a saved state after `count` changes.
    #[must_use]
    pub const fn recorded(count: u64) -> Self {
        Self(count << (PROGRESS_BITS + ATTEMPT_BITS))
    }

    /// Returns the revision of a computation that follows this saved state: `attempt` counts from 1,
    /// `progress` goes from 0.0 to 1.0.
    #[must_use]
    pub fn computing(self, attempt: u32, progress: f64) -> Self {
        let attempt = u64::from(attempt.min((1 << ATTEMPT_BITS) - 1));
        // From 1 to 1001, which fits PROGRESS_BITS; the cast cannot truncate.
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
    fn progress_sorts_between_recorded_states() {
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
