//! The steps of k that a product cannot leave out.

use super::matrix::MatRef;
use crate::simd::LANES;
use std::ops::Range;

/// The steps of k at which some element is not 0; none: not worth a list, take them all.
pub(super) type Lit = Option<Vec<u32>>;

/// The columns of row-major `a` at which some of these rows are not 0. NaN is not 0.
#[inline(always)]
pub(super) fn lit_columns(a: MatRef, rows: Range<usize>, marks: &mut [u32]) -> Lit {
    marks.fill(0);
    for row in rows {
        for (mark, x) in marks.iter_mut().zip(a.from(row, 0)) {
            // All bits but the sign.
            *mark |= x.to_bits() << 1;
        }
    }
    worth_it(marks.iter().map(|&mark| mark != 0))
}

/// The steps of k at which a packed panel is not all 0.
#[inline(always)]
pub(super) fn lit_steps<const NV: usize>(packed: &[f32]) -> Lit {
    let steps = packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
    worth_it(steps.iter().map(|step| {
        let mut mark = 0;
        for x in step.as_flattened() {
            // All bits but the sign.
            mark |= x.to_bits() << 1;
        }
        mark != 0
    }))
}

/// The list, unless it holds nearly everything.
#[inline(always)]
fn worth_it(lit: impl ExactSizeIterator<Item = bool>) -> Lit {
    let all = lit.len();
    let mut list = vec![0; all];
    let mut len = 0;
    for (k, lit) in lit.enumerate() {
        // No branch: half of the pixels are lit, and nobody can guess which.
        list[len] = k as u32;
        len += usize::from(lit);
    }
    list.truncate(len);
    (len * 8 < all * 7).then_some(list)
}
