use super::{Rng, assert_close, bits, in_pool, isas, sized};
use crate::likelihood::{Loss, Scale, row_sums, row_sums_and_grad};

/// ln sigmoid(l). Below -700 ln(1 + e^-l) is -l to the last digit of an f64, and e^-l soon overflows.
fn log_sigmoid(l: f64) -> f64 {
    if l < -700.0 { l } else { -(-l).exp().ln_1p() }
}

/// (value, gradient) of an element by the definition of its loss, in `f64`. For Bernoulli variables of probability
/// p = sigmoid(l) that is -x ln p - (1 - x) ln(1 - p), where 1 - p = sigmoid(-l); for x in [0, 1] no term is negative, so
/// nothing cancels. Its derivative in l is p - x.
fn reference(loss: Loss, p: f32, x: f32) -> (f64, f64) {
    let (p, x) = (f64::from(p), f64::from(x));
    match loss {
        Loss::BernoulliLogits => (-x * log_sigmoid(p) - (1.0 - x) * log_sigmoid(-p), log_sigmoid(p).exp() - x),
        Loss::Squared => ((p - x).powi(2), 2.0 * (p - x)),
    }
}

#[test]
fn losses_are_those_of_pytorch() {
    // import torch, torch.nn.functional as F                                    # 2.15.0, in float64
    // l = torch.tensor([-12.5, -4.25, -1., -0.125, 0., 0.375, 1., 2.5, 6.], dtype=torch.float64, requires_grad=True)
    // x = torch.tensor([1., 0.25, 0.75, 1., 0.5, 0., 1., 0.0625, 1.], dtype=torch.float64)
    let l = [-12.5, -4.25, -1.0, -0.125, 0.0, 0.375, 1.0, 2.5, 6.0];
    let x = [1.0, 0.25, 0.75, 1.0, 0.5, 0.0, 1.0, 0.0625, 1.0];
    // bce = F.binary_cross_entropy(torch.sigmoid(l), x, reduction='none'); bce.sum().backward(); print(bce, l.grad)
    let bce = [
        12.500003726646229,
        1.076663456931505,
        1.0632616875182228,
        0.757599035317169,
        std::f64::consts::LN_2,
        0.8981232641398398,
        0.3132616875182228,
        2.422639734292551,
        0.0024756851377303315,
    ];
    let bce_grad = [
        -0.9999962733607157,
        -0.23593637295675454,
        -0.48105857863000484,
        -0.5312093733737562,
        0.0,
        0.5926665999540697,
        -0.2689414213699951,
        0.8616418199787567,
        -0.002472623156634657,
    ];
    // l.grad = None; mse = F.mse_loss(l, x, reduction='none'); mse.sum().backward(); print(mse, l.grad)
    let mse = [182.25, 20.25, 3.0625, 1.265625, 0.25, 0.140625, 0.0, 5.94140625, 25.0];
    let mse_grad = [-27.0, -9.0, -3.5, -2.25, -1.0, 0.75, 0.0, 4.875, 10.0];
    for isa in isas() {
        for (loss, values, grads) in [(Loss::BernoulliLogits, bce, bce_grad), (Loss::Squared, mse, mse_grad)] {
            // One column, so that the row sums are the elements.
            let (mut sums, mut grad) = ([0.0; 9], [0.0; 9]);
            row_sums_and_grad(isa, loss, &l, &x, 1, Scale::All(1.0), &mut sums, &mut grad);
            for i in 0..l.len() {
                assert!(
                    (f64::from(sums[i]) - values[i]).abs() <= 3e-7 * values[i],
                    "{loss:?} of {}: {}",
                    l[i],
                    sums[i]
                );
                assert!((f64::from(grad[i]) - grads[i]).abs() <= 1.3e-7 * grads[i].abs().max(1.0), "{}", grad[i]);
                // The reference of the other tests is held to the same numbers, more closely.
                let (value, gradient) = reference(loss, l[i], x[i]);
                assert!((value - values[i]).abs() <= 1e-11 * values[i], "{value}");
                assert!((gradient - grads[i]).abs() <= 1e-11, "{gradient}");
            }
        }
    }
}

/// Logits over the whole range, finely near 0, with the awkward ones.
fn logits() -> Vec<f32> {
    let step = sized(1, 1000);
    let mut all: Vec<f32> = (-30_000..=30_000).step_by(step).map(|i| i as f32 * 1e-3).collect();
    all.extend((-2000..=2000).step_by(step).map(|i| i as f32 * 0.05));
    for x in [0.0, 1e-45, 1e-40, 1.2e-38, 1e-20, 1e-7, 30.0, 86.9, 87.3, 87.4, 88.0, 100.0, 104.0, 1e4, 1e30] {
        all.extend([x, -x]);
    }
    all
}

#[test]
fn single_elements_are_right_over_the_whole_range() {
    for isa in isas() {
        let (mut worst_value, mut worst_grad) = (0.0f64, 0.0f64);
        for target in [0.0, 1.0, 0.3, 1.0 / 255.0] {
            let logits = logits();
            let targets = vec![target; logits.len()];
            let (mut value, mut grad) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
            // One column, so that the row sums are the elements.
            row_sums_and_grad(isa, Loss::BernoulliLogits, &logits, &targets, 1, Scale::All(1.0), &mut value, &mut grad);
            for i in 0..logits.len() {
                let (want_value, want_grad) = reference(Loss::BernoulliLogits, logits[i], target);
                // Results below the smallest normal number are 0: no relative error there.
                let size = want_value.abs().max(1e-30);
                worst_value = worst_value.max((f64::from(value[i]) - want_value).abs() / size);
                worst_grad = worst_grad.max((f64::from(grad[i]) - want_grad).abs());
            }
        }
        println!("{}: value {worst_value:.2e} relative, grad {worst_grad:.2e} absolute", isa.name());
        assert!(worst_value < 6e-7 && worst_grad < 1.3e-7, "{}: {worst_value:e} {worst_grad:e}", isa.name());
    }
}

#[test]
fn random_shapes_match_f64() {
    let mut rng = Rng(5);
    for round in 0..sized(200, 4) {
        let (rows, cols) = (rng.below(70), rng.below(71));
        let loss = if round % 2 == 0 { Loss::BernoulliLogits } else { Loss::Squared };
        let p: Vec<f32> = (0..rows * cols).map(|_| rng.signed() * 12.0).collect();
        let x: Vec<f32> = (0..rows * cols).map(|_| rng.signed().abs()).collect();
        let scale = rng.many(rows);
        let pairs: Vec<(f64, f64)> = p.iter().zip(&x).map(|(&p, &x)| reference(loss, p, x)).collect();
        let want_sums: Vec<f64> =
            (0..rows).map(|r| pairs[r * cols..(r + 1) * cols].iter().map(|e| e.0).sum()).collect();
        let want_grad: Vec<f64> = pairs.iter().enumerate().map(|(i, e)| e.1 * f64::from(scale[i / cols])).collect();
        for isa in isas() {
            let (mut sums, mut grads) = (vec![9.0; rows], vec![9.0; p.len()]);
            row_sums_and_grad(isa, loss, &p, &x, cols, Scale::Rows(&scale), &mut sums, &mut grads);
            for (&got, &want) in sums.iter().zip(&want_sums) {
                assert!((f64::from(got) - want).abs() <= 3e-7 * want.abs(), "{got} instead of {want}");
            }
            assert_close(&grads, &want_grad, 3e-7);
        }
    }
}

#[test]
fn sums_of_images_are_within_a_millionth_and_the_same_on_any_threads() {
    let mut rng = Rng(6);
    let (rows, cols) = (sized(128, 12), 784);
    let p: Vec<f32> = (0..rows * cols).map(|_| rng.signed() * 8.0 - 4.0).collect();
    let x: Vec<f32> = rng.sparse(rows * cols, 0.8).iter().map(|x| x.abs()).collect();
    let mut seen = None;
    for isa in isas() {
        for threads in [1, 2, 4] {
            let (mut sums, mut grads) = (vec![0.0; rows], vec![0.0; rows * cols]);
            in_pool(threads, || {
                row_sums_and_grad(isa, Loss::BernoulliLogits, &p, &x, cols, Scale::All(0.25), &mut sums, &mut grads);
            });
            for (r, &sum) in sums.iter().enumerate() {
                let want: f64 =
                    (r * cols..(r + 1) * cols).map(|i| reference(Loss::BernoulliLogits, p[i], x[i]).0).sum();
                assert!((f64::from(sum) / want - 1.0).abs() < 1e-7, "{sum} instead of {want}");
            }
            let now = (bits(&sums), bits(&grads));
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
            let (mut sums, mut grads) = ([0.0; 4], [0.0; 4]);
            row_sums_and_grad(isa, loss, &p, &x, 1, Scale::All(1.0), &mut sums, &mut grads);
            assert!(sums[0].is_nan() && grads[0].is_nan() && sums[1].is_nan() && grads[1].is_nan());
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
