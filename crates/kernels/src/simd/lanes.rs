//! The operations on sixteen `f32` lanes that each instruction set implements.
//!
//! A type that implements [`Simd`] is a token: a value of it exists only if the processor has the instructions, so its
//! methods are safe to call. All methods are `#[inline(always)]`, because an intrinsic is cheap only when it is inlined
//! into a function compiled for its instruction set; kernels reach that function through [`Simd::run`]. For the same
//! reason kernels use `for` loops and no closures.

/// Work that is compiled once for each instruction set.
pub(crate) trait Task {
    type Out;
    /// Must be `#[inline(always)]`, like everything it calls that takes a [`Simd`] token.
    fn run<S: Simd>(self, s: S) -> Self::Out;
    /// What a timeline calls it.
    #[cfg(feature = "timeline")]
    fn name(&self) -> String {
        crate::system::timeline::name_of::<Self>()
    }
}

/// Number of lanes of every vector, on every instruction set.
pub(crate) const LANES: usize = 16;

pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen `f32`.
    type V: Copy;
    /// Sixteen running sums in `f64`.
    type Sum: Copy;
    /// Rows of the matrix product's register tile, at most fourteen.
    const TILE_ROWS: usize;
    /// Vectors in a row of that tile: 1 or 2.
    const TILE_VECTORS: usize;
    /// Vectors in a row of the low tile of a factor that is mostly 0: 1, 2 or 4.
    const LOW_TILE_VECTORS: usize;

    /// Enters a function compiled for this instruction set.
    fn run<T: Task>(self, task: T) -> T::Out;

    fn splat(self, x: f32) -> Self::V;
    fn load(self, x: &[f32; LANES]) -> Self::V;
    fn store(self, out: &mut [f32; LANES], v: Self::V);
    /// The first `x.len()` lanes (at most sixteen) from `x`, the others 0.
    #[inline(always)]
    fn load_head(self, x: &[f32]) -> Self::V {
        if let Some(x) = x.as_array() {
            return self.load(x);
        }
        let mut lanes = [0.0; LANES];
        lanes[..x.len()].copy_from_slice(x);
        self.load(&lanes)
    }
    /// Writes the first `out.len()` lanes (at most sixteen).
    #[inline(always)]
    fn store_head(self, out: &mut [f32], v: Self::V) {
        if let Some(out) = out.as_mut_array() {
            return self.store(out, v);
        }
        let mut lanes = [0.0; LANES];
        self.store(&mut lanes, v);
        out.copy_from_slice(&lanes[..out.len()]);
    }

    /// Sixteen bytes as floats.
    fn load_bytes(self, x: &[u8; LANES]) -> Self::V;

    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    fn abs(self, a: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `if a > b { a } else { b }`: a NaN on either side gives `b`.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `if a > b { yes } else { no }`: a NaN on either side gives `no`.
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// 2^n, for lanes that hold the float n + 1.5 * 2^23 with n in -126..=127.
    fn exp2_of_shifted(self, v: Self::V) -> Self::V;
    /// Rows become columns.
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES];
    /// Prefetches the cache line that holds `x`; any address will do.
    fn prefetch(self, x: *const f32);

    fn sum_zero(self) -> Self::Sum;
    /// Adds each lane to its own running sum.
    fn sum_add(self, sum: Self::Sum, v: Self::V) -> Self::Sum;
    fn sum_lanes(self, sum: Self::Sum) -> [f64; LANES];

    /// The lanes from `n` on become 0.
    #[inline(always)]
    fn keep_head(self, v: Self::V, n: usize) -> Self::V {
        let mut lanes = [0.0; LANES];
        self.store(&mut lanes, v);
        self.load_head(&lanes[..n])
    }
}

/// Adds the sixteen running sums as a fixed tree.
pub(crate) fn total(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}
