//! Which instruction set the kernels use: found out once at run time, then passed explicitly.
//!
//! Every kernel is written once, over [`Simd`]: sixteen `f32` lanes, however many registers they take. [`Isa::run`]
//! picks the implementation and enters a function compiled for it.

use super::simd::{Portable, Simd, Task};
#[cfg(target_arch = "x86_64")]
use super::simd_avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::simd_avx512::Avx512;

/// An instruction set the kernels have code for.
///
/// All of them give the same bytes for every kernel, as every operation of [`Simd`] is rounded correctly on each and
/// every sum has one order. Where the target has no fused multiply-add at compile time (plain x86-64), `Portable`
/// computes it exactly from `f64` operations. Only the bits of a NaN (sign and payload) may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// x86-64 with AVX-512F: one register of sixteen lanes.
    Avx512,
    /// x86-64 with AVX2 and FMA: two registers of eight lanes.
    Avx2,
    /// Plain Rust that the compiler vectorises for the target's baseline.
    Portable,
}

impl Isa {
    /// Every instruction set, best first.
    pub const ALL: [Isa; 3] = [Isa::Avx512, Isa::Avx2, Isa::Portable];

    /// The best one this processor has. Costs one load after the first call.
    pub fn best() -> Isa {
        static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Isa::ALL.into_iter().find(|isa| isa.is_available()).unwrap_or(Isa::Portable))
    }

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx512 | Isa::Avx2 => false,
            Isa::Portable => true,
        }
    }

    /// The name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Portable => "portable",
        }
    }

    /// Runs `task` compiled for this instruction set.
    ///
    /// # Panics
    /// If the processor lacks it: ask [`Isa::is_available`] first, or take [`Isa::best`].
    #[inline]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Out {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::detect().expect("this processor has no AVX-512F").run(task),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::detect().expect("this processor has no AVX2 with FMA").run(task),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx512 | Isa::Avx2 => panic!("{} exists only on x86-64", self.name()),
            Isa::Portable => Portable.run(task),
        }
    }
}
