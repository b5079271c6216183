//! A whole VAE on slices: forward to the losses of every image, backward to the gradient of every weight.
//!
//! One operation instead of a graph of them: every intermediate lives in a [`Workspace`] that is kept from step to
//! step, so nothing is allocated, cleared or added up on the way.

use super::layer::{Input, Layer, LayerGradient, dense, input_gradient, sized, weight_gradient};
use crate::elementwise::activation::Activation;
use crate::elementwise::latent::{self, Noise, Upstream};
use crate::elementwise::likelihood::{self, Loss, Scale};
use crate::elementwise::reduce;
use crate::simd::Isa;

/// The network and what is computed of its output.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// The encoder's hidden layers, the mean, the logvar, and the decoder's layers: in this order.
    pub layers: &'a [Layer<'a>],
    /// How many of them are the encoder's hidden layers.
    pub hidden: usize,
    /// After every layer but the mean, the logvar and the last.
    pub activation: Activation,
    /// How z is drawn.
    pub noise: Noise,
    /// The loss of the output against x; none: the output itself is wanted.
    pub loss: Option<Loss>,
}

/// What the network is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels, `[images, pixels]`.
    pub x: &'a [f32],
    /// Standard normal, `[images, latents]`.
    pub noise: &'a [f32],
    /// How many images.
    pub images: usize,
}

/// What a forward pass leaves behind, and the room that a backward pass needs.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Outputs of all layers, `[images, outputs]` each.
    outputs: Vec<Vec<f32>>,
    /// Sample and KL, `[images, latents]` each.
    z: Vec<f32>,
    kl: Vec<f32>,
    /// The loss of every image, `[images]`, and its slope in the output, `[images, pixels]`.
    energy: Vec<f32>,
    slope: Vec<f32>,
    /// Gradients of the outputs of the layers, `[images, outputs]` each but for the last one, whose is `slope`.
    flows: Vec<Vec<f32>>,
    dz: Vec<f32>,
    /// Gradients of the weights and biases of all layers.
    gradients: Vec<LayerGradient>,
}

/// What a forward pass computes, each for every image: the values, or the slopes of what is minimised in them.
#[derive(Clone, Copy, Debug)]
pub struct Computed<'a> {
    /// The loss, or nothing where the output is wanted.
    pub energy: &'a [f32],
    /// The KL of every latent.
    pub kl: &'a [f32],
    /// The posterior's mean.
    pub mean: &'a [f32],
    /// Its logvar.
    pub logvar: &'a [f32],
    /// The sample.
    pub z: &'a [f32],
    /// The output of the decoder.
    pub output: &'a [f32],
}

impl Workspace {
    /// What the last [`forward`] computed.
    pub fn computed(&self, hidden: usize) -> Computed<'_> {
        Computed {
            energy: &self.energy,
            kl: &self.kl,
            mean: &self.outputs[hidden],
            logvar: &self.outputs[hidden + 1],
            z: &self.z,
            output: self.outputs.last().map_or(&[], Vec::as_slice),
        }
    }

    /// What the last [`backward`] computed: of every layer, the gradient of its weight and that of its bias.
    pub fn gradients(&self) -> impl Iterator<Item = &[f32]> {
        self.gradients.iter().flat_map(|layer| [layer.weight.as_slice(), layer.bias.as_slice()])
    }
}

/// Computes every output of the network for `batch`.
///
/// # Panics
/// If sizes do not fit together.
pub fn forward(isa: Isa, network: &Network, batch: &Batch, workspace: &mut Workspace) {
    let Network { layers, hidden, .. } = *network;
    let Workspace { outputs, z, kl, energy, slope, .. } = workspace;
    outputs.resize_with(layers.len(), Vec::new);
    let activation = Some(network.activation);
    for (i, layer) in layers[..hidden].iter().enumerate() {
        let (before, rest) = outputs.split_at_mut(i);
        let input = before.last().map_or(Input::Pixels(batch.x), |h| Input::Activations(h));
        dense(isa, layer, input, batch.images, activation, &mut rest[0]);
    }
    let (before, rest) = outputs.split_at_mut(hidden);
    let [mean, logvar, decoder @ ..] = rest else { panic!("a network has a mean, a logvar and a decoder") };
    let input = before.last().map_or(Input::Pixels(batch.x), |h| Input::Activations(h));
    rayon::join(
        || dense(isa, &layers[hidden], input, batch.images, None, mean),
        || dense(isa, &layers[hidden + 1], input, batch.images, None, logvar),
    );
    let (z, kl) = (sized(z, mean.len()), sized(kl, mean.len()));
    latent::sample(isa, network.noise, mean, logvar, batch.noise, z, kl);
    let layers = &layers[hidden + 2..];
    for (i, layer) in layers.iter().enumerate() {
        let (before, rest) = decoder.split_at_mut(i);
        let input = before.last().map_or(&*z, |h| h.as_slice());
        let activation = if i + 1 < layers.len() { activation } else { None };
        dense(isa, layer, Input::Activations(input), batch.images, activation, &mut rest[0]);
    }
    match (network.loss, decoder.last()) {
        (Some(loss), Some(output)) => {
            let (energy, slope) = (sized(energy, batch.images), sized(slope, output.len()));
            let pixels = output.len().checked_div(batch.images).unwrap_or(0);
            likelihood::row_sums_and_grad(isa, loss, output, batch.x, pixels, Scale::All(1.0), energy, slope);
        }
        _ => energy.clear(),
    }
}

/// Computes the gradient of every weight and bias, after [`forward`] on the same network, batch and workspace.
///
/// `slopes` are those of what is minimised in everything that [`forward`] computed: either `energy` or `output` is empty,
/// and mean, logvar and z have what does not go through the rest, or nothing.
///
/// # Panics
/// If sizes do not fit together.
pub fn backward(isa: Isa, network: &Network, batch: &Batch, slopes: &Computed, workspace: &mut Workspace) {
    let Network { layers, hidden, activation, .. } = *network;
    let Workspace { outputs, z, slope, flows, dz, gradients, .. } = workspace;
    let images = batch.images;
    let (outputs, z) = (&*outputs, &**z);
    if network.loss.is_some() {
        reduce::scale_rows(isa, slopes.energy, slope);
    } else {
        sized(slope, slopes.output.len()).copy_from_slice(slopes.output);
    }
    flows.resize_with(layers.len(), Vec::new);
    gradients.resize_with(layers.len(), LayerGradient::default);
    for (gradient, layer) in gradients.iter_mut().zip(layers) {
        sized(&mut gradient.weight, layer.weight.len());
        sized(&mut gradient.bias, layer.bias.len());
    }
    let mut flows = flows.iter_mut().rev();
    let mut gradients = gradients.iter_mut().rev();
    let mut both = || flows.next().zip(gradients.next()).expect("as many gradients as layers");
    let encoder_input = |i: usize| if i == 0 { Input::Pixels(batch.x) } else { Input::Activations(&outputs[i - 1]) };

    // Nobody waits for the gradient of a weight: it is computed beside all that follows from the gradient of its
    // layer's input, so that no thread is idle while the small products are done.
    rayon::in_place_scope(|scope| {
        // The decoder from its end: the flow of a layer is the gradient of its output, and the last one's is `slope`.
        let (_, mut gradient) = both();
        let mut dy: &[f32] = slope;
        for i in (hidden + 3..layers.len()).rev() {
            let x = &outputs[i - 1];
            scope.spawn(move |_| weight_gradient(isa, dy, Input::Activations(x), images, gradient));
            let (flow, next) = both();
            let dx = sized(flow, x.len());
            input_gradient(isa, &[(dy, &layers[i])], images, Some((activation, x)), dx);
            (dy, gradient) = (dx, next);
        }
        scope.spawn(move |_| weight_gradient(isa, dy, Input::Activations(z), images, gradient));
        let dz = sized(dz, z.len());
        input_gradient(isa, &[(dy, &layers[hidden + 2])], images, None, dz);

        // The latents.
        let ((dlogvar, logvar_gradient), (dmean, mean_gradient)) = (both(), both());
        let (mean, logvar) = (&outputs[hidden], &outputs[hidden + 1]);
        let (dmean, dlogvar) = (sized(dmean, mean.len()), sized(dlogvar, mean.len()));
        dz.iter_mut().zip(slopes.z).for_each(|(dz, slope)| *dz += slope);
        let upstream = Upstream { mean, logvar, noise: batch.noise, dz, dkl: slopes.kl };
        latent::sample_backward(isa, network.noise, &upstream, dmean, dlogvar);
        dmean.iter_mut().zip(slopes.mean).for_each(|(dmean, slope)| *dmean += slope);
        dlogvar.iter_mut().zip(slopes.logvar).for_each(|(dlogvar, slope)| *dlogvar += slope);
        let (dmean, dlogvar) = (&*dmean, &*dlogvar);
        let x = encoder_input(hidden);
        scope.spawn(move |_| weight_gradient(isa, dmean, x, images, mean_gradient));
        scope.spawn(move |_| weight_gradient(isa, dlogvar, x, images, logvar_gradient));

        // The encoder: two layers read the output of its last.
        let mut from = [(dmean, &layers[hidden]), (dlogvar, &layers[hidden + 1])];
        let mut readers = 2;
        for i in (0..hidden).rev() {
            let (flow, gradient) = both();
            let y = &outputs[i];
            let dy = sized(flow, y.len());
            input_gradient(isa, &from[..readers], images, Some((activation, y)), dy);
            let dy = &*dy;
            scope.spawn(move |_| weight_gradient(isa, dy, encoder_input(i), images, gradient));
            (from[0], readers) = ((dy, &layers[i]), 1);
        }
    });
}
