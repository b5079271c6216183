//! What a processor can do at most, to hold products against.

use crate::simd::{Isa, LANES, Simd, Task};
use std::hint::black_box;

/// The most chains of multiply-adds: more than a processor of any instruction set works on at a time.
const CHAINS: usize = 12;

/// Runs at least `flops` floating-point operations as fused multiply-adds between registers, on the calling thread, and
/// returns how many there were: the limit of any product on this instruction set.
///
/// # Panics
/// If the processor lacks `isa`.
pub fn multiply_adds(isa: Isa, flops: usize) -> usize {
    isa.run(MultiplyAdds { flops })
}

struct MultiplyAdds {
    flops: usize,
}

impl Task for MultiplyAdds {
    type Out = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        // As many accumulators as a product's tile has, which are registers.
        let count = CHAINS.min(S::TILE_ROWS * S::TILE_VECTORS);
        let steps = self.flops.div_ceil(count * LANES * 2);
        let (x, y) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        let mut chains = [s.splat(1.0); CHAINS];
        for _ in 0..steps {
            for chain in &mut chains[..count] {
                *chain = s.fma(*chain, x, y);
            }
        }
        let mut lanes = [0.0; LANES];
        for chain in chains {
            s.store(&mut lanes, chain);
            black_box(&lanes);
        }
        steps * count * LANES * 2
    }
}
