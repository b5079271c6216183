//! The steps of k at which a tile's factor has a nonzero element: a product can skip all others.

use super::matrix::MatRef;
use crate::simd::LANES;
use std::ops::Range;

/// The steps of k with some nonzero element, in order. `None`: too dense to skip; use every step.
pub(super) type NonzeroSteps = Option<Vec<u32>>;

/// The columns at which some of these rows of row-major `a` are not 0. NaN is not 0. `marks` is scratch memory, one for
/// each column.
#[inline(always)]
pub(super) fn nonzero_columns(a: MatRef, rows: Range<usize>, marks: &mut [u32]) -> NonzeroSteps {
    marks.fill(0);
    for row in rows {
        for (mark, x) in marks.iter_mut().zip(a.from(row, 0)) {
            // All bits but the sign.
            *mark |= x.to_bits() << 1;
        }
    }
    unless_dense(marks.iter().map(|&mark| mark != 0))
}

/// The steps at which a packed panel of `NV` vectors is not all 0.
#[inline(always)]
pub(super) fn nonzero_steps<const NV: usize>(packed: &[f32]) -> NonzeroSteps {
    let steps = packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
    unless_dense(steps.iter().map(|step| {
        let mut mark = 0;
        for x in step.as_flattened() {
            // All bits but the sign.
            mark |= x.to_bits() << 1;
        }
        mark != 0
    }))
}

/// The positions of the nonzero steps, unless nearly all are.
#[inline(always)]
fn unless_dense(nonzero: impl ExactSizeIterator<Item = bool>) -> NonzeroSteps {
    let all = nonzero.len();
    let mut list = vec![0; all];
    let mut len = 0;
    for (k, nonzero) in nonzero.enumerate() {
        // No branch: about half of the steps are nonzero, in no pattern that a processor could predict.
        list[len] = k as u32;
        len += usize::from(nonzero);
    }
    list.truncate(len);
    (len * 8 < all * 7).then_some(list)
}
