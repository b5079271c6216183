//! One dense layer: its output, and the gradients of its parameters and of its input.

use crate::elementwise::activation::{self, Activation};
use crate::elementwise::reduce;
use crate::gemm::matmul::{Epilogue, MatRef, matmul};
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
    fn outputs(&self) -> usize {
        self.bias.len()
    }

    fn inputs(&self) -> usize {
        self.weight.len().checked_div(self.bias.len()).unwrap_or(0)
    }

    fn matrix(&self) -> MatRef<'_> {
        MatRef::new(self.weight, self.outputs(), self.inputs())
    }
}

/// All gradients of one layer.
#[derive(Debug, Default)]
pub(super) struct LayerGrads {
    /// Of its output, `[images, outputs]`.
    pub(super) output: Vec<f32>,
    /// Of its weight and bias.
    pub(super) parameters: ParameterGrads,
}

/// The gradients of a layer's parameters.
#[derive(Debug, Default)]
pub(super) struct ParameterGrads {
    /// `[outputs, inputs]`
    pub(super) weight: Vec<f32>,
    /// `[outputs]`
    pub(super) bias: Vec<f32>,
}

impl ParameterGrads {
    /// Makes room for the gradients of `layer`.
    pub(super) fn resize(&mut self, layer: &Layer) {
        sized(&mut self.weight, layer.weight.len());
        sized(&mut self.bias, layer.bias.len());
    }
}

/// The buffer with this length, contents unspecified.
pub(super) fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

/// The input of a layer.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// Data, most of which may be 0.
    Pixels(&'a [f32]),
    /// The output of another layer, or a sample.
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
    let (epilogue, remaining) = match activation {
        None => (Epilogue::Bias(layer.bias), None),
        Some(Activation::Relu) => (Epilogue::BiasRelu(layer.bias), None),
        Some(activation @ (Activation::Tanh | Activation::Softplus | Activation::Elu)) => {
            (Epilogue::Bias(layer.bias), Some(activation))
        }
    };
    matmul(isa, x.matrix(images, layer.inputs()), layer.matrix().t(), y, epilogue);
    if let Some(activation) = remaining {
        activation::apply(isa, activation, y);
    }
}

/// dW = dy^T x and db = the sums of dy over images.
pub(super) fn parameter_grads(isa: Isa, dy: &[f32], x: Input, images: usize, grads: &mut ParameterGrads) {
    let outputs = grads.bias.len();
    let inputs = grads.weight.len().checked_div(outputs).unwrap_or(0);
    let dy_t = MatRef::new(dy, images, outputs).t();
    matmul(isa, dy_t, x.matrix(images, inputs), &mut grads.weight, Epilogue::Nothing);
    reduce::column_sums(isa, dy, images, &mut grads.bias);
}

/// dx = dy W, times the derivative of the activation whose output x is; `dy` is the gradient of the output of the layer that
/// reads x.
pub(super) fn input_grad(
    isa: Isa,
    (dy, layer): (&[f32], &Layer),
    images: usize,
    activated: Option<(Activation, &[f32])>,
    dx: &mut [f32],
) {
    let (epilogue, remaining) = match activated {
        None => (Epilogue::Nothing, None),
        Some((Activation::Relu, x)) => (Epilogue::ReluBackward(x), None),
        Some((activation @ (Activation::Tanh | Activation::Softplus | Activation::Elu), x)) => {
            (Epilogue::Nothing, Some((activation, x)))
        }
    };
    matmul(isa, MatRef::new(dy, images, layer.outputs()), layer.matrix(), dx, epilogue);
    if let Some((activation, x)) = remaining {
        activation::backward(isa, activation, x, dx);
    }
}
