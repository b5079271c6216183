//! Every kernel against plain code in `f64`, on every instruction set that this machine has; all give the same bits.

mod activation;
mod adam;
mod dispatch;
mod latent;
mod likelihood;
mod matmul;
mod nearest;
mod network;
mod pixels;
mod pool;
mod reduce;
mod simd;

use crate::Isa;

fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

/// A size or a number of rounds: smaller under Miri, which is ten thousand times slower.
fn sized(usual: usize, under_miri: usize) -> usize {
    if cfg!(miri) { under_miri } else { usual }
}

/// xorshift: reproducible, and no dependency.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// Between -1 and 1.
    fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
    fn many(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.signed()).collect()
    }
    /// A share of zeros.
    fn sparse(&mut self, len: usize, zeros: f32) -> Vec<f32> {
        (0..len).map(|_| if self.signed().abs() < zeros { 0.0 } else { self.signed() }).collect()
    }
}

/// The bits of each element; all NaNs are one.
fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= tolerance * want.abs().max(1.0), "element {i}: {got} instead of {want}");
    }
}

/// Runs `work` on a pool of so many threads; under Miri without a pool, as every task has a thread of its own there.
fn in_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    if cfg!(miri) {
        return work();
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool").install(work)
}
