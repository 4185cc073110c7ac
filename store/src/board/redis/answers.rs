//! Reading what the scripts answer.

use std::str::FromStr;

use protocol::{Index, WorkerId};
use serde::Deserialize;

use crate::{BoardError, ClaimState, Enqueued, ScanPage, Sighting};

/// A claim as the hash of claims holds it.
#[derive(Deserialize)]
struct ClaimRecord {
    worker: WorkerId,
    attempt: u32,
    announced_us: u64,
    claimed_us: u64,
    progress: f64,
}

pub(super) fn enqueued(answer: &str) -> Result<Enqueued, BoardError> {
    match answer {
        "added" => Ok(Enqueued::Added),
        "already_pending" => Ok(Enqueued::AlreadyPending),
        "already_done" => Ok(Enqueued::AlreadyDone),
        "given_up" => Ok(Enqueued::GivenUp),
        other => Err(unreadable("what became of a wish", other)),
    }
}

/// How an index stands: the two texts that `look.lua` gives for it.
pub(super) fn sighting(state: &str, detail: &str) -> Result<Sighting, BoardError> {
    match state {
        "absent" => Ok(Sighting::Absent),
        "unlisted" => Ok(Sighting::Unlisted),
        "result" => Ok(Sighting::Result { bytes: number(detail)? }),
        "given_up" => Ok(Sighting::GivenUp { reason: detail.to_owned() }),
        "pending" if detail.is_empty() => Ok(Sighting::Pending(None)),
        "pending" => {
            let claim: ClaimRecord =
                serde_json::from_str(detail).map_err(|_| unreadable("a claim", detail))?;
            Ok(Sighting::Pending(Some(ClaimState {
                worker: claim.worker,
                attempt: claim.attempt,
                announced_us: claim.announced_us,
                claimed_us: claim.claimed_us,
                progress: claim.progress,
            })))
        }
        other => Err(unreadable("how an index stands", other)),
    }
}

/// The cursor and the names that `scan.lua` gives. Names may be anything, and need not be text.
pub(super) fn scan_page(answer: &[Vec<u8>]) -> Result<ScanPage, BoardError> {
    let (cursor, names) = answer.split_first().ok_or_else(|| unreadable("a page of fields", ""))?;
    let next = number(&String::from_utf8_lossy(cursor))?;
    let indexes: Vec<_> = names
        .iter()
        .filter_map(|name| std::str::from_utf8(name).ok().and_then(Index::from_canonical))
        .collect();
    let ignored = (names.len() - indexes.len()) as u64;
    Ok(ScanPage { next: (next != 0).then_some(next), indexes, ignored })
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, BoardError> {
    text.parse().map_err(|_| unreadable("a number", text))
}

pub(super) fn index(text: &str) -> Result<Index, BoardError> {
    Index::from_canonical(text).ok_or_else(|| unreadable("an index", text))
}

pub(super) fn unreadable(what: &str, answer: &str) -> BoardError {
    const SHOWN_CHARS: usize = 80;
    let shown: String = answer.chars().take(SHOWN_CHARS).collect();
    BoardError::Unreadable(format!("{what}: {shown:?}"))
}
