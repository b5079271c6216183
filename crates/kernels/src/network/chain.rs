//! Layers one after the other: what the networks of this folder have in common.

use crate::system::pool::Jobs;

use super::layer::{Input, Layer, LayerGrads, dense, input_grad, parameter_grads, sized};
use crate::elementwise::activation::Activation;
use crate::elementwise::likelihood::{self, Loss, Scale};
use crate::elementwise::reduce;
use crate::simd::Isa;

/// What every step along a network needs.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    pub(super) isa: Isa,
    pub(super) images: usize,
    /// Between the layers.
    pub(super) activation: Activation,
}

impl Pass {
    /// The outputs of `layers`, the first of which reads `input`, with `last` after the last of them.
    pub(super) fn forward(self, layers: &[Layer], input: Input, last: Option<Activation>, outputs: &mut [Vec<f32>]) {
        for (i, layer) in layers.iter().enumerate() {
            let (before, rest) = outputs.split_at_mut(i);
            let input = before.last().map_or(input, |h| Input::Activations(h));
            let after = if i + 1 < layers.len() { Some(self.activation) } else { last };
            dense(self.isa, layer, input, self.images, after, &mut rest[0]);
        }
    }

    /// The loss of every image, where one of this kind is wanted, and the gradient of their sum in the `output` of the last
    /// layer.
    pub(super) fn loss(
        self,
        kind: Option<Loss>,
        output: &[f32],
        x: &[f32],
        loss: &mut Vec<f32>,
        last: &mut LayerGrads,
    ) {
        match kind {
            Some(kind) => {
                let (loss, grad) = (sized(loss, self.images), sized(&mut last.output, output.len()));
                let pixels = output.len().checked_div(self.images).unwrap_or(0);
                likelihood::row_sums_and_grad(self.isa, kind, output, x, pixels, Scale::All(1.0), loss, grad);
            }
            None => loss.clear(),
        }
    }

    /// The gradient in the output of the last layer: what [`Pass::loss`] left there, times that of every image's loss, or
    /// where no loss was computed the gradient in the output itself.
    pub(super) fn output_grad(self, kind: Option<Loss>, loss: &[f32], output: &[f32], last: &mut LayerGrads) {
        match kind {
            Some(_) => reduce::scale_rows(self.isa, loss, &mut last.output),
            None => sized(&mut last.output, output.len()).copy_from_slice(output),
        }
    }

    /// Back through a decoder, whose last layer has the gradient of its output: the gradients of its parameters, and of the
    /// codes that it reads. `outputs` are those of its layers.
    ///
    /// Nothing else depends on the gradients of a layer's parameters: they are computed in `jobs` beside the rest of the
    /// pass, so that no thread is idle while the small products are computed.
    pub(super) fn decoder_backward<'s>(
        self,
        jobs: &Jobs<'_, 's>,
        layers: &'s [Layer],
        grads: &'s mut [LayerGrads],
        codes: &'s [f32],
        outputs: &'s [Vec<f32>],
        codes_grad: &mut [f32],
    ) {
        let Pass { isa, images, activation } = self;
        let mut below = grads;
        while let Some((LayerGrads { output: dy, parameters }, rest)) = below.split_last_mut() {
            let (dy, i) = (&**dy, rest.len());
            let reader = (dy, &layers[i]);
            let x = if i == 0 { codes } else { &outputs[i - 1] };
            jobs.spawn(move || parameter_grads(isa, dy, Input::Activations(x), images, parameters));
            match rest.last_mut() {
                Some(next) => {
                    input_grad(isa, reader, images, Some((activation, x)), sized(&mut next.output, x.len()));
                }
                None => input_grad(isa, reader, images, None, codes_grad),
            }
            below = rest;
        }
    }

    /// Back through the encoder's hidden layers, as [`Pass::decoder_backward`]. `reader` is the layer that reads the last of
    /// them, with the gradient of its output.
    pub(super) fn encoder_backward<'s>(
        self,
        jobs: &Jobs<'_, 's>,
        layers: &'s [Layer],
        grads: &'s mut [LayerGrads],
        pixels: &'s [f32],
        outputs: &'s [Vec<f32>],
        reader: (&'s [f32], &'s Layer),
    ) {
        let Pass { isa, images, activation } = self;
        let mut above = reader;
        let mut below = grads;
        while let Some((LayerGrads { output, parameters }, rest)) = below.split_last_mut() {
            let i = rest.len();
            let y = &outputs[i];
            let dy = sized(output, y.len());
            input_grad(isa, above, images, Some((activation, y)), dy);
            let (dy, x) = (&*dy, input(i, pixels, outputs));
            jobs.spawn(move || parameter_grads(isa, dy, x, images, parameters));
            above = (dy, &layers[i]);
            below = rest;
        }
    }
}

/// What layer `i` of an encoder reads: the pixels, or the output of the layer before it.
pub(super) fn input<'a>(i: usize, pixels: &'a [f32], outputs: &'a [Vec<f32>]) -> Input<'a> {
    if i == 0 { Input::Pixels(pixels) } else { Input::Activations(&outputs[i - 1]) }
}

/// Makes room for the gradients of `layers`.
pub(super) fn resize(grads: &mut Vec<LayerGrads>, layers: &[Layer]) {
    grads.resize_with(layers.len(), LayerGrads::default);
    for (grads, layer) in grads.iter_mut().zip(layers) {
        grads.parameters.resize(layer);
    }
}

/// For every layer, the gradient of its weight and that of its bias.
pub(super) fn gradients(layers: &[LayerGrads]) -> impl Iterator<Item = &[f32]> {
    layers.iter().flat_map(|grads| [grads.parameters.weight.as_slice(), grads.parameters.bias.as_slice()])
}
