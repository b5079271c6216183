//! A whole VAE on slices: forward to the losses of every image, backward to the gradient of every weight.
//!
//! One operation instead of a graph of operations: every intermediate lives in a [`Workspace`] that is kept from step to
//! step, so a step allocates, clears and copies nothing.

use std::sync::atomic::AtomicUsize;

use super::chain::{self, Pass};
use super::layer::{Input, Layer, LayerGrads, ParameterGrads, dense, parameter_grads, sized};
use crate::elementwise::activation::Activation;
use crate::elementwise::latent::{self, Noise, Upstream};
use crate::elementwise::likelihood::Loss;
use crate::simd::Isa;
use crate::system::pool;

/// The network, and what is computed of its output.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// In this order: the encoder's hidden layers, the mean, the logvar, and the decoder's layers (at least one).
    pub layers: &'a [Layer<'a>],
    /// How many of them are the encoder's hidden layers.
    pub hidden: usize,
    /// Applied after every layer but the mean, the logvar and the last.
    pub activation: Activation,
    /// How z is drawn.
    pub noise: Noise,
    /// The loss of the output against x; `None`: the output itself is wanted.
    pub loss: Option<Loss>,
}

/// The input of the network.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels, `[images, pixels]`.
    pub x: &'a [f32],
    /// Standard normal, `[images, latents]`.
    pub noise: &'a [f32],
    /// How many images.
    pub images: usize,
}

/// All intermediates of a forward and a backward pass.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Outputs of all layers, `[images, outputs]` each.
    outputs: Vec<Vec<f32>>,
    /// `[images, latents]`
    z: Vec<f32>,
    /// `[images, latents]`
    kl: Vec<f32>,
    /// The loss of every image, `[images]`; its gradient is that of the last layer's output.
    loss: Vec<f32>,
    /// `[images, latents]`
    z_grad: Vec<f32>,
    /// Gradients of the encoder's hidden layers.
    encoder: Vec<LayerGrads>,
    heads: Heads,
    /// Gradients of the decoder's layers.
    decoder: Vec<LayerGrads>,
}

/// The mean's layer and the logvar's as one: its products read their input, or write its gradient, once instead of twice, which
/// saves far more than the copy of the weights costs.
#[derive(Debug, Default)]
struct Heads {
    /// `[2 latents, inputs]`
    weight: Vec<f32>,
    /// `[2 latents]`
    bias: Vec<f32>,
    /// `[images, 2 latents]`
    output: Vec<f32>,
    /// `[images, latents]`
    mean_grad: Vec<f32>,
    /// `[images, latents]`
    logvar_grad: Vec<f32>,
    grads: LayerGrads,
}

impl Heads {
    /// Copies the weights of the two layers.
    fn load(&mut self, [mean, logvar]: [&Layer; 2]) {
        for (both, one, other) in
            [(&mut self.weight, mean.weight, logvar.weight), (&mut self.bias, mean.bias, logvar.bias)]
        {
            both.clear();
            both.extend_from_slice(one);
            both.extend_from_slice(other);
        }
    }
}

/// The results of a forward pass, or the gradients of the objective in them.
#[derive(Clone, Copy, Debug)]
pub struct Computed<'a> {
    /// The loss of every image, `[images]`; empty where the output is wanted.
    pub loss: &'a [f32],
    /// The KL of every latent, `[images, latents]`.
    pub kl: &'a [f32],
    /// The posterior's mean, `[images, latents]`.
    pub mean: &'a [f32],
    /// Its logvar, `[images, latents]`.
    pub logvar: &'a [f32],
    /// The sample, `[images, latents]`.
    pub z: &'a [f32],
    /// The output of the decoder, `[images, pixels]`.
    pub output: &'a [f32],
}

impl Workspace {
    /// The results of the last [`forward`].
    pub fn computed(&self, hidden: usize) -> Computed<'_> {
        Computed {
            loss: &self.loss,
            kl: &self.kl,
            mean: &self.outputs[hidden],
            logvar: &self.outputs[hidden + 1],
            z: &self.z,
            output: self.outputs.last().map_or(&[], Vec::as_slice),
        }
    }

    /// The results of the last [`backward`]: for every layer, the gradient of its weight and that of its bias.
    pub fn gradients(&self) -> impl Iterator<Item = &[f32]> {
        let ParameterGrads { weight, bias } = &self.heads.grads.parameters;
        let (mean_weight, logvar_weight) = weight.split_at(weight.len() / 2);
        let (mean_bias, logvar_bias) = bias.split_at(bias.len() / 2);
        let heads = [mean_weight, mean_bias, logvar_weight, logvar_bias];
        chain::gradients(&self.encoder).chain(heads).chain(chain::gradients(&self.decoder))
    }
}

/// Computes every output of the network for `batch`.
///
/// # Panics
/// If sizes do not fit together.
pub fn forward(isa: Isa, network: &Network, batch: &Batch, workspace: &mut Workspace) {
    let Network { layers, hidden, .. } = *network;
    let Workspace { outputs, z, kl, loss, heads, decoder: grads, .. } = workspace;
    outputs.resize_with(layers.len(), Vec::new);
    let pass = Pass { isa, images: batch.images, activation: network.activation };
    pass.forward(&layers[..hidden], Input::Pixels(batch.x), Some(network.activation), outputs);
    let (before, rest) = outputs.split_at_mut(hidden);
    let ([mean, logvar, decoder @ ..], [mean_layer, logvar_layer, decoder_layers @ ..]) = (rest, &layers[hidden..])
    else {
        panic!("a network has a mean, a logvar and a decoder")
    };
    let latents = mean_layer.bias.len();
    assert_eq!(latents, logvar_layer.bias.len(), "a logvar for every mean");
    heads.load([mean_layer, logvar_layer]);
    let input = before.last().map_or(Input::Pixels(batch.x), |h| Input::Activations(h));
    let layer = Layer { weight: &heads.weight, bias: &heads.bias };
    dense(isa, &layer, input, batch.images, None, &mut heads.output);
    mean.clear();
    logvar.clear();
    for row in heads.output.chunks_exact(2 * latents.max(1)) {
        mean.extend_from_slice(&row[..latents]);
        logvar.extend_from_slice(&row[latents..]);
    }
    let (z, kl) = (sized(z, mean.len()), sized(kl, mean.len()));
    latent::sample(isa, network.noise, mean, logvar, batch.noise, z, kl);
    pass.forward(decoder_layers, Input::Activations(z), None, decoder);
    grads.resize_with(decoder_layers.len(), LayerGrads::default);
    match (decoder.last(), grads.last_mut()) {
        (Some(output), Some(last)) => pass.loss(network.loss, output, batch.x, loss, last),
        _ => loss.clear(),
    }
}

/// Computes the gradient of every weight and bias, after [`forward`] on the same network, batch and workspace.
///
/// `grads` are the gradients of the objective in the results of [`forward`]: of `loss` and `output` that which the network
/// computes; of mean, logvar and z the part that does not flow through the rest of the network, or nothing.
///
/// # Panics
/// If sizes do not fit together.
pub fn backward(isa: Isa, network: &Network, batch: &Batch, grads: &Computed, workspace: &mut Workspace) {
    let Network { layers, hidden, activation, .. } = *network;
    let Workspace { outputs, z, z_grad, encoder, heads, decoder, .. } = workspace;
    let images = batch.images;
    let (outputs, z) = (&*outputs, &**z);
    let pass = Pass { isa, images, activation };
    let Heads { weight, bias, mean_grad, logvar_grad, grads: LayerGrads { output, parameters }, .. } = heads;
    let layer = Layer { weight, bias };
    chain::resize(encoder, &layers[..hidden]);
    chain::resize(decoder, &layers[hidden + 2..]);
    parameters.resize(&layer);
    if let Some(last) = decoder.last_mut() {
        pass.output_grad(network.loss, grads.loss, grads.output, last);
    }
    let unfinished = AtomicUsize::new(0);
    pool::scope(&unfinished, |jobs| {
        let z_grad = sized(z_grad, z.len());
        pass.decoder_backward(jobs, &layers[hidden + 2..], decoder, z, &outputs[hidden + 2..], z_grad);

        // The latents.
        let (mean, logvar) = (&outputs[hidden], &outputs[hidden + 1]);
        let (dmean, dlogvar) = (sized(mean_grad, mean.len()), sized(logvar_grad, mean.len()));
        add(z_grad, grads.z);
        let upstream = Upstream { mean, logvar, noise: batch.noise, dz: z_grad, dkl: grads.kl };
        latent::sample_backward(isa, network.noise, &upstream, dmean, dlogvar);
        add(dmean, grads.mean);
        add(dlogvar, grads.logvar);
        output.clear();
        let latents = (bias.len() / 2).max(1);
        for (dmean, dlogvar) in dmean.chunks_exact(latents).zip(dlogvar.chunks_exact(latents)) {
            output.extend_from_slice(dmean);
            output.extend_from_slice(dlogvar);
        }
        let dy = &**output;
        let x = chain::input(hidden, batch.x, outputs);
        jobs.spawn(move || parameter_grads(isa, dy, x, images, parameters));
        pass.encoder_backward(jobs, layers, encoder, batch.x, outputs, (dy, &layer));
    });
}

/// Adds `part` to `sum`, element by element; a part that is empty adds nothing.
fn add(sum: &mut [f32], part: &[f32]) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
}
