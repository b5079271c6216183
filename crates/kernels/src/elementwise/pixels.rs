//! Batches of images from their bytes.

use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{elements, rows_per_chunk, run_all};

/// In bytes.
const CACHE_LINE: usize = 64;

/// Writes the images whose indices are in `order` to `out`, each pixel divided by 255 and rounded to nearest.
///
/// `images` holds images of `size` bytes one after another; `out` has `order.len()` rows of `size`.
///
/// # Panics
/// If `out` has another size, or `order` an index past the last image.
pub fn gather(isa: Isa, images: &[u8], size: usize, order: &[u32], out: &mut [f32]) {
    let needed = elements("a batch", order.len(), size);
    assert_eq!(out.len(), needed, "{} images of {size} pixels need {needed} elements, not {}", order.len(), out.len());
    if size == 0 {
        return;
    }
    let rows = rows_per_chunk(size);
    let tasks =
        order.chunks(rows).zip(out.chunks_mut(rows * size)).map(|(order, out)| Gather { images, size, order, out });
    run_all(isa, tasks);
}

struct Gather<'a> {
    images: &'a [u8],
    size: usize,
    order: &'a [u32],
    out: &'a mut [f32],
}

impl Task for Gather<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let size = self.size;
        for (i, (&image, out)) in self.order.iter().zip(self.out.chunks_exact_mut(size)).enumerate() {
            // Images lie anywhere in memory: the next one is fetched beside this one's work.
            if let Some(&next) = self.order.get(i + 1) {
                let start = self.images.as_ptr().wrapping_add((next as usize).wrapping_mul(size));
                for at in (0..size).step_by(CACHE_LINE) {
                    s.prefetch(start.wrapping_add(at).cast());
                }
            }
            let from = elements("the images before one", image as usize, size);
            let (bytes, byte_tail) = self.images[from..from + size].as_chunks::<LANES>();
            let (floats, float_tail) = out.as_chunks_mut::<LANES>();
            for (bytes, floats) in bytes.iter().zip(floats) {
                s.store(floats, over_255(s, s.load_bytes(bytes)));
            }
            for (&byte, float) in byte_tail.iter().zip(float_tail) {
                *float = f32::from(byte) / 255.0;
            }
        }
    }
}

/// x / 255, rounded to nearest, for bytes: the product with the rounded reciprocal, corrected by its remainder. A division
/// takes longer than all the rest.
#[inline(always)]
fn over_255<S: Simd>(s: S, x: S::V) -> S::V {
    let reciprocal = s.splat(1.0 / 255.0);
    let quotient = s.mul(x, reciprocal);
    let remainder = s.fma(quotient, s.splat(-255.0), x);
    s.fma(remainder, reciprocal, quotient)
}
