//! Elementary functions over sixteen lanes, to about one unit in the last place.
//!
//! Minimax polynomials fitted in `f64` by reweighted least squares, evaluated with fused multiply-adds. All return NaN for
//! NaN.

use crate::simd::Simd;

/// 1.5 * 2^23: adding it to a small float rounds that to the nearest integer and leaves it in the low bits.
const SHIFT: f32 = 12_582_912.0;
/// ln 2 in two parts: the first ends in zero bits, so that its product with a small integer is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// e^r = 1 + r + r^2 Q(r) for |r| <= ln(2) / 2, to 3e-9; lowest power first.
const EXP: [f32; 5] = [0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_716, 0.001_381_460_2];
/// ln(1 + u) = u + u^2 Q(u) for 0 <= u <= 1, to 3.3e-8.
const LOG1P: [f32; 8] = [
    -0.499_996_48,
    0.333_213_24,
    -0.248_571_63,
    0.191_536_53,
    -0.137_537_99,
    0.079_204_5,
    -0.030_065_77,
    0.005_364_818_5,
];

/// The polynomial with these coefficients, lowest power first. Even and odd powers are summed apart, which halves the
/// chain of dependent multiply-adds.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, coefficients: &[f32; N], x: S::V) -> S::V {
    let square = s.mul(x, x);
    let mut halves = [s.splat(coefficients[N - 2]), s.splat(coefficients[N - 1])];
    for i in (0..N - 2).rev() {
        // The half whose lowest power so far is i + 2.
        let half = (N - i) % 2;
        halves[half] = s.fma(halves[half], square, s.splat(coefficients[i]));
    }
    // The half that ends with coefficient 0 is the even one.
    let even = N % 2;
    s.fma(halves[1 - even], x, halves[even])
}

/// (n + `SHIFT`, r) for x = n ln 2 + r with |r| <= ln(2) / 2.
#[inline(always)]
fn reduce<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let shift = s.splat(SHIFT);
    let shifted = s.fma(x, s.splat(std::f32::consts::LOG2_E), shift);
    let n = s.sub(shifted, shift);
    let r = s.fma(n, s.splat(-LN2_HIGH), x);
    (shifted, s.fma(n, s.splat(-LN2_LOW), r))
}

/// e^x for x <= 0; results that would be subnormal are 0.
#[inline(always)]
pub(crate) fn exp_of_nonpositive<S: Simd>(s: S, x: S::V) -> S::V {
    // Below this the power of two is not a normal number, and without the clamp the shift has no meaning. NaN passes `max`.
    let floor = s.splat(-87.336_54);
    let clamped = s.max(floor, x);
    let (shifted, r) = reduce(s, clamped);
    let q = polynomial(s, &EXP, r);
    let p = s.fma(s.mul(r, r), q, s.add(r, s.splat(1.0)));
    let e = s.mul(p, s.exp2_of_shifted(shifted));
    s.if_greater(floor, x, s.splat(0.0), e)
}

/// (e^x, e^x - 1, e^x - 1 - x) for any x, without cancellation near 0; overflow gives infinity.
#[inline(always)]
pub(crate) fn exp_family<S: Simd>(s: S, x: S::V) -> (S::V, S::V, S::V) {
    let one = s.splat(1.0);
    // Beyond these bounds e^x is infinite or 0 in any case. NaN passes both.
    let low = s.splat(-110.0);
    let clamped = s.max(low, x);
    let high = s.splat(100.0);
    let clamped = s.if_greater(clamped, high, high, clamped);
    let (shifted, r) = reduce(s, clamped);
    let q = polynomial(s, &EXP, r);
    let r2q = s.mul(s.mul(r, r), q);
    let p = s.add(s.add(r2q, r), one);
    // 2^n in two factors, each a normal number, so that results may be subnormal or infinite.
    let shift = s.splat(SHIFT);
    let n = s.sub(shifted, shift);
    let half = s.fma(n, s.splat(0.5), shift);
    let rest = s.add(s.sub(n, s.sub(half, shift)), shift);
    let e = s.mul(s.mul(p, s.exp2_of_shifted(half)), s.exp2_of_shifted(rest));
    // Where n = 0 the polynomial itself is e^x - 1.
    let near = s.splat(0.34);
    let size = s.abs(x);
    let minus_one = s.if_greater(near, size, s.add(r2q, r), s.sub(e, one));
    let minus_line = s.if_greater(near, size, r2q, s.sub(s.sub(e, one), x));
    (e, minus_one, minus_line)
}

/// ln(1 + u) for 0 <= u <= 1.
#[inline(always)]
pub(crate) fn log1p_of_unit<S: Simd>(s: S, u: S::V) -> S::V {
    s.fma(s.mul(u, u), polynomial(s, &LOG1P, u), u)
}
