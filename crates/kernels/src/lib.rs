//! Fused CPU operations on slices: matrix products, elementwise kernels, and a whole VAE made of them.
//!
//! ```text
//!               simd          sixteen f32 lanes on AVX-512, AVX2, NEON or plain Rust; Isa chooses at run time
//!              /    \
//!          gemm      elementwise      matrix products | activations, losses, latents, Adam, pixels, sums
//!              \    /
//!             network         a VAE, a VQ-VAE: forward to the losses of a batch, backward to the gradients of its weights
//!
//!   system (threads, scratch memory, large pages) serves all four
//! ```
//!
//! | room | modules |
//! |---|---|
//! | `simd` | [`dispatch`] with [`Isa`] |
//! | `gemm` | [`matmul`] |
//! | `elementwise` | [`activation`], [`adam`], [`latent`], [`likelihood`], [`nearest`], [`pixels`], [`reduce`] |
//! | `network` | [`network`] |
//! | `system` | [`limit`], [`pages`], [`timeline`] |
//!
//! Every kernel is written once over sixteen lanes and compiled for each instruction set. Sums are split by
//! shapes alone and have one order, and every operation is rounded correctly, so results have the same bytes on
//! every instruction set and at any number of threads.
//!
//! All `unsafe` code of the program is in this crate, each block with the argument why it is sound.
#![allow(unsafe_code)]

mod elementwise;
mod gemm;
pub mod network;
mod simd;
mod system;
#[cfg(test)]
mod tests;

pub use elementwise::{activation, adam, latent, likelihood, nearest, pixels, reduce};
pub use gemm::matmul;
pub use simd::{Isa, IsaRefused, dispatch};
pub use system::pool::awake;
pub use system::{limit, pages, timeline};
