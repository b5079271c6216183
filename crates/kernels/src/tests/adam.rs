use super::{Rng, bits, in_pool, isas, sized};
use crate::adam::{Adam, step};

#[test]
fn three_steps_match_f64_and_all_instruction_sets_agree_to_the_bit() {
    let mut rng = Rng(9);
    for len in [0, 1, 15, 16, 17, 70, sized(20_001, 8_193)] {
        let start = rng.many(len);
        let grads: Vec<Vec<f32>> = (0..3).map(|_| rng.many(len)).collect();
        let adam = Adam::default();
        let (mut p64, mut m64, mut v64) =
            (start.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), vec![0.0; len], vec![0.0; len]);
        for (t, g) in grads.iter().enumerate() {
            let t = t as f64 + 1.0;
            for i in 0..len {
                let g = f64::from(g[i]);
                m64[i] = adam.beta1 * m64[i] + (1.0 - adam.beta1) * g;
                v64[i] = adam.beta2 * v64[i] + (1.0 - adam.beta2) * g * g;
                let root = f64::sqrt(v64[i]) / (1.0 - adam.beta2.powf(t)).sqrt() + adam.eps;
                p64[i] -= adam.learning_rate / (1.0 - adam.beta1.powf(t)) * m64[i] / root;
            }
        }
        let mut seen = None;
        for isa in isas() {
            for threads in [1, 3] {
                let (mut p, mut m, mut v) = (start.clone(), vec![0.0; len], vec![0.0; len]);
                in_pool(threads, || {
                    for (t, g) in grads.iter().enumerate() {
                        step(isa, &adam, t as u64 + 1, &mut p, g, &mut m, &mut v);
                    }
                });
                for i in 0..len {
                    assert!((f64::from(p[i]) - p64[i]).abs() < 2e-7, "{} instead of {}", p[i], p64[i]);
                }
                let now = (bits(&p), bits(&m), bits(&v));
                assert!(*seen.get_or_insert(now.clone()) == now, "{}", isa.name());
            }
        }
    }
}

#[test]
fn the_first_step_is_the_learning_rate_whatever_the_gradient() {
    for isa in isas() {
        for g in [1e-3f32, 1.0, -1e4] {
            let (mut p, mut m, mut v) = ([0.0], [0.0], [0.0]);
            step(isa, &Adam::default(), 1, &mut p, &[g], &mut m, &mut v);
            assert!((p[0].abs() - 1e-3).abs() < 2e-8 && p[0].signum() != g.signum(), "{}", p[0]);
        }
        let (mut p, mut m, mut v) = ([1.0], [0.0], [0.0]);
        step(isa, &Adam::default(), 1, &mut p, &[0.0], &mut m, &mut v);
        assert_eq!(p, [1.0]);
        step(isa, &Adam::default(), 2, &mut p, &[f32::NAN], &mut m, &mut v);
        assert!(p[0].is_nan());
    }
}
