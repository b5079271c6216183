//! Activation functions, and their backward pass from the output alone.
//!
//! | [`Activation`] | y | dy/dx, from y |
//! |---|---|---|
//! | `Relu` | max(x, 0) | 1 where y > 0, else 0 |
//! | `Tanh` | tanh x | 1 - y^2 |
//! | `Softplus` | ln(1 + e^x) | 1 - e^-y |
//! | `Elu` | x where x > 0, else e^x - 1 | 1 where y > 0, else y + 1 |
//!
//! Tanh is -(e^-2\|x\| - 1) / (e^-2\|x\| + 1) with the sign of x, softplus max(x, 0) + ln(1 + e^-\|x\|): neither
//! overflows nor cancels. Errors against exact arithmetic: 4e-7 relative. NaN stays NaN.

use super::math::{exp_family, exp_of_nonpositive, log1p_of_unit};
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{CHUNK, run_all};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// ln(1 + e^x)
    Softplus,
    /// x where x > 0, else e^x - 1 (Clevert et al. 2016)
    Elu,
}

/// Replaces x by y, in place.
pub fn apply(isa: Isa, activation: Activation, x: &mut [f32]) {
    run_all(isa, x.chunks_mut(CHUNK).map(|x| Apply { activation, x }));
}

/// Replaces dy by dx, in place: multiplies it by dy/dx, which follows from the output `y`.
///
/// # Panics
/// If the lengths differ.
pub fn backward(isa: Isa, activation: Activation, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "an output and its gradient differ in length");
    run_all(isa, y.chunks(CHUNK).zip(dy.chunks_mut(CHUNK)).map(|(y, dy)| Backward { activation, y, dy }));
}

struct Apply<'a> {
    activation: Activation,
    x: &'a mut [f32],
}

impl Task for Apply<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for x in self.x.chunks_mut(LANES) {
            let v = s.load_head(x);
            let y = match self.activation {
                // In this order of arguments a NaN stays NaN.
                Activation::Relu => s.max(s.splat(0.0), v),
                Activation::Tanh => tanh(s, v),
                Activation::Softplus => softplus(s, v),
                Activation::Elu => elu(s, v),
            };
            s.store_head(x, y);
        }
    }
}

#[inline(always)]
fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    let zero = s.splat(0.0);
    let (_, minus_one, _) = exp_family(s, s.mul(s.splat(-2.0), s.abs(x)));
    let size = s.div(s.sub(zero, minus_one), s.add(minus_one, s.splat(2.0)));
    s.if_greater(zero, x, s.sub(zero, size), size)
}

#[inline(always)]
fn softplus<S: Simd>(s: S, x: S::V) -> S::V {
    let zero = s.splat(0.0);
    let u = exp_of_nonpositive(s, s.sub(zero, s.abs(x)));
    s.add(s.max(zero, x), log1p_of_unit(s, u))
}

#[inline(always)]
fn elu<S: Simd>(s: S, x: S::V) -> S::V {
    let (_, minus_one, _) = exp_family(s, x);
    s.if_greater(x, s.splat(0.0), x, minus_one)
}

struct Backward<'a> {
    activation: Activation,
    y: &'a [f32],
    dy: &'a mut [f32],
}

impl Task for Backward<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        for (y, dy) in self.y.chunks(LANES).zip(self.dy.chunks_mut(LANES)) {
            let (y, g) = (s.load_head(y), s.load_head(dy));
            let dx = match self.activation {
                Activation::Relu => s.if_greater(y, zero, g, zero),
                Activation::Tanh => s.mul(g, s.sub(one, s.mul(y, y))),
                Activation::Softplus => {
                    let (_, minus_one, _) = exp_family(s, s.sub(zero, y));
                    s.mul(g, s.sub(zero, minus_one))
                }
                Activation::Elu => s.if_greater(y, zero, g, s.mul(g, s.add(y, one))),
            };
            s.store_head(dy, dx);
        }
    }
}
