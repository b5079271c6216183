//! One dense layer: its output, and the gradients of its parameters and of its input.

use crate::elementwise::activation::{self, Activation};
use crate::elementwise::reduce;
use crate::gemm::matmul::{Finish, MatRef, Start, matmul};
use crate::simd::Isa;
use crate::system::parallel::elements;

/// A dense layer: x W^T + b.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// `[outputs, inputs]`
    pub weight: &'a [f32],
    /// `[outputs]`
    pub bias: &'a [f32],
}

impl Layer<'_> {
    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }

    fn inputs(&self) -> usize {
        self.weight.len().checked_div(self.bias.len()).unwrap_or(0)
    }

    fn matrix(&self) -> MatRef<'_> {
        MatRef::new(self.weight, self.outputs(), self.inputs())
    }
}

/// The gradients of a layer's parameters.
#[derive(Debug, Default)]
pub(super) struct LayerGradient {
    /// `[outputs, inputs]`
    pub(super) weight: Vec<f32>,
    /// `[outputs]`
    pub(super) bias: Vec<f32>,
}

/// A buffer of this length, with whatever was in it.
pub(super) fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

/// What a layer reads.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// Data: nobody wants its gradient, and most of it may be 0.
    Pixels(&'a [f32]),
    /// The output of another layer.
    Activations(&'a [f32]),
}

impl<'a> Input<'a> {
    fn matrix(self, images: usize, inputs: usize) -> MatRef<'a> {
        match self {
            Input::Pixels(x) => MatRef::new(x, images, inputs).mostly_zero(),
            Input::Activations(x) => MatRef::new(x, images, inputs),
        }
    }
}

/// y = activation(x W^T + b).
pub(super) fn dense(
    isa: Isa,
    layer: &Layer,
    x: Input,
    images: usize,
    activation: Option<Activation>,
    y: &mut Vec<f32>,
) {
    let y = sized(y, elements("an output", images, layer.outputs()));
    let finish = match activation {
        Some(Activation::Relu) => Finish::BiasRelu(layer.bias),
        _ => Finish::Bias(layer.bias),
    };
    matmul(isa, x.matrix(images, layer.inputs()), layer.matrix().t(), y, Start::Zero, finish);
    if let Some(activation @ (Activation::Tanh | Activation::Softplus)) = activation {
        activation::apply(isa, activation, y);
    }
}

/// dW = dy^T x and db = the sums of dy over images.
pub(super) fn weight_gradient(isa: Isa, dy: &[f32], x: Input, images: usize, gradient: &mut LayerGradient) {
    let outputs = gradient.bias.len();
    let inputs = gradient.weight.len().checked_div(outputs).unwrap_or(0);
    let dy_t = MatRef::new(dy, images, outputs).t();
    matmul(isa, dy_t, x.matrix(images, inputs), &mut gradient.weight, Start::Zero, Finish::Nothing);
    reduce::column_sums(isa, dy, images, &mut gradient.bias);
}

/// dx = the sum of dy W over the layers that read x, times the slope of the activation that made x.
pub(super) fn input_gradient(
    isa: Isa,
    from: &[(&[f32], &Layer)],
    images: usize,
    made_by: Option<(Activation, &[f32])>,
    dx: &mut [f32],
) {
    for (i, (dy, layer)) in from.iter().enumerate() {
        let start = if i == 0 { Start::Zero } else { Start::C };
        let finish = match made_by {
            Some((Activation::Relu, x)) if i + 1 == from.len() => Finish::WhereAboveZero(x),
            _ => Finish::Nothing,
        };
        let dy = MatRef::new(dy, images, layer.outputs());
        matmul(isa, dy, layer.matrix(), dx, start, finish);
    }
    if let Some((activation @ (Activation::Tanh | Activation::Softplus), x)) = made_by {
        activation::backward(isa, activation, x, dx);
    }
}
