//! Large pages for large arrays.
//!
//! Parameters, moments and activations of the default model are 13 MB: 3,300 pages of 4 KB, twice as many as a processor
//! remembers the places of, and every miss is a walk through tables (two walks on a virtual machine). Linux has pages of
//! 2 MB for whoever asks, but arrays of one or two megabytes that are allocated one by one contain none.

/// Asks the allocator to put large arrays side by side, and the system to keep that memory on large pages: where both
/// are Linux' usual ones, else nothing happens. To be called once, before any threads are started.
pub fn prefer_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::prefer_large();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Address space with large pages. Nothing of it is in memory before it is used.
    const RESERVED: usize = 256 << 20;
    const LARGE_PAGE: usize = 2 << 20;

    pub(super) fn prefer_large() {
        // SAFETY: `mallopt` sets numbers of the allocator, which any are valid for. The block is freed as it was
        // allocated, and in between only its addresses are used: an advice on them changes no content and may be refused.
        unsafe {
            // One heap for all threads, that grows instead of mapping large blocks one by one, and is kept.
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            let block = libc::malloc(RESERVED);
            if !block.is_null() {
                let start = (block as usize).next_multiple_of(LARGE_PAGE);
                let end = (block as usize + RESERVED) / LARGE_PAGE * LARGE_PAGE;
                libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
                libc::free(block);
            }
        }
    }
}
