//! Scratch memory that each thread keeps between calls: aligned to cache lines and never cleared.

use std::cell::RefCell;

/// One cache line, so that a vector load from packed data never straddles two lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A growable, aligned `f32` buffer, which goes back to the thread that drops it.
///
/// A product holds several at a time, and a thread that waits in rayon may start another product.
pub(crate) struct Scratch(Vec<Line>);

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

impl Scratch {
    /// Takes one of this thread's buffers, the one that was dropped last.
    pub(crate) fn take() -> Scratch {
        Scratch(BUFFERS.with_borrow_mut(|buffers| buffers.pop().unwrap_or_default()))
    }

    /// `len` floats, contents unspecified.
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

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // Where the thread is ending and its list is gone, the buffer is freed.
        let _ = BUFFERS.try_with(|buffers| buffers.borrow_mut().push(buffer));
    }
}
