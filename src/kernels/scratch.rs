//! Working memory that is kept between calls: aligned to cache lines and never cleared.

use std::cell::Cell;

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
    static BUFFERS: [Cell<Scratch>; 3] = const { [const { Cell::new(Scratch(Vec::new())) }; 3] };
}

/// Which of a thread's buffers: a matrix product holds several at the same time.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    PackedA = 0,
    PackedB = 1,
    /// C^T, where that is what is computed.
    Transposed = 2,
}

/// Takes this thread's buffer.
///
/// A thread that waits in rayon may start another job that wants the same buffer: it then gets an empty one.
pub(crate) fn take(which: Which) -> Scratch {
    BUFFERS.with(|buffers| buffers[which as usize].take())
}

/// Keeps a buffer for the next [`take`] on this thread.
pub(crate) fn give_back(which: Which, scratch: Scratch) {
    BUFFERS.with(|buffers| buffers[which as usize].set(scratch));
}
