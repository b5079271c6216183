use super::{Rng, bits, in_pool, isas};
use crate::activation::Activation;
use crate::latent::Noise;
use crate::likelihood::Loss;
use crate::network::{Batch, Computed, Layer, Network, Workspace, backward, forward};

/// A small VAE and a batch of mostly black images.
struct Setup {
    /// (outputs, weight, bias) of each layer.
    layers: Vec<(usize, Vec<f32>, Vec<f32>)>,
    hidden: usize,
    images: usize,
    x: Vec<f32>,
    noise: Vec<f32>,
}

impl Setup {
    /// Widths of the hidden layers; the decoder mirrors the encoder.
    fn new(pixels: usize, widths: &[usize], latents: usize, images: usize) -> Self {
        let mut rng = Rng(51);
        let mut sizes: Vec<(usize, usize)> = Vec::new();
        let mut inputs = pixels;
        for &width in widths {
            sizes.push((width, inputs));
            inputs = width;
        }
        sizes.extend([(latents, inputs), (latents, inputs)]);
        inputs = latents;
        for &width in widths.iter().rev().chain([&pixels]) {
            sizes.push((width, inputs));
            inputs = width;
        }
        let layers = sizes
            .into_iter()
            .map(|(outputs, inputs)| {
                let scale = 1.0 / (inputs as f32).sqrt();
                let weight = (0..outputs * inputs).map(|_| rng.signed() * scale).collect();
                (outputs, weight, rng.many(outputs))
            })
            .collect();
        let x = rng.sparse(images * pixels, 0.8).iter().map(|x| x.abs()).collect();
        Setup { layers, hidden: widths.len(), images, x, noise: rng.many(images * latents) }
    }

    /// Runs `work` on the network and the batch.
    fn with<R>(&self, activation: Activation, loss: Loss, work: impl FnOnce(&Network, &Batch) -> R) -> R {
        let layers: Vec<_> = self.layers.iter().map(|(_, weight, bias)| Layer { weight, bias }).collect();
        let network =
            Network { layers: &layers, hidden: self.hidden, activation, noise: Noise::STANDARD, loss: Some(loss) };
        work(&network, &Batch { x: &self.x, noise: &self.noise, images: self.images })
    }
}

/// The sum of all losses and KLs, and the gradient of that sum in all parameters.
fn objective(isa: crate::Isa, network: &Network, batch: &Batch) -> (f64, Vec<f32>) {
    let mut workspace = Workspace::default();
    forward(isa, network, batch, &mut workspace);
    let computed = workspace.computed(network.hidden);
    let sum = |values: &[f32]| values.iter().map(|&x| f64::from(x)).sum::<f64>();
    let value = sum(computed.loss) + sum(computed.kl);
    let (loss, kl) = (vec![1.0; computed.loss.len()], vec![1.0; computed.kl.len()]);
    let grads = Computed { loss: &loss, kl: &kl, mean: &[], logvar: &[], z: &[], output: &[] };
    backward(isa, network, batch, &grads, &mut workspace);
    (value, workspace.gradients().flatten().copied().collect())
}

#[test]
#[cfg_attr(miri, ignore = "no unsafe code of its own, and rayon takes Miri minutes")]
fn a_step_has_the_same_bits_on_every_instruction_set_and_any_threads() {
    let shapes: [(usize, &[usize], usize, usize); 3] = [(784, &[100], 20, 70), (65, &[40, 30], 3, 9), (33, &[], 2, 7)];
    for (pixels, widths, latents, images) in shapes {
        let setup = Setup::new(pixels, widths, latents, images);
        for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
            for loss in [Loss::BernoulliLogits, Loss::Squared] {
                let mut seen = None;
                for isa in isas() {
                    for threads in [1, 3] {
                        let run = || setup.with(activation, loss, |network, batch| objective(isa, network, batch));
                        let (value, grads) = in_pool(threads, run);
                        let now = (value.to_bits(), bits(&grads));
                        assert!(*seen.get_or_insert_with(|| now.clone()) == now, "{isa}, {widths:?}, {activation:?}");
                    }
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "no unsafe code of its own, and rayon takes Miri minutes")]
fn gradients_are_the_slope_of_the_objective_along_any_direction() {
    let mut setup = Setup::new(40, &[12, 8], 3, 6);
    let mut rng = Rng(52);
    let parameters: usize = setup.layers.iter().map(|(_, weight, bias)| weight.len() + bias.len()).sum();
    for (activation, loss) in [(Activation::Tanh, Loss::BernoulliLogits), (Activation::Softplus, Loss::Squared)] {
        for _ in 0..20 {
            let direction = rng.many(parameters);
            let mut at = |step: f32| {
                let mut d = direction.iter();
                for (_, weight, bias) in &mut setup.layers {
                    weight.iter_mut().chain(bias).zip(&mut d).for_each(|(x, d)| *x += step * d);
                }
                setup.with(activation, loss, |network, batch| objective(crate::Isa::best(), network, batch))
            };
            let step = 2e-3;
            let grads = at(0.0).1;
            let above = at(step).0;
            let below = at(-2.0 * step).0;
            at(step);
            let want = (above - below) / (2.0 * f64::from(step));
            let got: f64 = grads.iter().zip(&direction).map(|(&g, &d)| f64::from(g) * f64::from(d)).sum();
            let size: f64 = grads.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            assert!((got - want).abs() <= 0.01 * size, "{got} instead of {want}");
        }
    }
}
