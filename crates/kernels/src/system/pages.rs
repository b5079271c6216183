//! Large pages for large arrays.
//!
//! Parameters, moments and activations of the default model are 13 MB: 3,300 pages of 4 KB, twice the TLB's reach; every
//! miss is a page-table walk (two walks on a virtual machine). Linux gives pages of 2 MB on request, but arrays of one or
//! two megabytes that are allocated one by one contain no such page.

/// Asks the allocator to put large arrays side by side, and the kernel to back that memory with large pages: on Linux with
/// glibc, and elsewhere not at all. This changes the whole process: a program calls it once, before it starts threads.
pub fn prefer_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::prefer_large();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Bytes of address space to be backed by large pages. They occupy no memory before they are used.
    const RESERVED: usize = 256 << 20;
    const LARGE_PAGE: usize = 2 << 20;

    pub(super) fn prefer_large() {
        // SAFETY: `mallopt` sets parameters of the allocator, and accepts any value. The block is freed as it was
        // allocated, and in between only its addresses are used: `madvise` changes no content, and may fail.
        unsafe {
            // One heap for all threads, which grows instead of mapping large blocks one by one, and never shrinks.
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
