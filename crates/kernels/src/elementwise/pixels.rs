//! Batches of images from their bytes.

use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{elements, rows_per_chunk, run_all};

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
    let tasks = order
        .chunks(rows)
        .zip(out.chunks_mut(rows * size))
        .map(|(order, out)| Gather { images, size, order, out })
        .collect();
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
        let (white, size) = (s.splat(255.0), self.size);
        for (&image, out) in self.order.iter().zip(self.out.chunks_exact_mut(size)) {
            let from = elements("the images before one", image as usize, size);
            let (bytes, byte_tail) = self.images[from..from + size].as_chunks::<LANES>();
            let (floats, float_tail) = out.as_chunks_mut::<LANES>();
            for (bytes, floats) in bytes.iter().zip(floats) {
                s.store(floats, s.div(s.load_bytes(bytes), white));
            }
            for (&byte, float) in byte_tail.iter().zip(float_tail) {
                *float = f32::from(byte) / 255.0;
            }
        }
    }
}
