//! Fused CPU operations: pure functions on slices.
//!
//! The only place with `unsafe`, each with its argument. Every kernel is written once over sixteen lanes and compiled
//! for AVX-512, AVX2 and the portable baseline, chosen at run time. Splits of work depend on shapes alone, every sum has
//! one order and every operation is rounded correctly, so results have the same bytes on every instruction set and at
//! any number of threads.
#![allow(unsafe_code)]

pub mod activation;
pub mod adam;
pub mod dispatch;
pub mod latent;
pub mod likelihood;
mod math;
pub mod matmul;
pub mod network;
mod output;
mod pack;
pub mod pages;
pub mod parallel;
pub mod pixels;
pub mod reduce;
mod scratch;
mod simd;
#[cfg(target_arch = "x86_64")]
mod simd_avx2;
#[cfg(target_arch = "x86_64")]
mod simd_avx512;
#[cfg(test)]
mod tests;

pub use dispatch::Isa;
