//! Which instruction set the kernels use: decided once at run time, then passed explicitly.
//!
//! Every kernel is written once, over `Simd`: sixteen `f32` lanes, however many registers they take. `Isa::run` picks
//! the implementation and enters a function compiled for it.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::lanes::{Simd, Task};
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use super::neon::Neon;
use super::portable::Portable;
use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// An instruction set the kernels have code for.
///
/// All of them give the same bytes for every kernel, as every operation on lanes is rounded correctly on each and
/// every sum has one order. Where the target has no fused multiply-add at compile time (plain x86-64), `Portable`
/// computes it exactly from `f64` operations. Only the bits of a NaN (sign and payload) may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// x86-64 with AVX-512F: one register of sixteen lanes.
    Avx512,
    /// x86-64 with AVX2 and FMA: two registers of eight lanes.
    Avx2,
    /// AArch64 with NEON, which every processor of the usual targets has: four registers of four lanes.
    Neon,
    /// Plain Rust that the compiler vectorises for the target's baseline.
    Portable,
}

impl Isa {
    /// Every instruction set, best first.
    pub const ALL: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];

    /// The environment variable that chooses one: `portable`, `avx2`, `avx512` or `neon`. Empty counts as not set.
    pub const VARIABLE: &str = "VAE_BENCH_ISA";

    /// The one that [`Isa::VARIABLE`] chooses, else the best one that this processor has. The choice is made at the first
    /// call; later calls cost one load.
    ///
    /// # Panics
    /// If the variable's choice is refused: a program calls [`Isa::from_env`] first and reports the refusal.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| match Isa::from_env() {
            Ok(chosen) => chosen.unwrap_or_else(Isa::detect),
            Err(refused) => panic!("{refused}"),
        })
    }

    /// The one that [`Isa::VARIABLE`] chooses, if it is set.
    ///
    /// # Errors
    /// If the variable names no instruction set, or one that this processor lacks.
    pub fn from_env() -> Result<Option<Isa>, IsaRefused> {
        Isa::choice(std::env::var_os(Isa::VARIABLE).as_deref())
    }

    /// What a value of the variable chooses.
    pub(crate) fn choice(value: Option<&OsStr>) -> Result<Option<Isa>, IsaRefused> {
        let Some(name) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
        let isa: Isa = name.to_string_lossy().parse()?;
        if isa.is_available() { Ok(Some(isa)) } else { Err(IsaRefused::Unavailable(isa)) }
    }

    /// The best one this processor has.
    fn detect() -> Isa {
        Isa::ALL.into_iter().find(|isa| isa.is_available()).unwrap_or(Isa::Portable)
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
            Isa::Neon => cfg!(all(target_arch = "aarch64", target_feature = "neon")),
            Isa::Portable => true,
        }
    }

    /// The name in the variable and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Neon => "neon",
            Isa::Portable => "portable",
        }
    }

    /// Runs `task` compiled for this instruction set.
    ///
    /// # Panics
    /// If the processor lacks it: ask [`Isa::is_available`] first, or take [`Isa::best`].
    #[inline]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Out {
        #[cfg(feature = "timeline")]
        let _span = crate::system::timeline::span_of(task.name());
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::detect().expect("this processor has no AVX-512F").run(task),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::detect().expect("this processor has no AVX2 with FMA").run(task),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx512 | Isa::Avx2 => panic!("{} exists only on x86-64", self.name()),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Isa::Neon => Neon.run(task),
            #[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
            Isa::Neon => panic!("neon exists only on AArch64"),
            Isa::Portable => Portable.run(task),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = IsaRefused;

    fn from_str(name: &str) -> Result<Isa, IsaRefused> {
        let known = Isa::ALL.into_iter().find(|isa| isa.name() == name);
        known.ok_or_else(|| IsaRefused::Unknown(name.to_owned()))
    }
}

/// Why a choice of instruction set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsaRefused {
    /// No instruction set has this name.
    Unknown(String),
    /// This processor lacks it.
    Unavailable(Isa),
}

impl fmt::Display for IsaRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let available: Vec<_> = Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Isa::name).collect();
        let (variable, available) = (Isa::VARIABLE, available.join(", "));
        match self {
            IsaRefused::Unknown(name) => write!(f, "{variable}: no instruction set is called {name:?}")?,
            IsaRefused::Unavailable(isa) => write!(f, "{variable}: this processor lacks {isa}")?,
        }
        write!(f, "; choose from {available}, or leave {variable} unset for the first of them")
    }
}

impl std::error::Error for IsaRefused {}
