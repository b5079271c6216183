//! Whose floating-point operations a run's numbers come from, and where those give the same bytes.

/// What does the arithmetic of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// The kernels alone, and sums of which every order gives the same result: the same bytes on every machine.
    Kernels,
    /// Candle's operations too: their sums follow the width of the processor's vectors, and their `exp` and `ln` are the
    /// C library's.
    Candle,
}

impl Operations {
    /// What sets the results of these operations on this machine apart from those on x86-64 Linux with AVX2 and FMA; none
    /// where they are the same. Part of a run's name.
    pub fn deviation(self) -> Option<String> {
        match self {
            Operations::Kernels => None,
            Operations::Candle => candle_deviation(),
        }
    }
}

fn candle_deviation() -> Option<String> {
    let system = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));
    if system && vectors_of_eight() {
        return None;
    }
    let vectors = if vectors_of_eight() { "avx2" } else { "no avx2" };
    Some(format!("{} {} {vectors}", std::env::consts::ARCH, std::env::consts::OS))
}

/// Whether Candle sums by AVX2, and the C library may take its variants with fused multiply-adds.
#[cfg(target_arch = "x86_64")]
fn vectors_of_eight() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors_of_eight() -> bool {
    false
}
