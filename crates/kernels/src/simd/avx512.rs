//! [`Simd`] with AVX-512F: a vector is one register.

use super::lanes::{LANES, Simd, Task};
use std::arch::x86_64::*;

/// Proof that the processor has AVX-512F, AVX2 and FMA. Made only by [`Avx512::detect`].
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        // The standard library caches the answer: this is a load and a test.
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1"))
        .then_some(Avx512(()))
    }
}

#[target_feature(enable = "avx512f,avx2,fma,popcnt,bmi1")]
fn enter<T: Task>(s: Avx512, task: T) -> T::Out {
    task.run(s)
}

/// The mask of lanes 0..n, for n up to sixteen.
#[inline(always)]
fn head_mask(n: usize) -> __mmask16 {
    assert!(n <= LANES, "a vector has {LANES} lanes, not {n}");
    ((1u32 << n) - 1) as __mmask16
}

/// One or more register-only intrinsics.
macro_rules! avx512 {
    ($x:expr) => {
        // SAFETY: `self` exists only where the processor has AVX-512F; the intrinsics touch no memory.
        unsafe { $x }
    };
}

impl Simd for Avx512 {
    type V = __m512;
    type Sum = (__m512d, __m512d);
    // 28 accumulators, two vectors of B and one broadcast: 31 of 32 registers.
    const TILE_ROWS: usize = 14;
    const TILE_VECTORS: usize = 2;
    const LOW_TILE_VECTORS: usize = 4;

    #[inline(always)]
    fn run<T: Task>(self, task: T) -> T::Out {
        // SAFETY: `self` exists only where the processor has these features.
        unsafe { enter(self, task) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        avx512!(_mm512_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        // SAFETY: AVX-512F as above; the reference covers the 64 bytes read, and the load may be unaligned.
        unsafe { _mm512_loadu_ps(x.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; LANES], v: Self::V) {
        // SAFETY: AVX-512F as above; the reference covers the 64 bytes written, and the store may be unaligned.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn load_head(self, x: &[f32]) -> Self::V {
        // SAFETY: AVX-512F as above; masked-off lanes are not read, so only the slice's own elements are.
        unsafe { _mm512_maskz_loadu_ps(head_mask(x.len()), x.as_ptr()) }
    }
    #[inline(always)]
    fn store_head(self, out: &mut [f32], v: Self::V) {
        // SAFETY: AVX-512F as above; masked-off lanes are not written, so only the slice's own elements are.
        unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr(), head_mask(out.len()), v) }
    }
    #[inline(always)]
    fn load_bytes(self, x: &[u8; LANES]) -> Self::V {
        // SAFETY: AVX-512F as above; the reference covers the 16 bytes read, and the load may be unaligned.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(x.as_ptr().cast()))) }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        avx512!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        avx512!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        avx512!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        avx512!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        avx512!(_mm512_sqrt_ps(a))
    }
    #[inline(always)]
    fn abs(self, a: Self::V) -> Self::V {
        avx512!(_mm512_abs_ps(a))
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        avx512!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        avx512!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        avx512!(_mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes))
    }
    #[inline(always)]
    fn exp2_of_shifted(self, v: Self::V) -> Self::V {
        avx512!({
            let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(v));
            _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(0x3f80_0000)))
        })
    }
    #[inline(always)]
    fn transpose(self, r: [Self::V; LANES]) -> [Self::V; LANES] {
        avx512!({
            // 4 x 4 blocks inside each quarter of the registers, ...
            let mut q = r;
            for i in 0..4 {
                let i = 4 * i;
                let (a, b) = (_mm512_unpacklo_ps(r[i], r[i + 1]), _mm512_unpackhi_ps(r[i], r[i + 1]));
                let (c, d) = (_mm512_unpacklo_ps(r[i + 2], r[i + 3]), _mm512_unpackhi_ps(r[i + 2], r[i + 3]));
                let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
                let (c, d) = (_mm512_castps_pd(c), _mm512_castps_pd(d));
                q[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
                q[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
                q[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
                q[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
            }
            // ... then the quarters themselves: q[4 i + j] holds, in quarter m, rows 4 i.. of column 4 m + j.
            let mut out = r;
            for j in 0..4 {
                let even_low = _mm512_shuffle_f32x4::<0x88>(q[j], q[j + 4]);
                let odd_low = _mm512_shuffle_f32x4::<0xdd>(q[j], q[j + 4]);
                let even_high = _mm512_shuffle_f32x4::<0x88>(q[j + 8], q[j + 12]);
                let odd_high = _mm512_shuffle_f32x4::<0xdd>(q[j + 8], q[j + 12]);
                out[j] = _mm512_shuffle_f32x4::<0x88>(even_low, even_high);
                out[j + 8] = _mm512_shuffle_f32x4::<0xdd>(even_low, even_high);
                out[j + 4] = _mm512_shuffle_f32x4::<0x88>(odd_low, odd_high);
                out[j + 12] = _mm512_shuffle_f32x4::<0xdd>(odd_low, odd_high);
            }
            out
        })
    }
    #[inline(always)]
    fn prefetch(self, x: *const f32) {
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(x.cast()) }
    }
    #[inline(always)]
    fn sum_zero(self) -> Self::Sum {
        avx512!((_mm512_setzero_pd(), _mm512_setzero_pd()))
    }
    #[inline(always)]
    fn sum_add(self, sum: Self::Sum, v: Self::V) -> Self::Sum {
        avx512!({
            let low = _mm512_castps512_ps256(v);
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
            (_mm512_add_pd(sum.0, _mm512_cvtps_pd(low)), _mm512_add_pd(sum.1, _mm512_cvtps_pd(high)))
        })
    }
    #[inline(always)]
    fn sum_lanes(self, sum: Self::Sum) -> [f64; LANES] {
        let mut lanes = [0.0; LANES];
        // SAFETY: AVX-512F as above; the two stores cover exactly the array's sixteen doubles.
        unsafe {
            _mm512_storeu_pd(lanes.as_mut_ptr(), sum.0);
            _mm512_storeu_pd(lanes.as_mut_ptr().add(8), sum.1);
        }
        lanes
    }
    #[inline(always)]
    fn keep_head(self, v: Self::V, n: usize) -> Self::V {
        avx512!(_mm512_maskz_mov_ps(head_mask(n), v))
    }
}
