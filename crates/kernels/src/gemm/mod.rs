//! Matrix products.
//!
//! `matmul` checks shapes and chooses one of two ways: `packed` copies both factors into the order in which its tiles
//! read them, `narrow` reads A where it lies and serves products with few columns. `tiles` cuts rows into tiles,
//! `packed_tile` and `narrow_tile` are the innermost loops, and `output` writes their sums to C.

pub mod matmul;
mod matrix;
mod narrow;
mod narrow_tile;
mod nonzero;
mod output;
mod pack;
mod packed;
mod packed_tile;
mod tiles;
