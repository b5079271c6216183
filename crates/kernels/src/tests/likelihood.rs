use super::{Rng, assert_close, bits, fused_isas, in_pool, isas};
use crate::likelihood::{Loss, row_sums, row_sums_and_grad};
use crate::parallel::Scale;

fn plain(loss: Loss, p: f32, x: f32) -> (f64, f64) {
    let (p, x) = (f64::from(p), f64::from(x));
    match loss {
        Loss::BernoulliLogits => {
            let u = (-p.abs()).exp();
            let sigmoid = if p > 0.0 { 1.0 / (1.0 + u) } else { u / (1.0 + u) };
            (p.max(0.0) - p * x + u.ln_1p(), sigmoid - x)
        }
        Loss::Squared => ((p - x) * (p - x), 2.0 * (p - x)),
    }
}

/// Logits over the whole range, finely near 0, with the awkward ones.
fn logits() -> Vec<f32> {
    let mut all: Vec<f32> = (-30_000..=30_000).map(|i| i as f32 * 1e-3).collect();
    all.extend((-2000..=2000).map(|i| i as f32 * 0.05));
    for x in [0.0, 1e-45, 1e-40, 1.2e-38, 1e-20, 1e-7, 30.0, 86.9, 87.3, 87.4, 88.0, 100.0, 104.0, 1e4, 1e30] {
        all.extend([x, -x]);
    }
    all
}

#[test]
fn single_elements_are_right_over_the_whole_range() {
    for isa in isas() {
        let (mut worst_value, mut worst_slope) = (0.0f64, 0.0f64);
        for target in [0.0, 1.0, 0.3, 1.0 / 255.0] {
            let logits = logits();
            let targets = vec![target; logits.len()];
            let (mut value, mut slope) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
            // One column, so that the row sums are the elements.
            row_sums_and_grad(
                isa,
                Loss::BernoulliLogits,
                &logits,
                &targets,
                1,
                Scale::All(1.0),
                &mut value,
                &mut slope,
            );
            for i in 0..logits.len() {
                let (want_value, want_slope) = plain(Loss::BernoulliLogits, logits[i], target);
                // Results below the smallest normal number are 0: no relative error there.
                let size = want_value.abs().max(1e-30);
                worst_value = worst_value.max((f64::from(value[i]) - want_value).abs() / size);
                worst_slope = worst_slope.max((f64::from(slope[i]) - want_slope).abs());
            }
        }
        println!("{}: value {worst_value:.2e} relative, slope {worst_slope:.2e} absolute", isa.name());
        assert!(worst_value < 6e-7 && worst_slope < 1.3e-7, "{}: {worst_value:e} {worst_slope:e}", isa.name());
    }
}

#[test]
fn random_shapes_match_f64() {
    let mut rng = Rng(5);
    for round in 0..200 {
        let (rows, cols) = (rng.below(70), rng.below(71));
        let loss = if round % 2 == 0 { Loss::BernoulliLogits } else { Loss::Squared };
        let p: Vec<f32> = (0..rows * cols).map(|_| rng.signed() * 12.0).collect();
        let x: Vec<f32> = (0..rows * cols).map(|_| rng.signed().abs()).collect();
        let scale = rng.many(rows);
        let pairs: Vec<(f64, f64)> = p.iter().zip(&x).map(|(&p, &x)| plain(loss, p, x)).collect();
        let want_sums: Vec<f64> =
            (0..rows).map(|r| pairs[r * cols..(r + 1) * cols].iter().map(|e| e.0).sum()).collect();
        let want_grad: Vec<f64> = pairs.iter().enumerate().map(|(i, e)| e.1 * f64::from(scale[i / cols])).collect();
        for isa in isas() {
            let (mut sums, mut slopes) = (vec![9.0; rows], vec![9.0; p.len()]);
            row_sums_and_grad(isa, loss, &p, &x, cols, Scale::Rows(&scale), &mut sums, &mut slopes);
            for (&got, &want) in sums.iter().zip(&want_sums) {
                assert!((f64::from(got) - want).abs() <= 3e-7 * want.abs(), "{got} instead of {want}");
            }
            assert_close(&slopes, &want_grad, 3e-7);
        }
    }
}

#[test]
fn sums_of_images_are_within_a_millionth_and_the_same_on_any_threads() {
    let mut rng = Rng(6);
    let (rows, cols) = (128, 784);
    let p: Vec<f32> = (0..rows * cols).map(|_| rng.signed() * 8.0 - 4.0).collect();
    let x: Vec<f32> = rng.sparse(rows * cols, 0.8).iter().map(|x| x.abs()).collect();
    let mut seen = None;
    for isa in fused_isas() {
        for threads in [1, 2, 4] {
            let (mut sums, mut slopes) = (vec![0.0; rows], vec![0.0; rows * cols]);
            in_pool(threads, || {
                row_sums_and_grad(isa, Loss::BernoulliLogits, &p, &x, cols, Scale::All(0.25), &mut sums, &mut slopes);
            });
            for (r, &sum) in sums.iter().enumerate() {
                let want: f64 = (r * cols..(r + 1) * cols).map(|i| plain(Loss::BernoulliLogits, p[i], x[i]).0).sum();
                assert!((f64::from(sum) / want - 1.0).abs() < 1e-7, "{sum} instead of {want}");
            }
            let now = (bits(&sums), bits(&slopes));
            assert!(*seen.get_or_insert(now.clone()) == now, "{}, {threads} threads", isa.name());
        }
    }
}

#[test]
fn nan_and_infinity_are_not_hidden() {
    for isa in isas() {
        for loss in [Loss::BernoulliLogits, Loss::Squared] {
            let p = [f32::NAN, 0.5, f32::INFINITY, f32::NEG_INFINITY];
            let x = [0.5, f32::NAN, 0.5, 0.5];
            let (mut sums, mut slopes) = ([0.0; 4], [0.0; 4]);
            row_sums_and_grad(isa, loss, &p, &x, 1, Scale::All(1.0), &mut sums, &mut slopes);
            assert!(sums[0].is_nan() && slopes[0].is_nan() && sums[1].is_nan() && slopes[1].is_nan());
            assert!(!sums[2].is_finite() && !sums[3].is_finite());
        }
    }
}

#[test]
fn sums_of_many_rows_for_each_target_are_those_of_the_loss_with_its_gradient() {
    let mut rng = Rng(7);
    for (targets, each, cols) in [(1, 1, 1), (1, 600, 784), (5, 3, 33), (3, 40, 16), (2, 2, 0), (4, 0, 9), (0, 0, 0)] {
        let rows = targets * each;
        let p: Vec<f32> = (0..rows * cols).map(|_| rng.signed() * 12.0).collect();
        let x: Vec<f32> = (0..targets * cols).map(|_| rng.signed().abs()).collect();
        let repeated: Vec<f32> = x.chunks(cols.max(1)).flat_map(|row| row.repeat(each)).collect();
        for isa in isas() {
            for loss in [Loss::BernoulliLogits, Loss::Squared] {
                let (mut sums, mut expected, mut slopes) = (vec![9.0; rows], vec![9.0; rows], vec![9.0; p.len()]);
                row_sums(isa, loss, &p, &x, targets, &mut sums);
                row_sums_and_grad(isa, loss, &p, &repeated, cols, Scale::All(1.0), &mut expected, &mut slopes);
                assert_eq!(bits(&sums), bits(&expected), "{}: {targets} x {each} x {cols}", isa.name());
            }
        }
    }
}
