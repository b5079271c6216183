use super::{Rng, assert_close, bits, in_pool, isas, sized};
use crate::latent::{Noise, Upstream, sample, sample_backward};

#[test]
fn random_latents_match_f64_forward_and_backward() {
    let mut rng = Rng(7);
    for round in 0..sized(200, 3) {
        let n = if round == 0 { sized(20_000, 200) } else { rng.below(500) };
        let mut many = |scale: f32| -> Vec<f32> { (0..n).map(|_| rng.signed() * scale).collect() };
        let (mean, logvar, noise, dz, dkl) = (many(6.0), many(6.0), many(3.0), many(1.0), many(1.0));
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let (m, l, e, dz64, dk) = (wide(&mean), wide(&logvar), wide(&noise), wide(&dz), wide(&dkl));
        let each = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<_>>();
        let want_z = each(&|i| m[i] + (l[i] / 2.0).exp() * e[i]);
        let want_kl = each(&|i| 0.5 * (m[i] * m[i] + l[i].exp_m1() - l[i]));
        let want_dmean = each(&|i| dz64[i] + dk[i] * m[i]);
        let want_dlogvar = each(&|i| 0.5 * (dz64[i] * e[i] * (l[i] / 2.0).exp() + dk[i] * l[i].exp_m1()));
        let mut seen = None;
        for isa in isas() {
            let mut out = [vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]];
            let [z, kl, dmean, dlogvar] = &mut out;
            sample(isa, Noise::STANDARD, &mean, &logvar, &noise, z, kl);
            let from = Upstream { mean: &mean, logvar: &logvar, noise: &noise, dz: &dz, dkl: &dkl };
            sample_backward(isa, Noise::STANDARD, &from, dmean, dlogvar);
            assert_close(z, &want_z, 2e-6);
            assert_close(kl, &want_kl, 4e-7);
            assert_close(dmean, &want_dmean, 2e-6);
            assert_close(dlogvar, &want_dlogvar, 2e-6);
            let now = out.each_ref().map(|x| bits(x));
            assert!(*seen.get_or_insert(now.clone()) == now, "{}", isa.name());
        }
    }
}

#[test]
fn a_collapsed_latent_has_a_small_kl_without_cancellation() {
    for isa in isas() {
        for logvar in [0.0f32, 1e-6, -1e-5, 1e-4, -1e-3, 0.01, -0.1, 0.3, -0.339, 0.341] {
            let (mut z, mut kl) = ([0.0], [0.0]);
            sample(isa, Noise::STANDARD, &[0.0], &[logvar], &[0.0], &mut z, &mut kl);
            let x = f64::from(logvar);
            // The series, where `exp_m1` itself would cancel.
            let want =
                0.5 * if x.abs() < 1e-2 { x * x / 2.0 + x.powi(3) / 6.0 + x.powi(4) / 24.0 } else { x.exp_m1() - x };
            assert!((f64::from(kl[0]) - want).abs() <= 1e-6 * want, "{}: {logvar} {} {want}", isa.name(), kl[0]);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let mut rng = Rng(9);
    let n = sized(50_000, 8_200);
    let (mean, logvar, noise) = (rng.many(n), rng.many(n), rng.many(n));
    let run = |threads| {
        let (mut z, mut kl) = (vec![0.0; n], vec![0.0; n]);
        in_pool(threads, || sample(super::Isa::best(), Noise::STANDARD, &mean, &logvar, &noise, &mut z, &mut kl));
        (bits(&z), bits(&kl))
    };
    assert!(run(1) == run(2) && run(1) == run(4));
}
