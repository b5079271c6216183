//! Adam, all four arrays in one pass.

use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{CHUNK, run_all};

/// How far ahead of their use the arrays are prefetched, in elements.
const AHEAD: usize = 256;

/// Moments below this are set to 0. The first moment of a weight without gradient (of a pixel that is black in every image
/// of a hundred batches) halves every seven steps and would stay for ever at the smallest subnormal numbers, on which
/// processors are a hundred times slower. As p moves by lr m / (sqrt(v) + eps), the effect is below rounding.
const TINY: f32 = 1e-35;

/// The settings of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
}

impl Default for Adam {
    /// PyTorch's defaults.
    fn default() -> Self {
        Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// One step, the `t`-th (from 1), with PyTorch's formula and its order of operations:
///
/// - m += (1 - beta1) (g - m)
/// - v = beta2 v + (1 - beta2) g g
/// - p -= lr / (1 - beta1^t) * (m / (sqrt(v) / sqrt(1 - beta2^t) + eps))
///
/// The factors are computed in `f64` and rounded once; 1 / sqrt(1 - beta2^t) is a factor too. Every operation on
/// elements is rounded by itself, with no fused multiply-add, as in PyTorch.
///
/// # Panics
/// If the slices differ in length, or `t` is 0.
pub fn step(isa: Isa, adam: &Adam, t: u64, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    assert!(t > 0, "steps of Adam are counted from 1");
    assert!(
        p.len() == g.len() && p.len() == m.len() && p.len() == v.len(),
        "parameters, gradients and moments differ in length: {}, {}, {}, {}",
        p.len(),
        g.len(),
        m.len(),
        v.len()
    );
    let factors = Factors::new(adam, t);
    let tasks = p
        .chunks_mut(CHUNK)
        .zip(g.chunks(CHUNK))
        .zip(m.chunks_mut(CHUNK).zip(v.chunks_mut(CHUNK)))
        .map(|((p, g), (m, v))| Chunk { factors, p, g, m, v });
    run_all(isa, tasks);
}

/// The formula's constants for one step.
#[derive(Clone, Copy)]
struct Factors {
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    unbias_root: f32,
    eps: f32,
    rate: f32,
}

impl Factors {
    fn new(adam: &Adam, t: u64) -> Self {
        let t = t as f64;
        Factors {
            one_minus_beta1: (1.0 - adam.beta1) as f32,
            beta2: adam.beta2 as f32,
            one_minus_beta2: (1.0 - adam.beta2) as f32,
            unbias_root: (1.0 / (1.0 - adam.beta2.powf(t)).sqrt()) as f32,
            eps: adam.eps as f32,
            rate: (adam.learning_rate / (1.0 - adam.beta1.powf(t))) as f32,
        }
    }
}

struct Chunk<'a> {
    factors: Factors,
    p: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Task for Chunk<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let factors = self.factors;
        let (ps, p_tail) = self.p.as_chunks_mut::<LANES>();
        let (gs, g_tail) = self.g.as_chunks::<LANES>();
        let (ms, m_tail) = self.m.as_chunks_mut::<LANES>();
        let (vs, v_tail) = self.v.as_chunks_mut::<LANES>();
        for (((p, g), m), v) in ps.iter_mut().zip(gs).zip(ms).zip(vs) {
            // The hardware's prefetcher stops at every page boundary, and four arrays have four times as many.
            s.prefetch(p.as_ptr().wrapping_add(AHEAD));
            s.prefetch(g.as_ptr().wrapping_add(AHEAD));
            s.prefetch(m.as_ptr().wrapping_add(AHEAD));
            s.prefetch(v.as_ptr().wrapping_add(AHEAD));
            let new = update(s, factors, s.load(p), s.load(g), s.load(m), s.load(v));
            s.store(p, new.0);
            s.store(m, new.1);
            s.store(v, new.2);
        }
        let (p, g) = (s.load_head(p_tail), s.load_head(g_tail));
        let new = update(s, factors, p, g, s.load_head(m_tail), s.load_head(v_tail));
        s.store_head(p_tail, new.0);
        s.store_head(m_tail, new.1);
        s.store_head(v_tail, new.2);
    }
}

/// The new (p, m, v).
#[inline(always)]
fn update<S: Simd>(s: S, f: Factors, p: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V) {
    let (zero, tiny) = (s.splat(0.0), s.splat(TINY));
    let m = s.add(m, s.mul(s.splat(f.one_minus_beta1), s.sub(g, m)));
    let m = s.if_greater(tiny, s.abs(m), zero, m);
    let square = s.mul(s.mul(s.splat(f.one_minus_beta2), g), g);
    let v = s.add(s.mul(s.splat(f.beta2), v), square);
    let v = s.if_greater(tiny, v, zero, v);
    let root = s.add(s.mul(s.sqrt(v), s.splat(f.unbias_root)), s.splat(f.eps));
    let p = s.sub(p, s.mul(s.splat(f.rate), s.div(m, root)));
    (p, m, v)
}
