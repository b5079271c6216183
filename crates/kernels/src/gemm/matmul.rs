//! C = A B on `f32` matrices, with the operations that follow it in a dense layer fused in.
//!
//! | product of a dense layer | call |
//! |---|---|
//! | y = x W^T + bias, then ReLU | `matmul(isa, x, w.t(), y, Epilogue::BiasRelu(bias))` |
//! | dx = dy W | `matmul(isa, dy, w, dx, Epilogue::Nothing)` |
//! | dW = dy^T x | `matmul(isa, dy.t(), x, dw, Epilogue::Nothing)` |
//!
//! # The same bytes on every machine
//! Every element of C is one chain of fused multiply-adds over k = 0, 1, 2, ... from +0. So no bit depends on the number of
//! threads, on the tile that an element falls into, on the number of rows beside it, or on the instruction set. The only
//! exception is a factor that is marked [`MatRef::mostly_zero`], whose documentation names it.

pub use super::matrix::MatRef;
pub use super::output::Epilogue;

use super::product;
use crate::simd::Isa;
use crate::system::parallel::elements;

/// C = A B, then `epilogue`. A is m x k, B is k x n, C is row-major m x n.
///
/// Runs on the current rayon pool, split into jobs on which no bit depends.
///
/// # Panics
/// If the shapes do not fit together, or the processor lacks `isa`.
pub fn matmul(isa: Isa, a: MatRef, b: MatRef, c: &mut [f32], epilogue: Epilogue) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert_eq!(k, b.rows, "cannot multiply {m} x {k} by {} x {n}: the inner sizes differ", b.rows);
    let needed = elements("a product", m, n);
    assert_eq!(c.len(), needed, "the product of {m} x {k} and {k} x {n} needs {needed} elements, not {}", c.len());
    epilogue.check(m, n);
    if m == 0 || n == 0 {
        return;
    }
    product::run(isa, a, b, c, epilogue);
}
