//! Sixteen `f32` lanes as a value, on every instruction set: the only vocabulary the kernels use.
//!
//! `lanes` defines the vocabulary as a trait; `portable`, `avx2` and `avx512` implement it; `dispatch` chooses one at
//! run time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod dispatch;
mod lanes;
mod portable;

pub use dispatch::{Isa, IsaRefused};
pub(crate) use lanes::{LANES, Simd, Task, total};
#[cfg(test)]
pub(crate) use portable::emulated_fma;
