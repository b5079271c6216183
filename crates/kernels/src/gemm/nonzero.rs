//! The steps of k at which a packed panel has a nonzero element: a product can leave out all others.

use crate::simd::LANES;

/// Moves the rows of a packed panel of `NV` vectors that are not all 0 to its beginning, and returns which they were, in
/// order. NaN is not 0. `None`: too dense to be worth it; nothing was moved.
#[inline(always)]
pub(super) fn keep_nonzero_steps<const NV: usize>(packed: &mut [f32]) -> Option<Vec<u32>> {
    let rows = packed.as_chunks_mut::<LANES>().0.as_chunks_mut::<NV>().0;
    let all = rows.len();
    let mut list = vec![0; all];
    let mut len = 0;
    for (k, row) in rows.iter().enumerate() {
        let mut mark = 0;
        for x in row.as_flattened() {
            // All bits but the sign.
            mark |= x.to_bits() << 1;
        }
        // No branch: about half of the steps are nonzero, in no pattern that a processor could predict.
        list[len] = k as u32;
        len += usize::from(mark != 0);
    }
    if len * 8 >= all * 7 {
        return None;
    }
    list.truncate(len);
    for (to, &from) in list.iter().enumerate() {
        rows[to] = rows[from as usize];
    }
    Some(list)
}
