//! Decimal text, in groups of 18 digits.

use crate::{
    crew::Crew,
    digits::Base,
    progress::Stopped,
    residues::{Groups, Residues},
};

/// Decimal places of a group.
pub(crate) const PLACES: usize = 18;
/// Groups per task.
const TASK: usize = 256;
/// Decimal places from which sharing the work is faster than starting threads.
const MIN_SHARED: usize = 800_000;

/// Writes a number that has exactly `count` decimal places, and returns its residues.
pub(crate) fn from_digits(
    base: Base,
    digits: &[i32],
    count: usize,
    share: f64,
    crew: &mut Crew<'_>,
) -> Result<(String, Residues), Stopped> {
    let mut text = vec![0; count];
    let per_group = PLACES / base.places as usize;
    let mut residues = vec![Residues::default(); count.div_ceil(PLACES * TASK)];
    let tasks = text.rchunks_mut(PLACES * TASK).zip(&mut residues).enumerate();
    let threads = if count < MIN_SHARED { 1 } else { crew.threads() };
    crew.run(share, threads, tasks, |(place, (out, residues))| {
        let mut groups = [0; TASK];
        let groups = &mut groups[..out.len().div_ceil(PLACES)];
        to_groups(base, digits, place * TASK * per_group, groups);
        *residues = Groups::<{ PLACES as u32 }>::residues(groups);
        write_groups(groups, out);
    })?;
    let total = Groups::<{ (PLACES * TASK) as u32 }>::horner(&residues);
    Ok((into_string(text), total))
}

/// Turns the balanced digits from this place on into groups.
fn to_groups(base: Base, digits: &[i32], start: usize, groups: &mut [u64]) {
    let radix = base.value as i64;
    // What is below is negative if the highest of its digits is.
    let below = digits[..start].iter().rev().find(|&&digit| digit != 0);
    let mut borrow = i64::from(below.is_some_and(|&digit| digit < 0));
    for (group, digits) in groups.iter_mut().zip(digits[start..].chunks(PLACES / base.places as usize)) {
        let (mut sum, mut unit) = (0, 1);
        for &digit in digits {
            let digit = i64::from(digit) - borrow;
            borrow = i64::from(digit < 0);
            sum += (digit + borrow * radix) * unit;
            unit *= radix;
        }
        *group = sum as u64;
    }
}

/// Writes groups, the lowest first, as a number that has exactly `count` decimal places.
pub(crate) fn from_groups(groups: &[u64], count: usize) -> String {
    let mut text = vec![0; count];
    write_groups(groups, &mut text);
    into_string(text)
}

fn write_groups(groups: &[u64], out: &mut [u8]) {
    let (highest, chunks) = out.as_rchunks_mut::<PLACES>();
    for (chunk, &group) in chunks.iter_mut().rev().zip(groups) {
        *chunk = group_text(group);
    }
    if let Some(&group) = groups.get(chunks.len()) {
        highest.copy_from_slice(&group_text(group)[PLACES - highest.len()..]);
    }
}

/// Returns all digits of a group.
#[inline]
fn group_text(group: u64) -> [u8; PLACES] {
    let halves = [group / 1_000_000_000, group % 1_000_000_000];
    let mut out = [0; PLACES];
    let mut triples = out.as_chunks_mut::<3>().0.iter_mut();
    for half in halves.map(|half| half as u32) {
        for triple in [half / 1_000_000, half / 1_000 % 1_000, half % 1_000] {
            if let Some(out) = triples.next() {
                *out = TRIPLES[triple as usize];
            }
        }
    }
    out
}

/// 000 to 999.
static TRIPLES: [[u8; 3]; 1_000] = {
    let mut triples = [[0; 3]; 1_000];
    let mut number = 0;
    while number < 1_000 {
        triples[number][0] = b'0' + (number / 100) as u8;
        triples[number][1] = b'0' + (number / 10 % 10) as u8;
        triples[number][2] = b'0' + (number % 10) as u8;
        number += 1;
    }
    triples
};

fn into_string(text: Vec<u8>) -> String {
    String::from_utf8(text).expect("digits are ASCII")
}
