use super::{Rng, bits, isas, sized};
use crate::simd::{LANES, Simd, Task, emulated_fma};

/// Where formats end, ties are, and NaN begins.
fn specials() -> Vec<f32> {
    let positive = [
        0.0,
        f32::from_bits(1),
        f32::from_bits(2),
        f32::from_bits(3),
        f32::MIN_POSITIVE / 2.0,
        f32::MIN_POSITIVE.next_down(),
        f32::MIN_POSITIVE,
        f32::MIN_POSITIVE.next_up(),
        2f32.powi(-75),
        2f32.powi(-74),
        2f32.powi(-24),
        2f32.powi(-24).next_up(),
        f32::EPSILON,
        0.5,
        1.0f32.next_down(),
        1.0,
        1.0f32.next_up(),
        1.5,
        2f32.powi(23) + 1.0,
        2f32.powi(24),
        2f32.powi(24) - 1.0,
        2f32.powi(63),
        2f32.powi(64).next_down(),
        2f32.powi(104),
        f32::MAX / 2.0,
        f32::MAX.next_down(),
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ];
    positive.into_iter().flat_map(|x| [x, -x]).collect()
}

/// Any bit pattern is as likely as any other.
fn any(rng: &mut Rng) -> f32 {
    f32::from_bits((rng.next() >> 32) as u32)
}

#[track_caller]
fn check_fma(a: f32, b: f32, c: f32) {
    let (got, want) = (emulated_fma(a, b, c), a.mul_add(b, c));
    assert!(
        got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
        "{a:e} * {b:e} + {c:e}: {got:e} instead of {want:e}"
    );
}

#[test]
fn the_emulated_fused_multiply_add_rounds_as_the_real_one() {
    let specials = specials();
    for &a in specials.iter().step_by(sized(1, 7)) {
        for &b in specials.iter().step_by(sized(1, 5)) {
            specials.iter().for_each(|&c| check_fma(a, b, c));
        }
    }
    let mut rng = Rng(41);
    for _ in 0..sized(4_000_000, 1_000) {
        let (a, b, c) = (any(&mut rng), any(&mut rng), any(&mut rng));
        check_fma(a, b, c);
        // Of one size, so that both terms count; and a special one among them.
        check_fma(a, b, (-a * b) * (1.0 + f32::EPSILON * (rng.below(9) as f32 - 4.0)));
        check_fma(rng.signed(), rng.signed(), rng.signed());
        check_fma(a, specials[rng.below(specials.len())], c);
    }
}

#[test]
fn the_emulated_fused_multiply_add_is_right_beside_every_kind_of_tie() {
    let mut rng = Rng(42);
    for _ in 0..sized(4_000_000, 1_000) {
        // c, and half a unit in its last place as a product: exactly, or less or more by 2^-46 of it and up. A sum that is
        // rounded to f64 first loses the difference, and then rounds the tie to even.
        let exponent = rng.below(250) as i32 - 140;
        let c = (1.0 + rng.below(1 << 23) as f64 * f64::from(f32::EPSILON)) * 2f64.powi(exponent);
        let most = if rng.below(2) == 0 { 4 } else { 1 << 20 };
        let off = rng.below(most) as f64 * f64::from(f32::EPSILON);
        let shift = rng.below(40) as i32 - 20;
        let a = (1.0 + off) * 2f64.powi(shift);
        let b = (1.0 + if rng.below(8) == 0 { off } else { -off }) * 2f64.powi(exponent - 24 - shift);
        let sign = |rng: &mut Rng, x: f64| if rng.below(2) == 0 { x as f32 } else { -x as f32 };
        check_fma(sign(&mut rng, a), sign(&mut rng, b), sign(&mut rng, c));
    }
}

/// Every operation on vectors of any content. Moves keep the bits of a NaN, arithmetic need not.
struct Everything<'a>(&'a [[f32; LANES]; LANES]);

impl Task for Everything<'_> {
    type Out = (Vec<u32>, Vec<u32>, Vec<u64>);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Out {
        let rows = *self.0;
        let (a, b, c, d) = (s.load(&rows[0]), s.load(&rows[1]), s.load(&rows[2]), s.load(&rows[3]));
        let mut moved = vec![a, s.if_greater(a, b, c, d), s.max(a, b), s.abs(a), s.exp2_of_shifted(a)];
        moved.push(s.splat(rows[5][3]));
        for n in 0..=LANES {
            moved.extend([s.load_head(&rows[4][..n]), s.keep_head(a, n)]);
        }
        let mut all = [a; LANES];
        for i in 0..LANES {
            all[i] = s.load(&rows[i]);
        }
        moved.extend(s.transpose(all));
        let rounded = [s.add(a, b), s.sub(a, b), s.mul(a, b), s.div(a, b), s.sqrt(a), s.fma(a, b, c)];
        let sum = s.sum_lanes(s.sum_add(s.sum_add(s.sum_zero(), a), b));
        let store = |vectors: &[S::V]| {
            let mut out = vec![[0.0; LANES]; vectors.len()];
            for i in 0..vectors.len() {
                s.store(&mut out[i], vectors[i]);
            }
            for n in 0..=LANES {
                let mut head = [0.5; LANES];
                s.store_head(&mut head[..n], vectors[0]);
                out.push(head);
            }
            out
        };
        let moved = store(&moved).as_flattened().iter().map(|x| x.to_bits()).collect();
        let sum = sum.iter().map(|x| if x.is_nan() { f64::NAN } else { *x }.to_bits()).collect();
        (moved, bits(store(&rounded).as_flattened()), sum)
    }
}

#[test]
fn every_operation_gives_the_same_bits_on_every_instruction_set() {
    let mut rng = Rng(43);
    let specials = specials();
    for _ in 0..sized(20_000, 10) {
        let mut rows = [[0.0; LANES]; LANES];
        for x in rows.as_flattened_mut() {
            *x = match rng.below(4) {
                0 => specials[rng.below(specials.len())],
                1 => rng.signed(),
                _ => any(&mut rng),
            };
        }
        let mut seen = None;
        for isa in isas() {
            let now = isa.run(Everything(&rows));
            assert!(*seen.get_or_insert_with(|| now.clone()) == now, "{}: {rows:?}", isa.name());
        }
    }
}
