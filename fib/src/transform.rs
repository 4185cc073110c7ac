//! Products of large numbers, by a Fourier transform in floating point.
//!
//! A number is a polynomial whose coefficients are its digits, so a product of numbers is a product of polynomials,
//! followed by carries. Real polynomials modulo x^2N + 1 are complex ones modulo x^N − i: coefficient j + N becomes the
//! imaginary part of coefficient j (the "right-angle convolution": R. Crandall and C. Pomerance, Prime Numbers,
//! section 9.5.3). With 2N at least as large as the number of coefficients of the product, nothing wraps around.
//!
//! x^N − i is split into factors x^m − ζ, and the product is computed modulo each of them: a piece that fits into the
//! cache of one core. Three phases, each of independent tasks for all threads:
//!
//! 1. `split`, by columns: the remainders of both numbers modulo all factors.
//! 2. `multiply`, by pieces: transforms, products and inverse transforms modulo one factor.
//! 3. `join`, by columns: the product modulo x^N − i from its remainders.

mod lanes;
mod leaves;
mod odd;
mod roots;
mod shape;
mod tree;

pub(crate) use lanes::{Block, LANES};

use pulp::{Arch, Simd, WithSimd};

use self::{lanes::Lanes, roots::Roots, shape::Shape, tree::Tree};
use crate::{
    crew::Crew,
    digits::{Base, carry},
    progress::Stopped,
};

/// Blocks of a column task that are processed together: 24 KiB, which fit into the first-level cache.
const SCRATCH_BLOCKS: usize = 384;

/// Memory and constants for products of up to a certain length, used for all of them.
pub(crate) struct Transform {
    arch: Arch,
    roots: Roots,
    f: Vec<Block>,
    l: Vec<Block>,
}

/// The products that are wanted.
pub(crate) enum Wanted {
    /// f·l + `constant` in f; l is lost.
    Product { constant: f64 },
    /// f·l in f, and l² + `constant` in l.
    ProductAndSquare { constant: f64 },
}

impl Transform {
    /// Prepares for products of up to `digits` digits.
    pub(crate) fn new(arch: Arch, digits: usize, threads: usize) -> Self {
        let largest = Shape::new(digits, threads);
        let memory = || Vec::with_capacity(largest.blocks());
        Self { arch, roots: Roots::new(largest.roots()), f: memory(), l: memory() }
    }

    /// Multiplies numbers of `f.len()` digits each. `share` is the share of this product in the whole computation.
    pub(crate) fn multiply(
        &mut self,
        base: Base,
        f: &mut Vec<f64>,
        l: &mut Vec<f64>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped> {
        let length = f.len() + l.len();
        let shape = Shape::new(length, crew.threads());
        for (digits, blocks) in [(&mut *f, &mut self.f), (&mut *l, &mut self.l)] {
            digits.resize(shape.blocks() * LANES, 0.0);
            blocks.resize(shape.blocks(), Block::default());
        }
        let (arch, roots) = (self.arch, &self.roots);

        let mut tasks = Vec::new();
        for (digits, blocks) in [(&*f, &mut self.f), (&*l, &mut self.l)] {
            tasks.extend(shape.columns(blocks).map(|(column, rows)| Split { shape, roots, digits, column, rows }));
        }
        crew.run(share * 0.2, tasks, |task| arch.dispatch(task))?;

        let square = matches!(wanted, Wanted::ProductAndSquare { .. });
        let pieces = self.f.chunks_exact_mut(shape.piece()).zip(self.l.chunks_exact_mut(shape.piece())).enumerate();
        let tasks = pieces.map(|(place, (f, l))| Multiply { roots, turns: shape.turns(place), scale: shape.scale(), f, l, square });
        crew.run(share * 0.6, tasks, |task| arch.dispatch(task))?;

        let mut tasks = Vec::new();
        for blocks in [Some(&mut self.f), square.then_some(&mut self.l)].into_iter().flatten() {
            tasks.extend(shape.columns(blocks).map(|(_, rows)| Join { shape, roots, rows }));
        }
        crew.run(share * 0.1, tasks, |task| arch.dispatch(task))?;

        match *wanted {
            Wanted::Product { constant } => self.f[0].re[0] += constant,
            Wanted::ProductAndSquare { constant } => self.l[0].re[0] += constant,
        }
        let mut outputs = vec![(f, &self.f)];
        if square {
            outputs.push((l, &self.l));
        }
        let tasks: Vec<_> = outputs
            .into_iter()
            .flat_map(|(digits, blocks)| {
                digits.resize(length, 0.0);
                carry::tasks(arch, base, blocks, digits)
            })
            .collect();
        crew.run(share * 0.1, tasks, carry::Task::run)
    }
}

/// The first phase, for some columns of one number.
struct Split<'a> {
    shape: Shape,
    roots: &'a Roots,
    digits: &'a [f64],
    /// The first column.
    column: usize,
    rows: Vec<&'a mut [Block]>,
}

impl WithSimd for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (pieces, piece) = (self.rows.len(), self.shape.piece());
        let row_digits = |row: usize, first: usize, run: usize| {
            let start = (row * piece + self.column + first) * LANES;
            self.digits[start..start + run * LANES].as_chunks::<LANES>().0
        };
        let (width, run) = (self.rows[0].len(), (SCRATCH_BLOCKS / pieces).max(1));
        let mut scratch = vec![Block::default(); run.min(width) * pieces];
        for first in (0..width).step_by(run) {
            let run = run.min(width - first);
            let scratch = &mut scratch[..run * pieces];
            for (row, out) in scratch.chunks_exact_mut(run).enumerate() {
                for (block, digits) in out.iter_mut().zip(row_digits(row, first, run)) {
                    *block = Block { re: *digits, im: [0.0; LANES] };
                }
            }
            odd::forward(Lanes(simd), scratch, self.shape.radix());
            for (group, place) in scratch.chunks_exact_mut(run * pieces / self.shape.radix()).zip(0..) {
                let turns = odd::turns(self.shape.radix(), place);
                Tree { turns, run, roots: self.roots }.forward(Lanes(simd), group);
            }
            for (row, out) in self.rows.iter_mut().zip(scratch.chunks_exact(run)) {
                row[first..first + run].copy_from_slice(out);
            }
        }
    }
}

/// The second phase, for one piece.
struct Multiply<'a> {
    roots: &'a Roots,
    turns: f64,
    scale: f64,
    f: &'a mut [Block],
    l: &'a mut [Block],
    square: bool,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { roots, turns, scale, f, l, square } = self;
        let (lanes, tree) = (Lanes(simd), Tree { turns, run: 1, roots });
        tree.forward(lanes, f);
        tree.forward(lanes, l);
        leaves::multiply(lanes, f, l, turns, roots, scale, square);
        tree.inverse(lanes, f);
        if square {
            tree.inverse(lanes, l);
        }
    }
}

/// The third phase, for some columns of one product.
struct Join<'a> {
    shape: Shape,
    roots: &'a Roots,
    rows: Vec<&'a mut [Block]>,
}

impl WithSimd for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let pieces = self.rows.len();
        if pieces == 1 {
            return;
        }
        let (width, run) = (self.rows[0].len(), (SCRATCH_BLOCKS / pieces).max(1));
        let mut scratch = vec![Block::default(); run.min(width) * pieces];
        for first in (0..width).step_by(run) {
            let run = run.min(width - first);
            let scratch = &mut scratch[..run * pieces];
            for (row, out) in self.rows.iter().zip(scratch.chunks_exact_mut(run)) {
                out.copy_from_slice(&row[first..first + run]);
            }
            for (group, place) in scratch.chunks_exact_mut(run * pieces / self.shape.radix()).zip(0..) {
                let turns = odd::turns(self.shape.radix(), place);
                Tree { turns, run, roots: self.roots }.inverse(Lanes(simd), group);
            }
            odd::inverse(Lanes(simd), scratch, self.shape.radix());
            for (row, out) in self.rows.iter_mut().zip(scratch.chunks_exact(run)) {
                row[first..first + run].copy_from_slice(out);
            }
        }
    }
}
