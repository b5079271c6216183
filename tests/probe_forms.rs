//! Losses that are written here as closures, by their definitions, are identified from their values alone: every
//! reconstruction beside every KL under every reduction, and every slip.

use vae_bench::error::Error;
use vae_bench::probe::{
    Effect, Energy, Estimate, Finding, Fixed, Inputs, Joint, Likelihood, Limit, Oracle, Outcome, Part, PixelMap, Plan,
    Reading, ReconForm, Reply, Shape, Unanswered, identify,
};

fn outcome(mut loss: impl FnMut(&Inputs) -> f64) -> Outcome {
    identify(&mut loss, &Plan::of(1, 28)).unwrap()
}

#[track_caller]
fn found(loss: impl FnMut(&Inputs) -> f64) -> Finding {
    match outcome(loss) {
        Outcome::Found(finding) => *finding,
        other => panic!("{other:#?}"),
    }
}

#[track_caller]
fn refused(loss: impl FnMut(&Inputs) -> f64) -> String {
    match outcome(loss) {
        Outcome::Refused(refusal) => refusal.reason,
        other => panic!("{other:#?}"),
    }
}

/// Sum over all pixels of the batch.
fn pixels(of: impl Fn(f64, f64) -> f64) -> impl Fn(&Inputs) -> f64 {
    move |i| i.recon.iter().zip(&i.x).map(|(&r, &x)| of(r, x)).sum()
}

/// Sum over all latents of the batch.
fn latents(of: impl Fn(f64, f64) -> f64) -> impl Fn(&Inputs) -> f64 {
    move |i| i.mean.iter().zip(&i.logvar).map(|(&m, &v)| of(m, v)).sum()
}

fn bce(p: f64, x: f64) -> f64 {
    -(x * p.ln() + (1.0 - x) * (1.0 - p).ln())
}

/// F.binary_cross_entropy_with_logits.
fn bce_logits(l: f64, x: f64) -> f64 {
    l.max(0.0) - l * x + (-l.abs()).exp().ln_1p()
}

fn squared(r: f64, x: f64) -> f64 {
    (r - x).powi(2)
}

fn closed(m: f64, v: f64) -> f64 {
    -0.5 * (1.0 + v - m * m - v.exp())
}

/// B, D, d as numbers.
fn sizes(s: Shape) -> (f64, f64, f64) {
    (s.batch as f64, s.pixels as f64, s.latents as f64)
}

type Loss = Box<dyn Fn(&Inputs) -> f64>;

/// A reduction's name, and its weight for a batch of images of so many elements.
type Reduction = (&'static str, fn(f64, f64) -> f64);

/// Every reduction of a sum over the batch, with the weight that it puts on the per-image value.
const REDUCTIONS: [Reduction; 5] = [
    ("1", |b, _| 1.0 / b),
    ("1/N", |b, n| 1.0 / (b * n)),
    ("B", |_, _| 1.0),
    ("1/B", |b, _| 1.0 / (b * b)),
    ("B/N", |_, n| 1.0 / n),
];

fn weight_text(text: &str, elements: &str) -> String {
    text.replace('N', elements)
}

#[test]
fn every_reconstruction_beside_every_kl_under_every_reduction() {
    let recons: [(Loss, ReconForm); 4] = [
        (Box::new(pixels(bce)), ReconForm::BCE),
        (Box::new(pixels(bce_logits)), ReconForm::BCE_LOGITS),
        (Box::new(pixels(squared)), ReconForm::SQUARED),
        (Box::new(pixels(|r, x| (r - x).abs())), ReconForm::ABSOLUTE),
    ];
    let kls: [(Loss, Reading); 4] = [
        (Box::new(latents(closed)), Reading::LogVariance),
        (Box::new(latents(|m, v| -0.5 * (1.0 + 2.0 * v - m * m - (2.0 * v).exp()))), Reading::LogDeviation),
        (Box::new(latents(|m, s| 0.5 * (m * m + s * s - (s * s).ln() - 1.0))), Reading::Deviation),
        (Box::new(latents(|m, v| 0.5 * (m * m + v - v.ln() - 1.0))), Reading::Variance),
    ];
    for (recon, form) in &recons {
        for (kl, reading) in &kls {
            for (i, (a, recon_scale)) in REDUCTIONS.iter().enumerate() {
                // Each reduction of one beside two of the other: all pairs are met over the losses.
                for j in [i, i + 1] {
                    let (b, kl_scale) = REDUCTIONS[j % REDUCTIONS.len()];
                    let finding = found(|inputs| {
                        let (n, d, z) = sizes(inputs.shape);
                        recon_scale(n, d) * recon(inputs) + 0.05 * kl_scale(n, z) * kl(inputs)
                    });
                    assert_eq!(finding.recon, *form);
                    let found_kl = finding.kl.unwrap();
                    assert!(found_kl.coefficients.is_kl());
                    assert_eq!((found_kl.reading, found_kl.limit), (*reading, Limit::None));
                    assert_eq!(finding.recon_weight.to_string(), weight_text(a, "D"));
                    let with_number = weight_text(b, "d").replacen('1', "0.05", 1).replace("B/", "0.05*B/");
                    let with_number = if with_number == "B" { "0.05*B".to_owned() } else { with_number };
                    assert_eq!(finding.kl_weight.to_string(), with_number);
                    assert!(finding.evidence.worst < 1e-6, "{:?}", finding.evidence);
                }
            }
        }
    }
}

#[test]
fn the_rarer_reconstructions_are_told_apart() {
    let kl = latents(closed);
    let per_image = |i: &Inputs, of: &dyn Fn(f64) -> f64| -> f64 {
        let d = i.shape.pixels;
        let sums = i
            .recon
            .chunks(d)
            .zip(i.x.chunks(d))
            .map(|(r, x)| of(r.iter().zip(x).map(|(r, x)| squared(*r, *x)).sum::<f64>()));
        sums.sum::<f64>() / i.shape.batch as f64
    };
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let log_c = |p: f64| (2.0 * (1.0 - 2.0 * p).atanh() / (1.0 - 2.0 * p)).ln();
    let check = |loss: Loss, joint: Joint, energy: Energy, map: PixelMap, a: &str| {
        let finding = found(|i| loss(i) + kl(i) / i.shape.batch as f64);
        assert_eq!((finding.recon.joint, finding.recon.energy, finding.recon.recon_map), (joint, energy, map));
        assert_eq!(finding.recon_weight.to_string(), a);
    };
    use Joint::{LogOfBatch, LogOfImage, Mean, RootOfBatch, RootOfImage};
    use PixelMap::{FromSymmetric, Identity, Sigmoid, Tanh};
    let mean = |of: fn(f64, f64) -> f64| -> Loss { Box::new(move |i| pixels(of)(i) / i.shape.batch as f64) };
    check(mean(|r, x| bce(0.5 * (r + 1.0), 0.5 * (x + 1.0))), Mean, Energy::CrossEntropy, FromSymmetric, "1");
    check(mean(|r, x| bce(x, r)), Mean, Energy::CrossEntropySwapped, Identity, "1");
    check(mean(|r, x| -x * r.ln()), Mean, Energy::CrossEntropyOfLit, Identity, "1");
    check(mean(|r, x| r - x * r.ln()), Mean, Energy::Poisson, Identity, "1");
    check(mean(|r, x| (r - x).cosh().ln()), Mean, Energy::LogCosh, Identity, "1");
    check(mean(|r, x| squared(r.tanh(), x)), Mean, Energy::Squared, Tanh, "1");
    let s = move |r: f64, x: f64| squared(sigmoid(r), x);
    check(Box::new(move |i| pixels(s)(i)), Mean, Energy::Squared, Sigmoid, "B");
    let cb = move |p: f64, x: f64| bce(p, x) - log_c(p);
    check(Box::new(move |i| pixels(cb)(i)), Mean, Energy::ContinuousBernoulli, Identity, "B");
    let mse = |i: &Inputs| pixels(squared)(i) / i.recon.len() as f64;
    check(Box::new(move |i| mse(i).ln()), LogOfBatch, Energy::Squared, Identity, "1");
    check(Box::new(move |i| 0.5 * i.shape.pixels as f64 * mse(i).ln()), LogOfBatch, Energy::Squared, Identity, "0.5*D");
    check(
        Box::new(move |i| per_image(i, &|s| (s / i.shape.pixels as f64).ln())),
        LogOfImage,
        Energy::Squared,
        Identity,
        "1",
    );
    check(Box::new(move |i| mse(i).sqrt()), RootOfBatch, Energy::Squared, Identity, "1/sqrt(D)");
    check(Box::new(move |i| per_image(i, &f64::sqrt)), RootOfImage, Energy::Squared, Identity, "1");
}

#[test]
fn constants_say_which_density_it_is() {
    let kl = latents(closed);
    let two_pi = 2.0 * std::f64::consts::PI;
    let gaussian =
        |i: &Inputs, s2: f64| pixels(squared)(i) / (2.0 * s2) + 0.5 * i.recon.len() as f64 * (two_pi * s2).ln();
    for sigma2 in [1.0, 0.05, 2.5] {
        let finding = found(|i| (gaussian(i, sigma2) + kl(i)) / i.shape.batch as f64);
        let Likelihood::Gaussian { sigma2: said, weight } = finding.likelihood else { panic!("{finding:?}") };
        assert!((said - sigma2).abs() < 1e-9);
        assert_eq!(weight.to_string(), "1");
    }
    let finding = found(|i| gaussian(i, 0.3) + kl(i));
    assert!(matches!(finding.likelihood, Likelihood::Gaussian { ref weight, .. } if weight.to_string() == "B"));
    let laplace = |r: f64, x: f64| (r - x).abs() / 0.2 + 0.4f64.ln();
    let finding = found(|i| (pixels(laplace)(i) + kl(i)) / i.shape.batch as f64);
    assert!(matches!(finding.likelihood, Likelihood::Laplace { scale, .. } if (scale - 0.2).abs() < 1e-9));
    let finding = found(|i| {
        let mse = pixels(squared)(i) / i.recon.len() as f64;
        0.5 * i.recon.len() as f64 * ((two_pi * mse).ln() + 1.0) + kl(i)
    });
    assert!(matches!(finding.likelihood, Likelihood::GaussianOptimal { ref weight } if weight.to_string() == "B"));
    let finding = found(|i| (0.5 * pixels(squared)(i) + kl(i)) / i.shape.batch as f64);
    assert_eq!(finding.likelihood, Likelihood::None, "without its constants it is half a squared error");
    let finding = found(|i| (0.5 * pixels(squared)(i) + kl(i)) / i.shape.batch as f64 + 3.25);
    assert_eq!((finding.likelihood, finding.constant.unwrap().to_string()), (Likelihood::None, "3.25".to_owned()));
}

#[test]
fn every_slip_of_the_kl_is_named_and_weighed() {
    let s = pixels(squared);
    let check = |of: fn(f64, f64) -> f64, reading: Reading, [mean, variance, log]: [f64; 3], b: &str| {
        let finding = found(|i| (s(i) + latents(of)(i)) / i.shape.batch as f64);
        let kl = finding.kl.unwrap();
        let c = kl.coefficients;
        assert_eq!(kl.reading, reading, "{kl:?}");
        let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(close(c.mean_square, mean) && close(c.variance, variance) && close(c.log_variance, log), "{c:?}");
        assert_eq!(finding.kl_weight.to_string(), b);
    };
    let kl = [1.0, 1.0, -1.0];
    check(|m, v| m * m + v.exp() - v - 1.0, Reading::LogVariance, kl, "2");
    check(|m, v| 0.5 * (m * m + (0.5 * v).exp() - v - 1.0), Reading::HalfExponent, kl, "1");
    check(|m, v| 0.5 * (m * m + v.exp() - 1.0), Reading::LogVariance, [1.0, 1.0, 0.0], "1");
    check(|_, v| 0.5 * (v.exp() - 1.0 - v), Reading::LogVariance, [0.0, 1.0, -1.0], "1");
    // sigma^2 + mu^2 - log(sigma) - 1/2, with sigma itself, its logarithm, and the log variance.
    check(|m, s| s * s + m * m - s.ln() - 0.5, Reading::Deviation, [1.0, 1.0, -0.5], "2");
    check(|m, l| (2.0 * l).exp() + m * m - l - 0.5, Reading::LogDeviation, [1.0, 1.0, -0.5], "2");
    check(|m, v| v.exp() + m * m - 0.5 * v - 0.5, Reading::LogVariance, [1.0, 1.0, -0.5], "2");
    // KL(N(mu, sigma^2) || N(0, 4)).
    check(
        |m, v| 0.5 * (m * m / 4.0 + v.exp() / 4.0 - 1.0 - v + 4f64.ln()),
        Reading::LogVariance,
        [1.0, 1.0, -4.0],
        "0.25",
    );
    let softplus = |s: f64| s.exp().ln_1p();
    let finding = found(|i| {
        let kl = latents(|m, v| 0.5 * (m * m + softplus(v).powi(2) - 2.0 * softplus(v).ln() - 1.0));
        (s(i) + kl(i)) / i.shape.batch as f64
    });
    assert_eq!(finding.kl.unwrap().reading, Reading::SoftplusDeviation);
}

#[test]
fn every_kind_of_free_bits_and_capacity_is_told_apart_with_its_amount() {
    let s = pixels(squared);
    let rows = |i: &Inputs| -> Vec<Vec<f64>> {
        let z = i.shape.latents;
        let k: Vec<f64> = i.mean.iter().zip(&i.logvar).map(|(m, v)| closed(*m, *v)).collect();
        k.chunks(z).map(<[f64]>::to_vec).collect()
    };
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let columns = |rows: &[Vec<f64>]| -> Vec<f64> {
        (0..rows[0].len()).map(|j| mean(&rows.iter().map(|row| row[j]).collect::<Vec<_>>())).collect()
    };
    let totals = |rows: &[Vec<f64>]| -> Vec<f64> { rows.iter().map(|row| row.iter().sum()).collect() };
    type Kl<'a> = Box<dyn Fn(&Inputs) -> f64 + 'a>;
    let cases: Vec<(Kl<'_>, &str, &str)> = vec![
        (
            Box::new(|i| rows(i).iter().flatten().map(|k| k.max(0.5)).sum::<f64>() / i.shape.batch as f64),
            "sum_j max(K_ij, 0.5)",
            "1",
        ),
        (Box::new(|i| columns(&rows(i)).iter().map(|k| k.max(0.1)).sum()), "sum_j max(mean_i K_ij, 0.1)", "1"),
        (Box::new(|i| mean(&totals(&rows(i)).iter().map(|k| k.max(3.0)).collect::<Vec<_>>())), "max(K_i, 3)", "1"),
        (
            Box::new(|i| {
                let free = 0.5 * i.shape.latents as f64;
                mean(&totals(&rows(i)).iter().map(|k| k.max(free)).collect::<Vec<_>>())
            }),
            "max(K_i, 0.5*d)",
            "1",
        ),
        (Box::new(|i| 0.2 * mean(&totals(&rows(i))).max(2.0)), "max(K, 2)", "0.2"),
        (Box::new(|i| (mean(&totals(&rows(i))) - 2.0).max(0.0)), "max(K, 2)", "1"),
        (Box::new(|i| 1000.0 * (mean(&totals(&rows(i))) - 25.0).abs()), "|K - 25|", "1000"),
        (
            Box::new(|i| 10.0 * mean(&totals(&rows(i)).iter().map(|k| (k - 5.0).abs()).collect::<Vec<_>>())),
            "|K_i - 5|",
            "10",
        ),
        (
            Box::new(|i| rows(i).iter().flatten().map(|k| k.max(0.5)).sum::<f64>() / i.mean.len() as f64),
            "sum_j max(K_ij, 0.5)",
            "1/d",
        ),
    ];
    for (kl, symbol, b) in cases {
        let finding = found(|i| s(i) / i.shape.batch as f64 + kl(i));
        assert_eq!(finding.kl.unwrap().symbol(), symbol);
        assert_eq!((finding.kl_weight.to_string(), finding.recon_weight.to_string()), (b.to_owned(), "1".to_owned()));
    }
}

#[test]
fn a_sampled_kl_is_identified_under_its_noise() {
    let r = pixels(bce);
    for (reading, sigma) in [
        (Reading::LogVariance, (|v: f64| (0.5 * v).exp()) as fn(f64) -> f64),
        (Reading::LogDeviation, f64::exp),
        (Reading::Deviation, |v| v),
        (Reading::Variance, f64::sqrt),
    ] {
        let finding = found(|i| {
            let mut kl = 0.0;
            for ((m, v), e) in i.mean.iter().zip(&i.logvar).zip(&i.noise) {
                let (z, s) = (m + sigma(*v) * e, sigma(*v));
                // log q - log p, both with their constants.
                kl += -0.5 * e * e - s.ln() + 0.5 * z * z;
            }
            (r(i) / i.shape.pixels as f64 + 3.0 * kl) / i.shape.batch as f64
        });
        let kl = finding.kl.unwrap();
        assert_eq!((kl.estimate, kl.reading), (Estimate::Sampled, reading));
        assert!(kl.coefficients.is_kl());
        assert_eq!((finding.recon_weight.to_string(), finding.kl_weight.to_string()), ("1/D".into(), "3".into()));
    }
    // Without log q: the log-determinant and the noise are missing.
    let finding = found(|i| {
        let z = |((m, v), e): ((&f64, &f64), &f64)| 0.5 * (m + (0.5 * v).exp() * e).powi(2);
        r(i) + i.mean.iter().zip(&i.logvar).zip(&i.noise).map(z).sum::<f64>()
    });
    assert_eq!(finding.kl.unwrap().coefficients.log_variance, 0.0);
}

#[test]
fn weights_that_depend_on_the_batch_twice_or_not_at_all_are_seen() {
    let (r, k) = (pixels(bce), latents(closed));
    let weights = |loss: &dyn Fn(&Inputs) -> f64| {
        let finding = found(loss);
        (finding.recon_weight.to_string(), finding.kl_weight.to_string())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    // The batch divided twice.
    assert_eq!(
        weights(&|i| r(i) / i.recon.len() as f64 + k(i) / (i.shape.batch as f64 * i.mean.len() as f64)),
        pair("1/D", "1/(B*d)")
    );
    // A batch sum broadcast onto per-image terms, then averaged.
    assert_eq!(weights(&|i| r(i) + k(i) / i.shape.batch as f64), pair("B", "1"));
    // Summed over the batch beside a mean: beta is B*D.
    assert_eq!(weights(&|i| r(i) / i.recon.len() as f64 + k(i)), pair("1/D", "B"));
    // 784 and 128 written into the code.
    assert_eq!(weights(&|i| 784.0 * r(i) / i.recon.len() as f64 + k(i) / 100_352.0), pair("784/D", "B/100352"));
    // Two reductions of the same term, added.
    assert_eq!(weights(&|i| (r(i) + r(i) / i.shape.pixels as f64 + k(i)) / i.shape.batch as f64), pair("1 + 1/D", "1"));
    // The KL computed and dropped.
    let finding = found(|i| r(i));
    assert!(finding.kl.is_none() && finding.kl_weight.is_zero());
}

#[test]
fn an_elbo_is_turned_and_a_wrong_sign_is_seen() {
    let (r, k) = (pixels(bce), latents(closed));
    let finding = found(|i| -(r(i) + 4.0 * k(i)) / i.shape.batch as f64);
    assert!(finding.negated);
    assert_eq!((finding.recon_weight.to_string(), finding.kl_weight.to_string()), ("1".into(), "4".into()));
    let finding = found(|i| (r(i) - k(i)) / i.shape.batch as f64);
    assert!(!finding.negated);
    assert_eq!(finding.kl_weight.to_string(), "-1");
}

#[test]
fn what_is_no_weighting_is_refused_with_the_place_of_the_residual() {
    let (r, s, k) = (pixels(bce), pixels(squared), latents(closed));
    let b = |i: &Inputs| i.shape.batch as f64;
    let saturates = latents(|m, _| 0.5 * (m * m / (1.0 + m * m)));
    assert!(refused(|i| (r(i) + saturates(i)) / b(i)).contains("saturates at 0.5 for a latent"));
    assert!(refused(|i| r(i) * (1.0 + 0.01 * k(i)) / b(i)).contains("not added"));
    assert!(refused(|i| (r(i) + k(i).powi(2)) / b(i)).contains("batch beyond"));
    assert!(refused(|i| (pixels(|r, x| (r - x).powi(4))(i) + k(i)) / b(i)).contains("none of those known"));
    assert!(refused(|i| (s(i) + 0.3 * pixels(|r, x| (r - x).abs())(i) + k(i)) / b(i)).contains("mix of two"));
    assert!(refused(|i| (s(i).powi(2) + k(i)) / b(i)).contains("images interact"));
    let smooth = |i: &Inputs| i.recon.windows(2).map(|w| (w[0] - w[1]).powi(2)).sum::<f64>();
    assert!(refused(|i| (s(i) + smooth(i) + k(i)) / b(i)).contains("pixels of one image interact"));
    assert!(refused(|i| k(i) / b(i)).contains("not on the reconstruction"));
    assert!(refused(|_| 1.0).contains("neither"));
    assert!(refused(|i| r(i) + k(i) * (b(i) - 1.0).ln_1p().sin()).contains("b follows B, D and d"));
    let uneven = |i: &Inputs| {
        let z = i.shape.latents;
        let cells = i.mean.iter().zip(&i.logvar).enumerate();
        cells.map(|(j, (m, v))| if j % z == 0 { 2.0 } else { 1.0 } * closed(*m, *v)).sum::<f64>()
    };
    assert!(refused(|i| r(i) + uneven(i)).contains("latents or images differently"));
    // A prior whose mean is 1: odd in the mean as a sampled KL is, but under no noise.
    let shifted = latents(|m, v| 0.5 * ((m - 1.0).powi(2) + v.exp() - 1.0 - v));
    assert!(refused(|i| (r(i) + shifted(i)) / b(i)).contains("not log q(z|x) - log p(z)"));
    // An adversarial term that follows its inputs finely.
    assert!(!refused(|i| (r(i) + k(i)) / b(i) * (1.0 + 1e-3 * (1e3 * i.recon[0]).sin())).is_empty());
}

#[test]
fn a_weight_below_rounding_is_refused_and_not_made_up() {
    let (r, k) = (pixels(bce), latents(closed));
    let mut in_single = |i: &Inputs| Reply {
        parts: vec![Part {
            name: String::new(),
            value: f64::from(((r(i) / 784.0 + 1e-13 * k(i)) / i.shape.batch as f64) as f32),
            per_image: false,
        }],
        rounding: f64::from(f32::EPSILON),
    };
    struct Single<F>(F);
    impl<F: FnMut(&Inputs) -> Reply> Oracle for Single<F> {
        fn ask(&mut self, inputs: &Inputs) -> Result<Reply, Unanswered> {
            Ok((self.0)(inputs))
        }
    }
    match identify(&mut Single(&mut in_single), &Plan::of(1, 28)).unwrap() {
        Outcome::Refused(refusal) => assert!(refusal.reason.contains("rounding"), "{refusal:?}"),
        Outcome::Found(finding) => assert!(finding.kl.is_none(), "{finding:?}"),
        Outcome::Failed(why) => panic!("{why}"),
    }
}

/// A loss in single precision that knows one image size, has parameters, and returns parts.
struct Rich {
    single: bool,
    only: Option<usize>,
    beta: f64,
    both: bool,
}

impl Oracle for Rich {
    fn ask(&mut self, inputs: &Inputs) -> Result<Reply, Unanswered> {
        if self.only.is_some_and(|d| inputs.shape.pixels != d) {
            return Err(Unanswered::Raised("shape '[-1, 784]' is invalid".into()));
        }
        let beta = inputs.set.as_ref().filter(|(name, _)| name == "beta").map_or(self.beta, |(_, v)| *v);
        let r = pixels(bce)(inputs) / inputs.recon.len() as f64;
        let k = latents(closed)(inputs) / inputs.shape.batch as f64;
        let loss = r + beta * if self.both { beta * k } else { k };
        let round = |v: f64| if self.single { f64::from(v as f32) } else { v };
        let part = |name: &str, value| Part { name: name.into(), value: round(value), per_image: false };
        let rounding = if self.single { f64::from(f32::EPSILON) } else { f64::EPSILON };
        Ok(Reply { parts: vec![part("recon", r), part("kld", -k), part("loss", loss)], rounding })
    }

    fn parameters(&self) -> Vec<(String, f64)> {
        vec![("beta".into(), self.beta), ("unused".into(), 7.0)]
    }
}

fn rich(mut rich: Rich) -> Finding {
    match identify(&mut rich, &Plan::of(1, 28)).unwrap() {
        Outcome::Found(finding) => *finding,
        other => panic!("{other:#?}"),
    }
}

#[test]
fn parts_and_parameters_are_reported_and_beta_that_is_applied_twice_is_seen() {
    let finding = rich(Rich { single: false, only: None, beta: 0.5, both: true });
    assert_eq!(finding.returns.total, "loss");
    assert_eq!(finding.kl_weight.to_string(), "0.25");
    assert_eq!(finding.parameters[0].effect, Effect::Powers { recon: 0.0, kl: 2.0 });
    assert_eq!(finding.parameters[1].effect, Effect::Powers { recon: 0.0, kl: 0.0 });
    let weights = |name: &str| finding.parts.iter().find(|part| part.name == name).unwrap().weights.unwrap();
    let (a, b) = weights("recon");
    assert!((a * 784.0 - 1.0).abs() < 1e-4 && b == 0.0);
    assert_eq!(weights("kld"), (0.0, -1.0));
}

#[test]
fn single_precision_is_enough_and_a_fixed_image_size_is_said() {
    let finding = rich(Rich { single: true, only: None, beta: 0.00025, both: false });
    assert_eq!((finding.recon_weight.to_string(), finding.kl_weight.to_string()), ("1/D".into(), "0.00025".into()));
    let finding = rich(Rich { single: false, only: Some(784), beta: 1.0, both: false });
    assert_eq!(finding.fixed, [Fixed::Pixels]);
    assert_eq!(finding.recon_weight.to_string(), "1/784");
}

#[test]
fn a_function_that_fails_is_quoted() {
    struct Fails;
    impl Oracle for Fails {
        fn ask(&mut self, _: &Inputs) -> Result<Reply, Unanswered> {
            Err(Unanswered::Raised("NameError: z_mean".into()))
        }
    }
    assert_eq!(identify(&mut Fails, &Plan::of(1, 28)).unwrap(), Outcome::Failed("NameError: z_mean".into()));
    struct Gone;
    impl Oracle for Gone {
        fn ask(&mut self, _: &Inputs) -> Result<Reply, Unanswered> {
            Err(Unanswered::Broken(Error::Run("the process ended".into())))
        }
    }
    assert!(identify(&mut Gone, &Plan::of(1, 28)).is_err());
}
