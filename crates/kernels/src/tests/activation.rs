use super::{Rng, assert_close, bits, isas, sized};
use crate::activation::{Activation, apply, backward};

const ALL: [Activation; 4] = [Activation::Relu, Activation::Tanh, Activation::Softplus, Activation::Elu];

fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Activation::Elu => {
            if x > 0.0 {
                x
            } else {
                x.exp_m1()
            }
        }
    }
}

fn grad(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => f64::from(x > 0.0),
        Activation::Tanh => 1.0 - x.tanh().powi(2),
        Activation::Softplus => 1.0 / (1.0 + (-x).exp()),
        Activation::Elu => {
            if x > 0.0 {
                1.0
            } else {
                x.exp()
            }
        }
    }
}

#[test]
fn every_activation_and_its_grad_match_f64_from_tiny_to_extreme_inputs() {
    let mut rng = Rng(21);
    for activation in ALL {
        for len in [0, 1, 16, 70, sized(20_000, 300)] {
            // Of all sizes: 1e-6 to 1e2.
            let x: Vec<f32> = (0..len).map(|_| rng.signed() * 10f32.powf(4.0 * rng.signed() - 2.0)).collect();
            let dy = rng.many(len);
            let want: Vec<f64> = x.iter().map(|&x| value(activation, f64::from(x))).collect();
            let want_dx: Vec<f64> =
                x.iter().zip(&dy).map(|(&x, &dy)| f64::from(dy) * grad(activation, f64::from(x))).collect();
            let mut seen = None;
            for isa in isas() {
                let (mut y, mut dx) = (x.clone(), dy.clone());
                apply(isa, activation, &mut y);
                backward(isa, activation, &y, &mut dx);
                for (y, want) in y.iter().zip(&want) {
                    // Subnormal results may be 0.
                    assert!((f64::from(*y) - want).abs() <= 4e-7 * want.abs() + 1e-37, "{activation:?}: {y} {want}");
                }
                assert_close(&dx, &want_dx, 4e-7);
                let now = (bits(&y), bits(&dx));
                assert!(*seen.get_or_insert(now.clone()) == now, "{}", isa.name());
            }
        }
    }
}

#[test]
fn activations_saturate_without_overflow_and_keep_nan() {
    for isa in isas() {
        for (activation, low, high) in [
            (Activation::Relu, 0.0, f32::INFINITY),
            (Activation::Tanh, -1.0, 1.0),
            (Activation::Softplus, 0.0, f32::INFINITY),
            (Activation::Elu, -1.0, f32::INFINITY),
        ] {
            let mut y = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -1e30, 1e30];
            apply(isa, activation, &mut y);
            assert!(y[0].is_nan(), "{activation:?}");
            assert_eq!((y[1], y[2], y[3]), (low, high, low), "{activation:?}");
            assert_eq!(y[4], if high == 1.0 { 1.0 } else { 1e30 }, "{activation:?}");
        }
    }
}
