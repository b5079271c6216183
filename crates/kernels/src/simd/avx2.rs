//! [`Simd`] with AVX2 and FMA: a vector is a pair of registers.

use super::lanes::{LANES, Simd, Task};
use std::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA. Made only by [`Avx2::detect`].
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1"))
        .then_some(Avx2(()))
    }
}

#[target_feature(enable = "avx2,fma,popcnt,bmi1")]
fn enter<T: Task>(s: Avx2, task: T) -> T::Out {
    task.run(s)
}

type Pair = (__m256, __m256);

/// A register-only intrinsic on both halves of a vector.
macro_rules! both {
    ($f:ident($($x:expr),*)) => {
        // SAFETY: `self` exists only where the processor has AVX2 and FMA; the intrinsic touches no memory.
        unsafe { ($f($($x.0),*), $f($($x.1),*)) }
    };
}

/// All bits set in the first `n` lanes, none in the others.
#[inline(always)]
fn head_mask(_: Avx2, n: usize) -> (__m256i, __m256i) {
    assert!(n <= LANES, "a vector has {LANES} lanes, not {n}");
    // SAFETY: the token proves AVX2; register-only intrinsics.
    unsafe {
        let n = _mm256_set1_epi32(n as i32);
        let low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let high = _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15);
        (_mm256_cmpgt_epi32(n, low), _mm256_cmpgt_epi32(n, high))
    }
}

/// Transposes eight registers of eight lanes.
#[inline(always)]
fn transpose8(_: Avx2, r: [__m256; 8]) -> [__m256; 8] {
    // SAFETY: the token proves AVX2; register-only intrinsics.
    unsafe {
        let mut q = r;
        for i in [0, 4] {
            let (a, b) = (_mm256_unpacklo_ps(r[i], r[i + 1]), _mm256_unpackhi_ps(r[i], r[i + 1]));
            let (c, d) = (_mm256_unpacklo_ps(r[i + 2], r[i + 3]), _mm256_unpackhi_ps(r[i + 2], r[i + 3]));
            q[i] = _mm256_shuffle_ps::<0x44>(a, c);
            q[i + 1] = _mm256_shuffle_ps::<0xee>(a, c);
            q[i + 2] = _mm256_shuffle_ps::<0x44>(b, d);
            q[i + 3] = _mm256_shuffle_ps::<0xee>(b, d);
        }
        let mut out = r;
        for j in 0..4 {
            out[j] = _mm256_permute2f128_ps::<0x20>(q[j], q[j + 4]);
            out[j + 4] = _mm256_permute2f128_ps::<0x31>(q[j], q[j + 4]);
        }
        out
    }
}

impl Simd for Avx2 {
    type V = Pair;
    type Sum = [__m256d; 4];
    // 12 accumulators, two registers of B and one broadcast: 15 of 16 registers.
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 1;
    const LOW_TILE_VECTORS: usize = 1;

    #[inline(always)]
    fn run<T: Task>(self, task: T) -> T::Out {
        // SAFETY: `self` exists only where the processor has these features.
        unsafe { enter(self, task) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: AVX2 as above; register-only.
        let half = unsafe { _mm256_set1_ps(x) };
        (half, half)
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        // SAFETY: AVX2 as above; the two loads cover exactly the sixteen floats, and may be unaligned.
        unsafe { (_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; LANES], v: Self::V) {
        // SAFETY: AVX2 as above; the two stores cover exactly the sixteen floats, and may be unaligned.
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), v.0);
            _mm256_storeu_ps(out.as_mut_ptr().add(8), v.1);
        }
    }
    #[inline(always)]
    fn load_head(self, x: &[f32]) -> Self::V {
        let mask = head_mask(self, x.len());
        // SAFETY: AVX2 as above; masked-off lanes are not read, so only the slice's own elements are.
        unsafe { (_mm256_maskload_ps(x.as_ptr(), mask.0), _mm256_maskload_ps(x.as_ptr().wrapping_add(8), mask.1)) }
    }
    #[inline(always)]
    fn store_head(self, out: &mut [f32], v: Self::V) {
        let mask = head_mask(self, out.len());
        // SAFETY: AVX2 as above; masked-off lanes are not written, so only the slice's own elements are.
        unsafe {
            _mm256_maskstore_ps(out.as_mut_ptr(), mask.0, v.0);
            _mm256_maskstore_ps(out.as_mut_ptr().wrapping_add(8), mask.1, v.1);
        }
    }
    #[inline(always)]
    fn load_bytes(self, x: &[u8; LANES]) -> Self::V {
        // SAFETY: AVX2 as above; the reference covers the 16 bytes read, and the load may be unaligned.
        unsafe {
            let bytes = _mm_loadu_si128(x.as_ptr().cast());
            let low = _mm256_cvtepu8_epi32(bytes);
            let high = _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes));
            (_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        both!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        both!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        both!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        both!(_mm256_div_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        both!(_mm256_sqrt_ps(a))
    }
    #[inline(always)]
    fn abs(self, a: Self::V) -> Self::V {
        let sign = self.splat(-0.0);
        both!(_mm256_andnot_ps(sign, a))
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        both!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        both!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        // SAFETY: AVX2 as above; register-only.
        let mask = unsafe { (_mm256_cmp_ps::<_CMP_GT_OQ>(a.0, b.0), _mm256_cmp_ps::<_CMP_GT_OQ>(a.1, b.1)) };
        both!(_mm256_blendv_ps(no, yes, mask))
    }
    #[inline(always)]
    fn exp2_of_shifted(self, v: Self::V) -> Self::V {
        // SAFETY: AVX2 as above; register-only.
        unsafe {
            let one = _mm256_set1_epi32(0x3f80_0000);
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(v.0));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(v.1));
            (_mm256_castsi256_ps(_mm256_add_epi32(low, one)), _mm256_castsi256_ps(_mm256_add_epi32(high, one)))
        }
    }
    #[inline(always)]
    fn transpose(self, r: [Self::V; LANES]) -> [Self::V; LANES] {
        // Four blocks of 8 x 8; the two off the diagonal are swapped.
        let mut blocks = [[r[0].0; 8]; 4];
        for i in 0..8 {
            blocks[0][i] = r[i].0;
            blocks[1][i] = r[i].1;
            blocks[2][i] = r[i + 8].0;
            blocks[3][i] = r[i + 8].1;
        }
        let top_left = transpose8(self, blocks[0]);
        let bottom_left = transpose8(self, blocks[1]);
        let top_right = transpose8(self, blocks[2]);
        let bottom_right = transpose8(self, blocks[3]);
        let mut out = r;
        for i in 0..8 {
            out[i] = (top_left[i], top_right[i]);
            out[i + 8] = (bottom_left[i], bottom_right[i]);
        }
        out
    }
    #[inline(always)]
    fn prefetch(self, x: *const f32) {
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(x.cast()) }
    }
    #[inline(always)]
    fn sum_zero(self) -> Self::Sum {
        // SAFETY: AVX2 as above; register-only.
        [unsafe { _mm256_setzero_pd() }; 4]
    }
    #[inline(always)]
    fn sum_add(self, sum: Self::Sum, v: Self::V) -> Self::Sum {
        // SAFETY: AVX2 as above; register-only.
        unsafe {
            let quarters = [
                _mm256_castps256_ps128(v.0),
                _mm256_extractf128_ps::<1>(v.0),
                _mm256_castps256_ps128(v.1),
                _mm256_extractf128_ps::<1>(v.1),
            ];
            let mut out = sum;
            for i in 0..4 {
                out[i] = _mm256_add_pd(sum[i], _mm256_cvtps_pd(quarters[i]));
            }
            out
        }
    }
    #[inline(always)]
    fn sum_lanes(self, sum: Self::Sum) -> [f64; LANES] {
        let mut lanes = [0.0; LANES];
        for (quarter, part) in lanes.as_chunks_mut::<4>().0.iter_mut().zip(sum) {
            // SAFETY: AVX2 as above; the store covers exactly the four doubles of `quarter`.
            unsafe { _mm256_storeu_pd(quarter.as_mut_ptr(), part) };
        }
        lanes
    }
    #[inline(always)]
    fn keep_head(self, v: Self::V, n: usize) -> Self::V {
        let mask = head_mask(self, n);
        // SAFETY: AVX2 as above; register-only.
        unsafe { (_mm256_and_ps(v.0, _mm256_castsi256_ps(mask.0)), _mm256_and_ps(v.1, _mm256_castsi256_ps(mask.1))) }
    }
}
