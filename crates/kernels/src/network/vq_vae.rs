//! A whole VQ-VAE on slices (van den Oord et al. 2017): forward to the losses of every image, backward to the gradient of
//! every weight and of the codebook, as `network::vae` is for a VAE.
//!
//! The encoder gives N vectors of an image, each is replaced by its nearest entry of the codebook, and the decoder reads
//! the entries. The gradient of the decoder's input is that of the encoder's output (straight through), to which the
//! commitment term adds its own; the codebook has its gradient from the codebook term alone.

use std::sync::atomic::AtomicUsize;

use super::chain::{self, Pass};
use super::layer::{Input, Layer, LayerGrads, parameter_grads, sized};
use crate::elementwise::activation::Activation;
use crate::elementwise::likelihood::Loss;
use crate::elementwise::nearest::{self, Codebook, Scores};
use crate::simd::Isa;
use crate::system::pool;

/// The network, and what is computed of its output.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// In this order: the encoder's hidden layers, its output layer, and the decoder's layers (at least one).
    pub layers: &'a [Layer<'a>],
    /// How many of them are the encoder's hidden layers.
    pub hidden: usize,
    /// Applied after every layer but the encoder's output and the last.
    pub activation: Activation,
    /// What the encoder's output is quantised with.
    pub codebook: Codebook<'a>,
    /// The loss of the output against x; `None`: the output itself is wanted.
    pub loss: Option<Loss>,
}

/// The input of the network.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels, `[images, pixels]`.
    pub x: &'a [f32],
    /// How many images.
    pub images: usize,
}

/// All intermediates of a forward and a backward pass.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Outputs of all layers, `[images, outputs]` each.
    outputs: Vec<Vec<f32>>,
    scores: Scores,
    /// `[images * N]`
    codes: Vec<u32>,
    /// `[images, N * dim]`
    quantised: Vec<f32>,
    /// `[images]`
    distance: Vec<f32>,
    /// The loss of every image, `[images]`; its gradient is that of the last layer's output.
    loss: Vec<f32>,
    /// `[images, N * dim]`
    z_grad: Vec<f32>,
    /// `[entries, dim]`
    codebook_grad: Vec<f32>,
    /// Gradients of all layers.
    layers: Vec<LayerGrads>,
}

/// The results of a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Computed<'a> {
    /// The loss of every image, `[images]`; empty where the output is wanted.
    pub loss: &'a [f32],
    /// The encoder's output, `[images, N * dim]`.
    pub z: &'a [f32],
    /// The entry of every vector, `[images * N]`.
    pub codes: &'a [u32],
    /// C: the squared distance of an image's vectors from their entries, `[images]`.
    pub distance: &'a [f32],
    /// The output of the decoder, `[images, pixels]`.
    pub output: &'a [f32],
}

/// The gradients of an objective in the results of a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// In the loss of every image; empty where the output was wanted.
    pub loss: &'a [f32],
    /// In the output; empty where a loss was computed.
    pub output: &'a [f32],
    /// In the codebook term |sg\[z\] - e|^2 of every image, `[images]`.
    pub codebook: &'a [f32],
    /// In the commitment term |z - sg\[e\]|^2 of every image, `[images]`.
    pub commitment: &'a [f32],
}

impl Workspace {
    /// The results of the last [`forward`].
    pub fn computed(&self, hidden: usize) -> Computed<'_> {
        Computed {
            loss: &self.loss,
            z: &self.outputs[hidden],
            codes: &self.codes,
            distance: &self.distance,
            output: self.outputs.last().map_or(&[], Vec::as_slice),
        }
    }

    /// The results of the last [`backward`]: for every layer, the gradient of its weight and that of its bias.
    pub fn gradients(&self) -> impl Iterator<Item = &[f32]> {
        chain::gradients(&self.layers)
    }

    /// The gradient of the codebook, `[entries, dim]`, after the last [`backward`].
    pub fn codebook_gradient(&self) -> &[f32] {
        &self.codebook_grad
    }
}

/// Computes every output of the network for `batch`.
///
/// # Panics
/// If sizes do not fit together.
pub fn forward(isa: Isa, network: &Network, batch: &Batch, workspace: &mut Workspace) {
    let Network { layers, hidden, codebook, .. } = *network;
    let Workspace { outputs, scores, codes, quantised, distance, loss, layers: grads, .. } = workspace;
    assert!(layers.len() >= hidden + 2, "a network has an encoder's output and a decoder");
    outputs.resize_with(layers.len(), Vec::new);
    grads.resize_with(layers.len(), LayerGrads::default);
    let pass = Pass { isa, images: batch.images, activation: network.activation };
    pass.forward(&layers[..=hidden], Input::Pixels(batch.x), None, outputs);
    let (encoder, decoder) = outputs.split_at_mut(hidden + 1);
    let z = &encoder[hidden];
    assert!(
        codebook.dim > 0 && z.len().is_multiple_of(codebook.dim),
        "the encoder's output is no whole number of codes"
    );
    codes.resize(z.len() / codebook.dim, 0);
    nearest::search(isa, codebook, z, scores, codes);
    let (quantised, distance) = (sized(quantised, z.len()), sized(distance, batch.images));
    nearest::gather(codebook, codes, quantised);
    nearest::distances(isa, z, quantised, distance);
    pass.forward(&layers[hidden + 1..], Input::Activations(quantised), None, decoder);
    if let (Some(output), Some(last)) = (decoder.last(), grads.last_mut()) {
        pass.loss(network.loss, output, batch.x, loss, last);
    }
}

/// Computes the gradient of every weight and bias and of the codebook, after [`forward`] on the same network, batch and
/// workspace.
///
/// # Panics
/// If sizes do not fit together.
pub fn backward(isa: Isa, network: &Network, batch: &Batch, grads: &Upstream, workspace: &mut Workspace) {
    let Network { layers, hidden, activation, codebook, .. } = *network;
    let Workspace { outputs, codes, quantised, z_grad, codebook_grad, layers: layer_grads, .. } = workspace;
    let images = batch.images;
    let (outputs, quantised, codes) = (&*outputs, &**quantised, &**codes);
    let pass = Pass { isa, images, activation };
    chain::resize(layer_grads, layers);
    let (encoder, rest) = layer_grads.split_at_mut(hidden);
    let [head, decoder @ ..] = rest else { panic!("a network has an encoder's output and a decoder") };
    if let Some(last) = decoder.last_mut() {
        pass.output_grad(network.loss, grads.loss, grads.output, last);
    }
    let unfinished = AtomicUsize::new(0);
    pool::scope(&unfinished, |jobs| {
        let z = &outputs[hidden];
        let z_grad = sized(z_grad, z.len());
        let book_grad = sized(codebook_grad, codebook.entries.len());
        let by_codebook = grads.codebook;
        jobs.spawn(move || nearest::codebook_grad(by_codebook, z, quantised, codes, codebook.dim, book_grad));
        pass.decoder_backward(jobs, &layers[hidden + 1..], decoder, quantised, &outputs[hidden + 1..], z_grad);
        // Straight through the quantisation.
        nearest::add_commitment_grad(grads.commitment, z, quantised, z_grad);
        let z_grad = &*z_grad;
        let (x, parameters) = (chain::input(hidden, batch.x, outputs), &mut head.parameters);
        jobs.spawn(move || parameter_grads(isa, z_grad, x, images, parameters));
        pass.encoder_backward(jobs, layers, encoder, batch.x, outputs, (z_grad, &layers[hidden]));
    });
}
