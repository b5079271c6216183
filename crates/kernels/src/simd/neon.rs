//! [`Simd`] with NEON: a vector is four registers.

use super::lanes::{LANES, Simd, Task};
use std::arch::aarch64::*;

/// NEON is part of every target on which this module is compiled, so no processor has to be asked.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

type Four = [float32x4_t; 4];

/// One or more register-only intrinsics.
macro_rules! neon {
    ($x:expr) => {
        // SAFETY: the target has NEON at compile time; the intrinsics touch no memory.
        unsafe { $x }
    };
}

/// A register-only intrinsic on the four registers of each vector.
macro_rules! each {
    ($f:ident($($x:expr),*)) => {
        neon!([$f($($x[0]),*), $f($($x[1]),*), $f($($x[2]),*), $f($($x[3]),*)])
    };
}

/// Transposes four registers of four lanes.
#[inline(always)]
fn transpose4(r: Four) -> Four {
    neon!({
        let even = [vtrn1q_f32(r[0], r[1]), vtrn1q_f32(r[2], r[3])].map(|x| vreinterpretq_f64_f32(x));
        let odd = [vtrn2q_f32(r[0], r[1]), vtrn2q_f32(r[2], r[3])].map(|x| vreinterpretq_f64_f32(x));
        [
            vreinterpretq_f32_f64(vtrn1q_f64(even[0], even[1])),
            vreinterpretq_f32_f64(vtrn1q_f64(odd[0], odd[1])),
            vreinterpretq_f32_f64(vtrn2q_f64(even[0], even[1])),
            vreinterpretq_f32_f64(vtrn2q_f64(odd[0], odd[1])),
        ]
    })
}

impl Simd for Neon {
    type V = Four;
    type Sum = [float64x2_t; 8];
    // 24 accumulators, four registers of B and two elements of A: 30 of 32 registers.
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 1;
    const LOW_TILE_VECTORS: usize = 1;

    #[inline(always)]
    fn run<T: Task>(self, task: T) -> T::Out {
        // No function with a target feature has to be entered: all code of this target has it.
        task.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [neon!(vdupq_n_f32(x)); 4]
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        let start = x.as_ptr();
        // SAFETY: the target has NEON; the four loads cover exactly the sixteen floats, and may be unaligned.
        unsafe { [vld1q_f32(start), vld1q_f32(start.add(4)), vld1q_f32(start.add(8)), vld1q_f32(start.add(12))] }
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; LANES], v: Self::V) {
        let start = out.as_mut_ptr();
        // SAFETY: the target has NEON; the four stores cover exactly the sixteen floats, and may be unaligned.
        unsafe {
            vst1q_f32(start, v[0]);
            vst1q_f32(start.add(4), v[1]);
            vst1q_f32(start.add(8), v[2]);
            vst1q_f32(start.add(12), v[3]);
        }
    }
    #[inline(always)]
    fn load_bytes(self, x: &[u8; LANES]) -> Self::V {
        // SAFETY: the target has NEON; the reference covers the 16 bytes read, and the load may be unaligned.
        let bytes = unsafe { vld1q_u8(x.as_ptr()) };
        let (low, high) = neon!((vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes)));
        let low = neon!([vmovl_u16(vget_low_u16(low)), vmovl_high_u16(low)]);
        let high = neon!([vmovl_u16(vget_low_u16(high)), vmovl_high_u16(high)]);
        let all = [low[0], low[1], high[0], high[1]];
        each!(vcvtq_f32_u32(all))
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each!(vaddq_f32(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each!(vsubq_f32(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each!(vmulq_f32(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each!(vdivq_f32(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        each!(vsqrtq_f32(a))
    }
    #[inline(always)]
    fn abs(self, a: Self::V) -> Self::V {
        each!(vabsq_f32(a))
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // The intrinsic's first operand is the addend.
        each!(vfmaq_f32(c, a, b))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        // Not `vmaxq_f32`: a NaN on the left would stay.
        self.if_greater(a, b, a, b)
    }
    #[inline(always)]
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        let mask = each!(vcgtq_f32(a, b));
        each!(vbslq_f32(mask, yes, no))
    }
    #[inline(always)]
    fn exp2_of_shifted(self, v: Self::V) -> Self::V {
        let bits = each!(vreinterpretq_u32_f32(v));
        let shifted = neon!(bits.map(|bits| vshlq_n_u32::<23>(bits)));
        let one = [neon!(vdupq_n_u32(0x3f80_0000)); 4];
        let sum = each!(vaddq_u32(shifted, one));
        each!(vreinterpretq_f32_u32(sum))
    }
    #[inline(always)]
    fn transpose(self, r: [Self::V; LANES]) -> [Self::V; LANES] {
        // Sixteen blocks of 4 x 4, each moved to the other side of the diagonal.
        let mut out = r;
        for i in 0..4 {
            for j in 0..4 {
                let block = transpose4([r[4 * i][j], r[4 * i + 1][j], r[4 * i + 2][j], r[4 * i + 3][j]]);
                for k in 0..4 {
                    out[4 * j + k][i] = block[k];
                }
            }
        }
        out
    }
    #[inline(always)]
    fn prefetch(self, x: *const f32) {
        #[cfg(miri)]
        let _ = x;
        #[cfg(not(miri))]
        #[expect(clippy::pointers_in_nomem_asm_block, reason = "a prefetch reads nothing that the program can see")]
        // SAFETY: a prefetch never faults, whatever the address, and changes neither registers nor memory.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) x, options(nomem, nostack, preserves_flags))
        }
    }
    #[inline(always)]
    fn sum_zero(self) -> Self::Sum {
        [neon!(vdupq_n_f64(0.0)); 8]
    }
    #[inline(always)]
    fn sum_add(self, sum: Self::Sum, v: Self::V) -> Self::Sum {
        let mut out = sum;
        for i in 0..4 {
            out[2 * i] = neon!(vaddq_f64(sum[2 * i], vcvt_f64_f32(vget_low_f32(v[i]))));
            out[2 * i + 1] = neon!(vaddq_f64(sum[2 * i + 1], vcvt_high_f64_f32(v[i])));
        }
        out
    }
    #[inline(always)]
    fn sum_lanes(self, sum: Self::Sum) -> [f64; LANES] {
        let mut lanes = [0.0; LANES];
        for (pair, part) in lanes.as_chunks_mut::<2>().0.iter_mut().zip(sum) {
            // SAFETY: the target has NEON; the store covers exactly the two doubles of `pair`.
            unsafe { vst1q_f64(pair.as_mut_ptr(), part) };
        }
        lanes
    }
}
