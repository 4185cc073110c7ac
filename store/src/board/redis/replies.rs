//! Parses the replies of the scripts.

use std::str::FromStr;

use protocol::{Index, WorkerId};
use serde::Deserialize;

use crate::{BoardError, ClaimState, EnqueueOutcome, IndexState, ScanPage};

/// A claim as stored in the hash of claims.
#[derive(Deserialize)]
struct ClaimRecord {
    worker: WorkerId,
    attempt: u32,
    announced_us: u64,
    claimed_us: u64,
    progress: f64,
}

pub(super) fn enqueue_outcome(reply: &str) -> Result<EnqueueOutcome, BoardError> {
    match reply {
        "added" => Ok(EnqueueOutcome::Added),
        "already_pending" => Ok(EnqueueOutcome::AlreadyPending),
        "already_done" => Ok(EnqueueOutcome::AlreadyDone),
        "given_up" => Ok(EnqueueOutcome::GivenUp),
        other => Err(unexpected("an enqueue outcome", other)),
    }
}

/// State of an index: the two strings that `index_states.lua` returns for it.
pub(super) fn index_state(state: &str, detail: &str) -> Result<IndexState, BoardError> {
    match state {
        "absent" => Ok(IndexState::Absent),
        "unlisted" => Ok(IndexState::Unlisted),
        "result" => {
            let bytes = detail.strip_prefix('+');
            Ok(IndexState::Result { bytes: number(bytes.unwrap_or(detail))?, recorded: bytes.is_some() })
        }
        "given_up" => Ok(IndexState::GivenUp { reason: detail.to_owned() }),
        "pending" if detail.is_empty() => Ok(IndexState::Pending(None)),
        "pending" => {
            // Another program may have written something else.
            let claim = serde_json::from_str::<ClaimRecord>(detail).ok();
            Ok(IndexState::Pending(claim.map(|claim| ClaimState {
                worker: claim.worker,
                attempt: claim.attempt,
                announced_us: claim.announced_us,
                claimed_us: claim.claimed_us,
                progress: claim.progress,
            })))
        }
        other => Err(unexpected("an index state", other)),
    }
}

/// The cursor and field names that `scan.lua` returns. Names may be any bytes.
pub(super) fn scan_page(reply: &[Vec<u8>]) -> Result<ScanPage, BoardError> {
    let (cursor, names) = reply.split_first().ok_or_else(|| unexpected("a page of fields", ""))?;
    let next = number(&String::from_utf8_lossy(cursor))?;
    let indexes: Vec<_> = names
        .iter()
        .filter_map(|name| std::str::from_utf8(name).ok().and_then(Index::from_canonical))
        .collect();
    let ignored = (names.len() - indexes.len()) as u64;
    Ok(ScanPage { next: (next != 0).then_some(next), indexes, ignored })
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, BoardError> {
    text.parse().map_err(|_| unexpected("a number", text))
}

pub(super) fn index(text: &str) -> Result<Index, BoardError> {
    Index::from_canonical(text).ok_or_else(|| unexpected("an index", text))
}

pub(super) fn indexes(texts: &[String]) -> Result<Vec<Index>, BoardError> {
    texts.iter().map(|text| index(text)).collect()
}

pub(super) fn unexpected(expected: &str, reply: &str) -> BoardError {
    const SHOWN_CHARS: usize = 80;
    let shown: String = reply.chars().take(SHOWN_CHARS).collect();
    BoardError::UnexpectedReply(format!("expected {expected}, got {shown:?}"))
}
