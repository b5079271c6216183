//! What the kernels ask of the system: threads, memory that is kept between calls, and large pages.

pub mod limit;
pub mod pages;
pub(crate) mod parallel;
pub(crate) mod pool;
pub(crate) mod scratch;
pub mod timeline;
