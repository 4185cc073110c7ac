//! State of the in-process Board, with each change as one step.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use protocol::{Index, Notice, SHORT_DIGITS, WorkerId};

use super::{result_cache::ResultCache, sorted_set::SortedSet};
use crate::{
    Claim, ClaimState, EnqueueOutcome, EnqueueReason, FailOutcome, FinishOutcome, IndexState, Lease, Message,
    ScanPage,
    board::retry_policy::{LEASE_EXPIRED, MAX_ATTEMPTS, backoff},
};

/// The same data as on Redis. Callers hold the one lock, so each method is one atomic step; `now_us`
/// increases with each step, and messages are passed to `publish` in the order of changes.
#[derive(Default)]
pub(super) struct State {
    /// The hash `values`; `None` means `Nothing yet!`.
    fields: BTreeMap<Index, Option<String>>,
    /// The pending list: the time from which each index may be claimed, in µs.
    pending: SortedSet,
    /// Current attempt of each pending index.
    attempts: HashMap<Index, Attempt>,
    /// Reasons of the indexes that were given up.
    failed: HashMap<Index, String>,
    /// Results that may be evicted.
    results: ResultCache,
    /// Number of tokens issued.
    tokens: u64,
}

/// The current attempt at an index.
struct Attempt {
    /// Token that guards the lease; `None` between two attempts.
    token: Option<String>,
    /// Tokens of earlier attempts that count only because their leases expired.
    expired: Vec<String>,
    claim: ClaimState,
}

/// Publishes a message.
pub(super) type Publish<'a> = &'a dyn Fn(Message);

impl State {
    pub(super) fn enqueue(
        &mut self,
        index: Index,
        reason: EnqueueReason,
        now_us: u64,
        publish: Publish<'_>,
    ) -> EnqueueOutcome {
        if matches!(self.fields.get(&index), Some(Some(_))) {
            return EnqueueOutcome::AlreadyDone;
        }
        if self.failed.contains_key(&index) {
            if reason != EnqueueReason::Submission {
                return EnqueueOutcome::GivenUp;
            }
            self.failed.remove(&index);
        }
        self.fields.insert(index, None);
        let added = self.add_pending(index, now_us);
        if reason == EnqueueReason::Submission || (reason == EnqueueReason::Sweep && added) {
            publish(Message::Insert(index.to_string()));
        }
        if added { EnqueueOutcome::Added } else { EnqueueOutcome::AlreadyPending }
    }

    pub(super) fn claim(
        &mut self,
        highest: Index,
        worker: &WorkerId,
        lease: Duration,
        now_us: u64,
        publish: Publish<'_>,
    ) -> Option<Claim> {
        loop {
            // The index has no result: only `finish` writes one, and takes it off the list.
            let mut pending = self.pending.ascending();
            let next = pending.find(|(_, index)| *index <= highest);
            let (due_us, index) = next.filter(|(due_us, _)| *due_us <= now_us)?;
            drop(pending);
            let before = self.attempts.get(&index).map(|attempt| &attempt.claim);
            if let Some(last) = before.filter(|last| last.attempt >= MAX_ATTEMPTS) {
                let reason = LEASE_EXPIRED.replace("{worker}", last.worker.as_str());
                self.give_up(index, reason, publish);
                continue;
            }
            let (attempt, announced_us) =
                before.map_or((1, due_us), |last| (last.attempt + 1, last.announced_us));
            self.tokens += 1;
            let token = format!("{worker}/{}", self.tokens);
            let claim = ClaimState {
                worker: worker.clone(),
                attempt,
                announced_us,
                claimed_us: now_us,
                progress: 0.0,
            };
            let last = self.attempts.remove(&index);
            let expired =
                last.map(|last| last.expired.into_iter().chain(last.token).collect()).unwrap_or_default();
            self.attempts.insert(index, Attempt { token: Some(token.clone()), expired, claim });
            self.pending.set(index, later(now_us, lease));
            let worker = worker.clone();
            let lease = Lease { index, worker: worker.clone(), token };
            let claimed_us = now_us;
            publish(Message::Notice(Notice::Claimed { index, worker, attempt, announced_us, claimed_us }));
            return Some(Claim { lease, attempt, announced_us, claimed_us });
        }
    }

    pub(super) fn renew(
        &mut self,
        lease: &Lease,
        duration: Duration,
        progress: f64,
        now_us: u64,
        publish: Publish<'_>,
    ) -> bool {
        let Some(held) = self.held(lease) else {
            self.uncount_expired(lease);
            return self.failed.contains_key(&lease.index);
        };
        held.claim.progress = if progress.is_nan() { 0.0 } else { progress.clamp(0.0, 1.0) };
        let ClaimState { worker, attempt, progress, .. } = held.claim.clone();
        self.pending.set(lease.index, later(now_us, duration));
        publish(Message::Notice(Notice::Progress { index: lease.index, worker, attempt, progress }));
        true
    }

    pub(super) fn release(
        &mut self,
        lease: &Lease,
        wait: Duration,
        now_us: u64,
        publish: Publish<'_>,
    ) -> bool {
        let Some(held) = self.held(lease) else {
            self.uncount_expired(lease);
            return false;
        };
        held.token = None;
        held.claim.attempt -= 1;
        self.pending.set(lease.index, later(now_us, wait));
        if wait.is_zero() {
            publish(Message::Insert(lease.index.to_string()));
        }
        true
    }

    pub(super) fn fail(
        &mut self,
        lease: &Lease,
        reason: &str,
        final_attempt: bool,
        now_us: u64,
        publish: Publish<'_>,
    ) -> FailOutcome {
        let Some(held) = self.held(lease) else { return FailOutcome::Lost };
        if final_attempt || held.claim.attempt >= MAX_ATTEMPTS {
            self.give_up(lease.index, reason.to_owned(), publish);
            return FailOutcome::GivenUp;
        }
        held.token = None;
        let after = backoff(held.claim.attempt);
        self.pending.set(lease.index, later(now_us, after));
        FailOutcome::Retry { after }
    }

    pub(super) fn finish(
        &mut self,
        lease: &Lease,
        value: &str,
        computed_us: u64,
        now_us: u64,
        publish: Publish<'_>,
    ) -> FinishOutcome {
        let index = lease.index;
        let times = self.held(lease).map(|held| (held.claim.announced_us, held.claim.claimed_us));
        let changed = self.fields.get(&index).and_then(Option::as_deref) != Some(value);
        if changed {
            self.fields.insert(index, Some(value.to_owned()));
        }
        self.failed.remove(&index);
        if !self.drop_pending(index) && !changed {
            return FinishOutcome::Duplicate;
        }
        publish(Message::Notice(Notice::Finished {
            index,
            worker: lease.worker.clone(),
            announced_us: times.map(|(announced_us, _)| announced_us),
            claimed_us: times.map(|(_, claimed_us)| claimed_us),
            computed_us,
            posted_us: now_us,
            value: (value.len() <= SHORT_DIGITS).then(|| value.to_owned()),
        }));
        FinishOutcome::First
    }

    pub(super) fn index_state(&self, index: Index, now_us: u64) -> IndexState {
        let field = self.fields.get(&index);
        if let Some(Some(value)) = field {
            return IndexState::Result { bytes: value.len() as u64, recorded: self.results.contains(index) };
        }
        if let Some(reason) = self.failed.get(&index) {
            return IndexState::GivenUp { reason: reason.clone() };
        }
        if let Some(due_us) = self.pending.score(index) {
            let running = self.attempts.get(&index).filter(|held| held.token.is_some() && due_us > now_us);
            return IndexState::Pending(running.map(|held| held.claim.clone()));
        }
        if field.is_some() { IndexState::Unlisted } else { IndexState::Absent }
    }

    /// One page; the cursor is its first index.
    pub(super) fn scan(&self, cursor: u64, count: u32) -> ScanPage {
        let from = u32::try_from(cursor).ok().and_then(|number| Index::try_from(number).ok());
        let mut rest = from.into_iter().flat_map(|from| self.fields.range(from..)).map(|(index, _)| *index);
        let indexes: Vec<_> = rest.by_ref().take(count.max(1) as usize).collect();
        ScanPage { next: rest.next().map(|index| index.get().into()), indexes, ignored: 0 }
    }

    pub(super) fn result(&mut self, index: Index, now_us: u64) -> Option<String> {
        self.results.touch(index, now_us);
        self.fields.get(&index).cloned().flatten()
    }

    pub(super) fn reject(&mut self, index: Index, wrong: &str, now_us: u64) -> bool {
        if self.fields.get(&index).and_then(Option::as_deref) != Some(wrong) {
            return false;
        }
        self.fields.insert(index, None);
        self.failed.remove(&index);
        self.results.remove(index);
        self.add_pending(index, now_us);
        true
    }

    pub(super) fn mark_recorded(&mut self, index: Index, budget_bytes: u64, now_us: u64) -> Vec<Index> {
        if let Some(Some(value)) = self.fields.get(&index) {
            self.results.set(index, value.len() as u64, now_us);
            self.failed.remove(&index);
            self.drop_pending(index);
        }
        self.evict_except(budget_bytes, Some(index))
    }

    pub(super) fn evict(&mut self, budget_bytes: u64) -> Vec<Index> {
        self.evict_except(budget_bytes, self.results.most_recent())
    }

    fn evict_except(&mut self, budget_bytes: u64, keep: Option<Index>) -> Vec<Index> {
        let evicted = self.results.evict(budget_bytes, keep);
        for index in &evicted {
            self.fields.remove(index);
        }
        evicted
    }

    pub(super) fn pending_len(&self) -> u64 {
        self.pending.len() as u64
    }

    /// The attempt under this lease, if the lease is still held.
    fn held(&mut self, lease: &Lease) -> Option<&mut Attempt> {
        self.attempts.get_mut(&lease.index).filter(|held| held.token.as_deref() == Some(&*lease.token))
    }

    /// Stops counting an attempt whose lease expired, because its worker is alive: it was only cut off.
    fn uncount_expired(&mut self, lease: &Lease) {
        let Some(current) = self.attempts.get_mut(&lease.index) else { return };
        if let Some(position) = current.expired.iter().position(|token| *token == lease.token) {
            current.expired.remove(position);
            current.claim.attempt -= 1;
        }
    }

    /// Puts an index on the pending list, due now; returns false if it was there already.
    fn add_pending(&mut self, index: Index, now_us: u64) -> bool {
        if self.pending.contains(index) {
            return false;
        }
        self.pending.set(index, now_us);
        self.attempts.remove(&index);
        self.results.remove(index);
        true
    }

    /// Takes an index off the pending list and drops its attempt; returns true if it was there.
    fn drop_pending(&mut self, index: Index) -> bool {
        self.attempts.remove(&index);
        self.pending.remove(index)
    }

    fn give_up(&mut self, index: Index, reason: String, publish: Publish<'_>) {
        self.drop_pending(index);
        self.failed.insert(index, reason.clone());
        publish(Message::Notice(Notice::GivenUp { index, reason }));
    }
}

fn later(now_us: u64, wait: Duration) -> u64 {
    now_us.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX))
}
