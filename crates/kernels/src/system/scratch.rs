//! Working memory that is kept between calls: aligned to cache lines and never cleared.

use std::cell::RefCell;

/// One cache line, so that a vector load from packed data never straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A growable, aligned `f32` buffer.
#[derive(Default)]
pub(crate) struct Scratch(Vec<Line>);

impl Scratch {
    /// `len` floats with whatever was in them.
    pub(crate) fn get(&mut self, len: usize) -> &mut [f32] {
        let lines = len.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        // SAFETY: `Line` is `repr(C)` around sixteen floats and exactly 64 bytes, so the buffer is that many
        // contiguous floats; `len` is within them, and the result borrows `self`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast::<f32>(), len) }
    }
}

thread_local! {
    static BUFFERS: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// Takes one of this thread's buffers, the one that was given back last.
///
/// A product holds several at a time, and a thread that waits in rayon may start another product.
pub(crate) fn take() -> Scratch {
    BUFFERS.with_borrow_mut(|buffers| buffers.pop().unwrap_or_default())
}

/// Keeps a buffer for the next [`take`] on this thread.
pub(crate) fn give_back(scratch: Scratch) {
    BUFFERS.with_borrow_mut(|buffers| buffers.push(scratch));
}
