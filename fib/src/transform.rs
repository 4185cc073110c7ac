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
//! 2. `convolve`, by pieces: transforms, products and inverse transforms modulo one factor.
//! 3. `join`, by columns: the product modulo x^N − i from its remainders.

mod lanes;
mod leaves;
mod odd;
mod roots;
mod shape;
mod tree;

pub(crate) use lanes::{Block, LANES};
pub(crate) use shape::Shape;

use pulp::{Arch, Simd, WithSimd};

use self::{lanes::Lanes, odd::Odd, roots::Roots, tree::Tree};
use crate::{
    crew::Crew,
    digits::{Base, carry},
    doubling::{Multiply, Wanted},
    progress::Stopped,
};

/// Blocks of a column task that are processed together: 24 KiB, which fit into the first-level cache.
const SCRATCH_BLOCKS: usize = 384;
/// Blocks of a transform from which sharing it is faster than starting threads.
const MIN_SHARED: usize = 16_384;

/// Memory and constants for products of up to a certain length, used for all of them.
pub(crate) struct Transform {
    arch: Arch,
    roots: Roots,
    f: Vec<Block>,
    l: Vec<Block>,
}

impl Transform {
    /// Prepares for products of up to `digits` digits.
    pub(crate) fn new(arch: Arch, digits: usize, threads: usize) -> Self {
        let largest = Shape::new(digits, threads);
        let memory = || Vec::with_capacity(largest.blocks());
        Self { arch, roots: Roots::new(largest.roots()), f: memory(), l: memory() }
    }
}

impl Multiply for Transform {
    fn multiply(
        &mut self,
        base: Base,
        f: &mut Vec<i32>,
        l: &mut Vec<i32>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped> {
        let length = f.len() + l.len();
        let shape = Shape::new(length, crew.threads());
        let threads = if shape.blocks() < MIN_SHARED { 1 } else { crew.threads() };
        for (digits, blocks) in [(&mut *f, &mut self.f), (&mut *l, &mut self.l)] {
            digits.resize(shape.blocks() * LANES, 0);
            blocks.resize(shape.blocks(), Block::default());
        }
        let (arch, roots) = (self.arch, &self.roots);
        let columns = &Columns::new(shape, roots);

        let mut tasks = Vec::new();
        for (digits, blocks) in [(&*f, &mut self.f), (&*l, &mut self.l)] {
            tasks.extend(shape.columns(blocks).map(|(column, rows)| Split { columns, digits, column, rows }));
        }
        crew.run(share * 0.2, threads, tasks, |task| arch.dispatch(task))?;

        let square = matches!(wanted, Wanted::ProductAndSquare { .. });
        let pieces =
            self.f.chunks_exact_mut(shape.piece()).zip(self.l.chunks_exact_mut(shape.piece())).enumerate();
        let tasks = pieces.map(|(place, (f, l))| Convolve {
            roots,
            turns: shape.turns(place),
            scale: shape.scale(),
            f,
            l,
            square,
        });
        crew.run(share * 0.6, threads, tasks, |task| arch.dispatch(task))?;

        let mut tasks = Vec::new();
        for blocks in [Some(&mut self.f), square.then_some(&mut self.l)].into_iter().flatten() {
            tasks.extend(shape.columns(blocks).map(|(_, rows)| Join { columns, rows }));
        }
        crew.run(share * 0.1, threads, tasks, |task| arch.dispatch(task))?;

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
                digits.resize(length, 0);
                carry::tasks(arch, base, blocks, digits)
            })
            .collect();
        crew.run(share * 0.1, threads, tasks, carry::Task::run)
    }
}

/// The constants of the phases that work by columns.
struct Columns<'a> {
    piece: usize,
    odd: Odd,
    /// A tree for each factor of the radix.
    trees: Vec<Tree>,
    roots: &'a Roots,
}

impl<'a> Columns<'a> {
    fn new(shape: Shape, roots: &'a Roots) -> Self {
        Self { piece: shape.piece(), odd: Odd::new(shape.radix()), trees: shape.trees(), roots }
    }
}

/// The first phase, for some columns of one number.
struct Split<'a> {
    columns: &'a Columns<'a>,
    digits: &'a [i32],
    /// The first column.
    column: usize,
    rows: Vec<&'a mut [Block]>,
}

impl WithSimd for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Columns { piece, odd, trees, roots } = self.columns;
        let pieces = self.rows.len();
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
                    *block = Block { re: digits.map(f64::from), im: [0.0; LANES] };
                }
            }
            odd.forward(Lanes(simd), scratch);
            for (group, tree) in scratch.chunks_exact_mut(run * pieces / trees.len()).zip(trees) {
                tree.forward(Lanes(simd), group, roots);
            }
            for (row, out) in self.rows.iter_mut().zip(scratch.chunks_exact(run)) {
                row[first..first + run].copy_from_slice(out);
            }
        }
    }
}

/// The second phase, for one piece.
struct Convolve<'a> {
    roots: &'a Roots,
    turns: f64,
    scale: f64,
    f: &'a mut [Block],
    l: &'a mut [Block],
    square: bool,
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { roots, turns, scale, f, l, square } = self;
        let (lanes, tree) = (Lanes(simd), Tree::new(turns, f.len()));
        tree.forward(lanes, f, roots);
        tree.forward(lanes, l, roots);
        leaves::multiply(lanes, f, l, &tree, roots, scale, square);
        tree.inverse(lanes, f, roots);
        if square {
            tree.inverse(lanes, l, roots);
        }
    }
}

/// The third phase, for some columns of one product.
struct Join<'a> {
    columns: &'a Columns<'a>,
    rows: Vec<&'a mut [Block]>,
}

impl WithSimd for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Columns { odd, trees, roots, .. } = self.columns;
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
            for (group, tree) in scratch.chunks_exact_mut(run * pieces / trees.len()).zip(trees) {
                tree.inverse(Lanes(simd), group, roots);
            }
            odd.inverse(Lanes(simd), scratch);
            for (row, out) in self.rows.iter_mut().zip(scratch.chunks_exact(run)) {
                row[first..first + run].copy_from_slice(out);
            }
        }
    }
}
