//! Matrix products.
//!
//! `matmul` checks shapes, `product` plans: one factor is read where it lies, the other packed in panels. `tiles` cuts rows
//! into tiles, `tile` is the innermost loop, and `output` writes its sums to C.

pub mod matmul;
mod matrix;
mod nonzero;
mod output;
mod pack;
mod product;
mod tile;
mod tiles;
