//! [`Simd`] in plain Rust: arrays of sixteen, left to the compiler's vectoriser.

use super::lanes::{LANES, Simd, Task};

/// Needs no proof: every processor has it.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// `a * b + c`, rounded once: the instruction where the target has it, else [`emulated_fma`].
#[inline(always)]
fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { emulated_fma(a, b, c) }
}

/// `a * b + c`, rounded once, from additions and multiplications in `f64`, without a branch: the library function gives
/// the same bits, one call for each lane.
///
/// The product is exact in `f64`. The sum of product and `c` is rounded to odd: towards zero, with the last bit set where
/// anything was cut off. From that, rounding to `f32` gives what rounding the exact sum gives, as `f64` has more than two
/// bits to spare (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using
/// rounding to odd").
#[inline(always)]
pub(crate) fn emulated_fma(a: f32, b: f32, c: f32) -> f32 {
    // 24 + 24 bits fit into 53, and the exponents, -298 to 256, into those of an f64.
    let product = f64::from(a) * f64::from(b);
    let c = f64::from(c);
    // Rounded to nearest, and what that rounding left out (Knuth's TwoSum; NaN where an operand is infinite or NaN).
    let sum = product + c;
    let c_in_sum = sum - product;
    let error = (product - (sum - c_in_sum)) + (c - c_in_sum);
    let inexact = u64::from(error.abs() > 0.0);
    // Where the error has the other sign, the exact sum lies nearer to zero.
    let away_from_zero = inexact & ((error.to_bits() ^ sum.to_bits()) >> 63);
    f64::from_bits((sum.to_bits() - away_from_zero) | inexact) as f32
}

/// One expression over lanes, as the counted loop that the vectoriser recognises.
macro_rules! lanes {
    ($i:ident => $x:expr) => {{
        let mut out = [0.0f32; LANES];
        for $i in 0..LANES {
            out[$i] = $x;
        }
        out
    }};
}

impl Simd for Portable {
    type V = [f32; LANES];
    type Sum = [f64; LANES];
    // Four registers of four lanes make a vector: 2 x 4 accumulators of SSE2's 16 registers, 6 x 4 of NEON's 32.
    const TILE_ROWS: usize = if cfg!(target_arch = "aarch64") { 6 } else { 2 };
    const TILE_VECTORS: usize = 1;
    const LOW_TILE_VECTORS: usize = 1;

    #[inline(always)]
    fn run<T: Task>(self, task: T) -> T::Out {
        task.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        *x
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; LANES], v: Self::V) {
        *out = v;
    }
    #[inline(always)]
    fn load_bytes(self, x: &[u8; LANES]) -> Self::V {
        lanes!(i => f32::from(x[i]))
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        lanes!(i => a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        lanes!(i => a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        lanes!(i => a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        lanes!(i => a[i] / b[i])
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        lanes!(i => a[i].sqrt())
    }
    #[inline(always)]
    fn abs(self, a: Self::V) -> Self::V {
        lanes!(i => a[i].abs())
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lanes!(i => mul_add(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        lanes!(i => if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        lanes!(i => if a[i] > b[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn exp2_of_shifted(self, v: Self::V) -> Self::V {
        lanes!(i => f32::from_bits((v[i].to_bits() << 23).wrapping_add(0x3f80_0000)))
    }
    #[inline(always)]
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES] {
        let mut out = [[0.0; LANES]; LANES];
        for (i, row) in rows.iter().enumerate() {
            for (j, &x) in row.iter().enumerate() {
                out[j][i] = x;
            }
        }
        out
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    fn sum_zero(self) -> Self::Sum {
        [0.0; LANES]
    }
    #[inline(always)]
    fn sum_add(self, mut sum: Self::Sum, v: Self::V) -> Self::Sum {
        for i in 0..LANES {
            sum[i] += f64::from(v[i]);
        }
        sum
    }
    #[inline(always)]
    fn sum_lanes(self, sum: Self::Sum) -> [f64; LANES] {
        sum
    }
}
