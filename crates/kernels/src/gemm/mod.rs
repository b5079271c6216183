//! Matrix products.
//!
//! `matmul` checks shapes, `product` plans: one factor is read where it lies, the other packed in panels. `tiles` cuts rows
//! into tiles, `tile` is the innermost loop, and `output` writes its sums to C. `sparse` does the same for a factor that is
//! mostly 0, and leaves out the columns of the other that `dead` finds to be 0.

mod dead;
pub mod matmul;
mod matrix;
mod output;
mod pack;
mod product;
mod sparse;
mod tile;
mod tiles;
