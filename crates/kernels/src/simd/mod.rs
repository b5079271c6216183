//! Sixteen `f32` lanes as a value, on every instruction set: the only vocabulary the kernels use.
//!
//! `lanes` defines the vocabulary as a trait; `portable`, `avx2`, `avx512` and `neon` implement it; `dispatch` chooses one at
//! run time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod dispatch;
mod lanes;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod portable;

pub use dispatch::{Isa, IsaRefused};
pub(crate) use lanes::{LANES, Simd, Task, total};
#[cfg(test)]
pub(crate) use portable::emulated_fma;
