//! The length of a transform, and how it is divided into pieces.

use super::{
    lanes::{Block, LANES},
    odd, roots,
    tree::Tree,
};

/// Blocks per piece: two of them fit into the second-level cache of a core.
const MAX_PIECE: usize = 1024;
/// Blocks per piece below which dividing further gains nothing.
const MIN_PIECE: usize = 128;
/// Pieces per thread, so that all threads finish at nearly the same time.
const PIECES_PER_THREAD: usize = 4;
/// Tasks per number of a phase that works by columns.
const COLUMN_TASKS: usize = 8;
/// Blocks from which such a phase is worth dividing.
const MIN_DIVIDED: usize = 8192;

/// A transform of radix·2ᵏ·piece blocks, where radix is 1, 3, 5, 7 or 9.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Shape {
    radix: usize,
    /// Pieces per factor of the radix.
    parts: usize,
    piece: usize,
}

impl Shape {
    /// The shortest transform for a product of so many digits.
    pub(crate) fn new(digits: usize, threads: usize) -> Self {
        let needed = digits.div_ceil(2 * LANES);
        let lengths = [1, 3, 5, 7, 9]
            .map(|radix: usize| (radix * needed.div_ceil(radix).next_power_of_two().max(4), radix));
        let (blocks, radix) = lengths.into_iter().min().unwrap_or((4, 1));
        let mut shape = Self { radix, parts: 1, piece: blocks / radix };
        let too_few = |shape: Self| threads > 1 && shape.pieces() < threads * PIECES_PER_THREAD;
        while shape.piece > MAX_PIECE || (shape.piece > MIN_PIECE && too_few(shape)) {
            shape = Self { parts: shape.parts * 2, piece: shape.piece / 2, ..shape };
        }
        shape
    }

    /// The odd factor of the length.
    pub(super) fn radix(self) -> usize {
        self.radix
    }

    /// Blocks per piece, a power of two.
    pub(super) fn piece(self) -> usize {
        self.piece
    }

    fn pieces(self) -> usize {
        self.radix * self.parts
    }

    pub(super) fn blocks(self) -> usize {
        self.pieces() * self.piece
    }

    /// The number of roots that the trees of this and all shorter transforms need.
    pub(super) fn roots(self) -> usize {
        self.blocks().min(MAX_PIECE).max(self.parts).div_ceil(4)
    }

    /// Returns the angle of a piece's ζ, in turns.
    pub(super) fn turns(self, place: usize) -> f64 {
        let fraction = roots::fraction(place % self.parts);
        odd::turns(self.radix, place / self.parts) / self.parts as f64 + fraction
    }

    /// Returns the trees that lead from the factors of the radix to the pieces.
    pub(super) fn trees(self) -> Vec<Tree> {
        (0..self.radix).map(|place| Tree::new(odd::turns(self.radix, place), self.parts)).collect()
    }

    /// Reciprocal of the factor by which the inverse transform multiplies all coefficients.
    pub(super) fn scale(self) -> f64 {
        1.0 / self.blocks() as f64
    }

    /// Divides the pieces into ranges of columns: the first column, and that range of every piece.
    pub(super) fn columns(self, blocks: &mut [Block]) -> impl Iterator<Item = (usize, Vec<&mut [Block]>)> {
        let width = self.piece.div_ceil(if self.blocks() < MIN_DIVIDED { 1 } else { COLUMN_TASKS });
        let mut ranges: Vec<_> =
            (0..self.piece.div_ceil(width)).map(|_| Vec::with_capacity(self.pieces())).collect();
        for piece in blocks.chunks_exact_mut(self.piece) {
            for (range, part) in ranges.iter_mut().zip(piece.chunks_mut(width)) {
                range.push(part);
            }
        }
        ranges.into_iter().enumerate().map(move |(place, rows)| (place * width, rows))
    }
}
