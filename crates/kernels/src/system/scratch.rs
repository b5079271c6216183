//! Scratch memory that each thread keeps between calls: aligned to cache lines and never cleared.

use std::cell::RefCell;

/// One cache line, so that a vector load from packed data never straddles two lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A growable, aligned buffer, which goes back to the thread that drops it.
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

    /// `len` values, contents unspecified.
    pub(crate) fn get<T: Plain>(&mut self, len: usize) -> &mut [T] {
        const { assert!(align_of::<T>() <= align_of::<Line>()) };
        let lines = len.checked_mul(size_of::<T>()).expect("scratch memory has a size").div_ceil(size_of::<Line>());
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        // SAFETY: `Line` is `repr(C)` around sixteen floats and exactly 64 bytes, so the buffer is that many contiguous bytes
        // without padding, all of them written; `len` values are within them and aligned, any bits are a `T`, and the result
        // borrows `self`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast::<T>(), len) }
    }
}

/// A type of which any initialised bytes are a value, and whose values have no other bytes.
///
/// # Safety
/// No padding, no pointers, no bits that are not allowed.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: any 32 bits are a float.
unsafe impl Plain for f32 {}
// SAFETY: any 32 bits are a number.
unsafe impl Plain for u32 {}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // Where the thread is ending and its list is gone, the buffer is freed.
        let _ = BUFFERS.try_with(|buffers| buffers.borrow_mut().push(buffer));
    }
}
