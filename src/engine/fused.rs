//! The fused engine: the kernels of `crates/kernels` on Candle's tensors, for a model on the CPU in `f32`.
//!
//! A whole network is one pass. Its losses are leaves of Candle's graph, a few thousand numbers that an objective is
//! built from; [`FusedPass::backward`] takes their gradients from Candle's store and goes on through the network by itself.
//! So Candle never sees the gradients of weights, which its store would clear and add copies of in every step.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Storage, Tensor, Var, bail};

use kernels::Isa;
use kernels::activation::{self, Activation};
use kernels::latent::Noise;
use kernels::likelihood::Loss;
use kernels::matmul::{Epilogue, MatRef, matmul};
use kernels::network::{Batch, Computed, Layer, Network, backward, forward};

pub use kernels::network::Workspace;

/// Parameters of a layer.
#[derive(Clone, Debug)]
pub struct LayerTensors {
    /// `[outputs, inputs]`
    pub weight: Tensor,
    /// `[outputs]`
    pub bias: Tensor,
}

/// A network by its tensors; see [`Network`].
#[derive(Clone, Debug)]
pub struct NetworkTensors {
    /// The encoder's hidden layers, the mean, the logvar, and the decoder's layers: in this order.
    pub layers: Vec<LayerTensors>,
    /// How many of them are the encoder's hidden layers.
    pub hidden: usize,
    /// Between the layers.
    pub activation: Activation,
    /// How z is drawn.
    pub noise: Noise,
    /// What is computed of the decoder's output.
    pub loss: Option<Loss>,
}

/// What [`vae`] computes: leaves of Candle's graph.
#[derive(Clone, Debug)]
pub struct VaeTensors {
    /// The loss of every image, `[batch]`, or the decoder's output, `[batch, pixels]`, where there is no loss.
    pub decoded: Tensor,
    /// KL of every latent, `[batch, latents]`.
    pub kl: Tensor,
    /// The posterior's mean, `[batch, latents]`.
    pub mean: Tensor,
    /// Its logvar, `[batch, latents]`.
    pub logvar: Tensor,
    /// The sample, `[batch, latents]`.
    pub z: Tensor,
}

/// Buffers of passes that no pass is using; clones share them.
#[derive(Debug)]
pub struct Workspaces<W>(Arc<Mutex<Vec<W>>>);

impl<W> Default for Workspaces<W> {
    fn default() -> Self {
        Workspaces(Arc::default())
    }
}

impl<W> Clone for Workspaces<W> {
    fn clone(&self) -> Self {
        Workspaces(Arc::clone(&self.0))
    }
}

impl<W: Default> Workspaces<W> {
    pub(super) fn take(&self) -> W {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, workspace: W) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}

/// A pass of `network` over the pixels `x`, `[batch, pixels]`, with `noise`, `[batch, latents]`.
///
/// # Errors
/// Where shapes do not fit together.
pub fn vae(
    network: NetworkTensors,
    x: &Tensor,
    noise: &Tensor,
    workspaces: &Workspaces<Workspace>,
) -> Result<(VaeTensors, FusedPass)> {
    let (batch, pixels) = x.dims2()?;
    let mut inputs = pixels;
    for (i, layer) in network.layers.iter().enumerate() {
        let (outputs, columns) = layer.weight.dims2()?;
        // The mean and the logvar read the same, and the decoder reads z.
        if columns != inputs || layer.bias.dims() != [outputs] {
            bail!(
                "layer {i} of {outputs} x {columns} with biases {:?} does not take {inputs} inputs",
                layer.bias.dims()
            )
        }
        inputs = if i == network.hidden { inputs } else { outputs };
    }
    let latents = network.layers.get(network.hidden).map_or(0, |mean| mean.bias.elem_count());
    if network.layers.len() < network.hidden + 3 || inputs != pixels || noise.dims() != [batch, latents] {
        bail!("a network of {} layers for {pixels} pixels with noise {:?}", network.layers.len(), noise.shape())
    }
    let (x, noise) = (x.contiguous()?, noise.contiguous()?);
    let mut workspace = workspaces.take();
    with_inputs(&network, &x, &noise, |network, batch| forward(Isa::best(), network, batch, &mut workspace))?;
    let leaf = |values: &[f32], shape: &[usize]| Var::from_slice(values, shape, &Device::Cpu).map(Var::into_inner);
    let computed = workspace.computed(network.hidden);
    let tensors = VaeTensors {
        decoded: match network.loss {
            Some(_) => leaf(computed.loss, &[batch])?,
            None => leaf(computed.output, &[batch, pixels])?,
        },
        kl: leaf(computed.kl, &[batch, latents])?,
        mean: leaf(computed.mean, &[batch, latents])?,
        logvar: leaf(computed.logvar, &[batch, latents])?,
        z: leaf(computed.z, &[batch, latents])?,
    };
    let pass = FusedPass { network, x, noise, leaves: tensors.clone(), workspace, workspaces: workspaces.clone() };
    Ok((tensors, pass))
}

/// A forward pass that can be followed by its backward pass.
#[derive(Debug)]
pub struct FusedPass {
    network: NetworkTensors,
    x: Tensor,
    noise: Tensor,
    leaves: VaeTensors,
    workspace: Workspace,
    workspaces: Workspaces<Workspace>,
}

impl Drop for FusedPass {
    fn drop(&mut self) {
        self.workspaces.give_back(std::mem::take(&mut self.workspace));
    }
}

impl FusedPass {
    /// The gradients of all parameters, of each layer's weight and then of its bias, for an objective whose backward
    /// pass filled `store`.
    ///
    /// # Errors
    /// Where what was decoded had no part in the objective.
    pub fn backward(&mut self, store: &GradStore) -> Result<impl Iterator<Item = &[f32]>> {
        let slopes = |leaf: &Tensor| match store.get(leaf) {
            Some(slopes) => slopes.flatten_all()?.to_vec1::<f32>(),
            None => Ok(Vec::new()),
        };
        let VaeTensors { decoded, kl, mean, logvar, z } = &self.leaves;
        let (decoded, mean, logvar, z) = (slopes(decoded)?, slopes(mean)?, slopes(logvar)?, slopes(z)?);
        let mut kl = slopes(kl)?;
        kl.resize(self.noise.elem_count(), 0.0);
        if decoded.is_empty() && self.x.elem_count() > 0 {
            bail!("what was decoded has no part in the objective")
        }
        let (loss, output) =
            if self.network.loss.is_some() { (&*decoded, [].as_slice()) } else { ([].as_slice(), &*decoded) };
        let grads = Computed { loss, kl: &kl, mean: &mean, logvar: &logvar, z: &z, output };
        with_inputs(&self.network, &self.x, &self.noise, |network, batch| {
            backward(Isa::best(), network, batch, &grads, &mut self.workspace);
        })?;
        Ok(self.workspace.gradients())
    }
}

/// Calls `f` with the numbers of a network and of a batch.
fn with_inputs<R>(
    network: &NetworkTensors,
    x: &Tensor,
    noise: &Tensor,
    f: impl FnOnce(&Network, &Batch) -> R,
) -> Result<R> {
    let NetworkTensors { hidden, activation, noise: draw, loss, .. } = *network;
    let images = x.dim(0)?;
    with_numbers([x, noise], &network.layers, |[x, noise], layers| {
        f(&Network { layers, hidden, activation, noise: draw, loss }, &Batch { x, noise, images })
    })
}

/// Calls `f` with the numbers of `inputs` and of `layers`.
///
/// # Errors
/// Where a tensor is not contiguous, not `f32` or not on the CPU.
pub(super) fn with_numbers<const N: usize, R>(
    inputs: [&Tensor; N],
    layers: &[LayerTensors],
    f: impl FnOnce([&[f32]; N], &[Layer]) -> R,
) -> Result<R> {
    fn numbers<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
        match storage {
            Storage::Cpu(storage) => floats(storage, layout),
            _ => bail!("the kernels take tensors on the CPU"),
        }
    }
    let guards = inputs.map(Tensor::storage_and_layout);
    let layer_guards: Vec<_> =
        layers.iter().map(|layer| (layer.weight.storage_and_layout(), layer.bias.storage_and_layout())).collect();
    let mut inputs = [&[][..]; N];
    for (input, (storage, layout)) in inputs.iter_mut().zip(&guards) {
        *input = numbers(storage, layout)?;
    }
    let layers = layer_guards
        .iter()
        .map(|(weight, bias)| Ok(Layer { weight: numbers(&weight.0, weight.1)?, bias: numbers(&bias.0, bias.1)? }));
    Ok(f(inputs, &layers.collect::<Result<Vec<_>>>()?))
}

/// Dense layers one after the other, the activation between them and, where there is one, `last` after the last:
/// `[batch, inputs]` to `[batch, outputs]`. No gradient flows through them.
///
/// # Errors
/// Where shapes do not fit together.
pub fn mlp(layers: &[LayerTensors], x: &Tensor, activation: Activation, last: Option<Activation>) -> Result<Tensor> {
    let mut h = x.contiguous()?;
    for (i, layer) in layers.iter().enumerate() {
        let after = if i + 1 == layers.len() { last } else { Some(activation) };
        h = h.apply_op3_no_bwd(&layer.weight, &layer.bias, &Dense(after))?;
    }
    Ok(h)
}

/// activation(x W^T + b).
struct Dense(Option<Activation>);

impl CustomOp3 for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, inputs) = x_layout.shape().dims2()?;
        let (outputs, columns) = w_layout.shape().dims2()?;
        let (x, w, b) = (floats(x, x_layout)?, floats(w, w_layout)?, floats(b, b_layout)?);
        if columns != inputs || b.len() != outputs {
            bail!("a dense layer of {outputs} x {columns} with {} biases does not take {inputs} inputs", b.len())
        }
        let mut y = vec![0f32; batch * outputs];
        let (x, w) = (MatRef::new(x, batch, inputs), MatRef::new(w, outputs, inputs));
        matmul(Isa::best(), x, w.t(), &mut y, Epilogue::Bias(b));
        if let Some(activation) = self.0 {
            activation::apply(Isa::best(), activation, &mut y);
        }
        Ok((CpuStorage::F32(y), Shape::from((batch, outputs))))
    }
}

/// The floats of a contiguous storage.
fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (CpuStorage::F32(all), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
        bail!("the kernels take contiguous f32 tensors")
    };
    Ok(&all[start..end])
}
