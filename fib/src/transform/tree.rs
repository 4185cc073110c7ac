//! The reduction of a polynomial modulo x^m − ζ to remainders modulo the factors of x^m − ζ, and the way back.
//!
//! x^2m − ζ² = (x^m − ζ)(x^m + ζ), again and again: a binary tree of polynomials, each node with a modulus of
//! half its parent's degree. All coefficients of a node are multiplied by the same constants, so the vectors never
//! need to be shuffled (the "ring" form of the transform: D. J. Bernstein, "Multidigit multiplication for
//! mathematicians", 2001, section 2). Two levels are done at once wherever possible, to halve the passes over memory.

use pulp::Simd;

use super::{
    lanes::{Block, Complex, Lanes, Vector},
    roots::{Powers, Roots},
};

/// Levels of two halvings: enough for 4¹² nodes.
const LEVELS: usize = 12;

/// The constants of a tree for a modulus x^m − ζ.
pub(super) struct Tree {
    /// The square root of ζ, if the number of halvings is odd.
    half: Option<Complex>,
    /// The fourth root of the first node's ζ at each level, and its powers.
    quarters: [Powers; LEVELS],
    levels: usize,
    /// The ζ of the first leaf.
    leaf: Complex,
}

impl Tree {
    /// Prepares for a ζ at an angle, in turns, and a number of leaves, which is a power of two.
    pub(super) fn new(turns: f64, leaves: usize) -> Self {
        let halvings = leaves.trailing_zeros();
        let half = (halvings % 2 == 1).then(|| Complex::at(turns / 2.0));
        let levels = halvings as usize / 2;
        let mut quarters = [Powers::ONE; LEVELS];
        let mut nodes = if half.is_some() { 2.0 } else { 1.0 };
        for quarter in &mut quarters[..levels] {
            *quarter = Powers::at(turns / (nodes * 4.0));
            nodes *= 4.0;
        }
        Self { half, quarters, levels, leaf: Complex::at(turns / nodes) }
    }

    /// Returns the ζ of the first of four leaves; those of the others are −ζ, iζ and −iζ.
    #[inline(always)]
    pub(super) fn leaf(&self, family: usize, roots: &Roots) -> Complex {
        self.leaf.times(roots.at(family).0[0])
    }

    #[inline(always)]
    pub(super) fn forward<S: Simd>(&self, lanes: Lanes<S>, data: &mut [Block], roots: &Roots) {
        let mut size = data.len();
        if let Some(root) = self.half {
            halve(lanes, data, root);
            size /= 2;
        }
        for &quarter in &self.quarters[..self.levels] {
            for (node, place) in data.chunks_exact_mut(size).zip(0..) {
                quarter_node(lanes, node, quarter.times(roots.at(place)));
            }
            size /= 4;
        }
    }

    /// The inverse of `forward`, except that all coefficients are multiplied by the number of leaves.
    #[inline(always)]
    pub(super) fn inverse<S: Simd>(&self, lanes: Lanes<S>, data: &mut [Block], roots: &Roots) {
        let mut size = data.len() >> (2 * self.levels + usize::from(self.half.is_some()));
        for &quarter in self.quarters[..self.levels].iter().rev() {
            size *= 4;
            for (node, place) in data.chunks_exact_mut(size).zip(0..) {
                join_node(lanes, node, quarter.times(roots.at(place)).conjugate());
            }
        }
        if let Some(root) = self.half {
            join_halves(lanes, data, root.conjugate());
        }
    }
}

/// Reduces modulo x^m − r and x^m + r.
#[inline(always)]
fn halve<S: Simd>(lanes: Lanes<S>, node: &mut [Block], root: Complex) {
    let (low, high) = node.split_at_mut(node.len() / 2);
    let root = lanes.splat(root);
    for (low, high) in low.iter_mut().zip(high) {
        for place in 0..Lanes::<S>::VECTORS {
            let (a, b) = (lanes.load(low, place), lanes.multiply(lanes.load(high, place), root));
            lanes.store(low, place, lanes.add(a, b));
            lanes.store(high, place, lanes.subtract(a, b));
        }
    }
}

#[inline(always)]
fn join_halves<S: Simd>(lanes: Lanes<S>, node: &mut [Block], conjugate_root: Complex) {
    let (low, high) = node.split_at_mut(node.len() / 2);
    let root = lanes.splat(conjugate_root);
    for (low, high) in low.iter_mut().zip(high) {
        for place in 0..Lanes::<S>::VECTORS {
            let (a, b) = (lanes.load(low, place), lanes.load(high, place));
            lanes.store(low, place, lanes.add(a, b));
            lanes.store(high, place, lanes.multiply(lanes.subtract(a, b), root));
        }
    }
}

/// Reduces modulo x^m − r, x^m + r, x^m − ir and x^m + ir.
#[inline(always)]
fn quarter_node<S: Simd>(lanes: Lanes<S>, node: &mut [Block], root: Powers) {
    let [r1, r2, r3] = splat(lanes, root);
    for (q0, q1, q2, q3) in quarters(node) {
        for place in 0..Lanes::<S>::VECTORS {
            let a0 = lanes.load(q0, place);
            let a1 = lanes.multiply(lanes.load(q1, place), r1);
            let a2 = lanes.multiply(lanes.load(q2, place), r2);
            let a3 = lanes.multiply(lanes.load(q3, place), r3);
            let (even, even_difference) = (lanes.add(a0, a2), lanes.subtract(a0, a2));
            let (odd, odd_difference) = (lanes.add(a1, a3), lanes.subtract(a1, a3));
            lanes.store(q0, place, lanes.add(even, odd));
            lanes.store(q1, place, lanes.subtract(even, odd));
            lanes.store(q2, place, lanes.add_i(even_difference, odd_difference));
            lanes.store(q3, place, lanes.subtract_i(even_difference, odd_difference));
        }
    }
}

#[inline(always)]
fn join_node<S: Simd>(lanes: Lanes<S>, node: &mut [Block], conjugate_root: Powers) {
    let [r1, r2, r3] = splat(lanes, conjugate_root);
    for (q0, q1, q2, q3) in quarters(node) {
        for place in 0..Lanes::<S>::VECTORS {
            let (b0, b1) = (lanes.load(q0, place), lanes.load(q1, place));
            let (b2, b3) = (lanes.load(q2, place), lanes.load(q3, place));
            let (even, odd) = (lanes.add(b0, b1), lanes.subtract(b0, b1));
            let (even_difference, odd_difference) = (lanes.add(b2, b3), lanes.subtract(b2, b3));
            lanes.store(q0, place, lanes.add(even, even_difference));
            lanes.store(q1, place, lanes.multiply(lanes.subtract_i(odd, odd_difference), r1));
            lanes.store(q2, place, lanes.multiply(lanes.subtract(even, even_difference), r2));
            lanes.store(q3, place, lanes.multiply(lanes.add_i(odd, odd_difference), r3));
        }
    }
}

#[inline(always)]
fn splat<S: Simd>(lanes: Lanes<S>, Powers([r1, r2, r3]): Powers) -> [Vector<S>; 3] {
    [lanes.splat(r1), lanes.splat(r2), lanes.splat(r3)]
}

#[inline(always)]
fn quarters(node: &mut [Block]) -> impl Iterator<Item = (&mut Block, &mut Block, &mut Block, &mut Block)> {
    let quarter = node.len() / 4;
    let (low, high) = node.split_at_mut(2 * quarter);
    let (q0, q1) = low.split_at_mut(quarter);
    let (q2, q3) = high.split_at_mut(quarter);
    q0.iter_mut().zip(q1).zip(q2).zip(q3).map(|(((q0, q1), q2), q3)| (q0, q1, q2, q3))
}
