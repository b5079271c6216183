//! The kernels as Candle operations: what a model on the CPU in `f32` is computed with.
//!
//! A whole network is one operation: Candle's graph holds the losses of a batch, a few thousand numbers, and its backward
//! pass hands their slopes to the kernels. The gradients of weights and biases are left in [`Sink`]s, buffers that are
//! kept from step to step: Candle's store would clear and add a copy of each in every step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, bail};

use super::activation::{self, Activation};
use super::dispatch::Isa;
use super::latent::Noise;
use super::likelihood::Loss;
use super::matmul::{Finish, MatRef, Start, matmul};
use super::network::{Batch, Computed, Layer, LayerGradient, Network, Workspace, backward, forward};

/// Whether tensors like `x` are computed by the kernels: in `f32` on the CPU.
pub fn serve(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32
}

/// Where a backward pass leaves the gradient of one parameter.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Vec<f32>>>);

impl Sink {
    /// The gradient of the last backward pass.
    pub fn get(&self) -> MutexGuard<'_, Vec<f32>> {
        // A panic while it was written leaves old numbers, which the next pass overwrites.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buffer at this length, with whatever was in it.
    fn sized(&self, len: usize) -> MutexGuard<'_, Vec<f32>> {
        let mut buffer = self.get();
        buffer.resize(len, 0.0);
        buffer
    }
}

/// Parameters of a layer, and where their gradients go.
#[derive(Clone, Debug)]
pub struct LayerTensors {
    /// `[outputs, inputs]`
    pub weight: Tensor,
    /// `[outputs]`
    pub bias: Tensor,
    /// Of the weight and of the bias.
    pub sinks: (Sink, Sink),
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

/// What [`vae`] computes.
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

/// Workspaces that no pass is using.
#[derive(Clone, Debug, Default)]
pub struct Workspaces(Arc<Mutex<Vec<Workspace>>>);

impl Workspaces {
    fn take(&self) -> Workspace {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, workspace: Workspace) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}

/// A pass of `network` over the pixels `x`, `[batch, pixels]`, with `noise`, `[batch, latents]`.
///
/// A backward pass leaves the gradients of all parameters in their sinks, and none in Candle's store.
///
/// # Errors
/// Where shapes do not fit together.
pub fn vae(network: NetworkTensors, x: &Tensor, noise: &Tensor, workspaces: &Workspaces) -> Result<VaeTensors> {
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
    let means = network.layers.get(network.hidden).map_or(0, |mean| mean.bias.elem_count());
    if network.layers.len() < network.hidden + 3 || inputs != pixels || noise.dims() != [batch, means] {
        bail!("a network of {} layers for {pixels} pixels with noise {:?}", network.layers.len(), noise.shape())
    }
    let decoded = if network.loss.is_some() { vec![batch] } else { vec![batch, pixels] };
    let Some(first) = network.layers.first().map(|layer| layer.weight.clone()) else {
        bail!("a network without layers")
    };
    let op = Vae { network, workspace: Mutex::new(workspaces.take()), workspaces: workspaces.clone() };
    // The first weight stands for all: Candle then knows that there is something to differentiate.
    let packed = x.contiguous()?.apply_op3(&noise.contiguous()?, &first, op)?;
    let latent = |i: usize| packed.narrow(0, i * batch * means, batch * means)?.reshape((batch, means));
    let from = 4 * batch * means;
    Ok(VaeTensors {
        kl: latent(0)?,
        mean: latent(1)?,
        logvar: latent(2)?,
        z: latent(3)?,
        decoded: packed.narrow(0, from, packed.elem_count() - from)?.reshape(decoded)?,
    })
}

/// KL, mean, logvar, z and what is decoded, one after the other.
struct Vae {
    network: NetworkTensors,
    workspace: Mutex<Workspace>,
    workspaces: Workspaces,
}

impl Drop for Vae {
    fn drop(&mut self) {
        self.workspaces.give_back(std::mem::take(&mut *self.workspace()));
    }
}

impl Vae {
    fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with the network's numbers.
    fn with_network<R>(&self, f: impl FnOnce(&Network) -> Result<R>) -> Result<R> {
        let tensors: Vec<_> = self.network.layers.iter().flat_map(|layer| [&layer.weight, &layer.bias]).collect();
        let guards: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
        let numbers = guards
            .iter()
            .map(|(storage, layout)| match &**storage {
                candle_core::Storage::Cpu(storage) => floats(storage, layout),
                _ => bail!("the kernels take tensors on the CPU"),
            })
            .collect::<Result<Vec<_>>>()?;
        let layers: Vec<_> = numbers.chunks_exact(2).map(|layer| Layer { weight: layer[0], bias: layer[1] }).collect();
        let NetworkTensors { hidden, activation, noise, loss, .. } = self.network;
        f(&Network { layers: &layers, hidden, activation, noise, loss })
    }
}

impl CustomOp3 for Vae {
    fn name(&self) -> &'static str {
        "vae"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        noise: &CpuStorage,
        noise_layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let batch =
            Batch { x: floats(x, x_layout)?, noise: floats(noise, noise_layout)?, images: x_layout.shape().dims2()?.0 };
        let mut workspace = self.workspace();
        self.with_network(|network| {
            forward(Isa::best(), network, &batch, &mut workspace);
            Ok(())
        })?;
        let computed = workspace.computed(self.network.hidden);
        let decoded = if self.network.loss.is_some() { computed.energy } else { computed.output };
        let packed = [computed.kl, computed.mean, computed.logvar, computed.z, decoded].concat();
        let len = packed.len();
        Ok((CpuStorage::F32(packed), Shape::from(len)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        noise: &Tensor,
        _: &Tensor,
        _packed: &Tensor,
        slopes: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let slopes = slopes.contiguous()?;
        with_floats(x, |x_values| {
            with_floats(noise, |noise| {
                with_floats(&slopes, |slopes| {
                    let batch = Batch { x: x_values, noise, images: x.dim(0)? };
                    let (kl, rest) = slopes.split_at(noise.len());
                    let (mean, rest) = rest.split_at(noise.len());
                    let (logvar, rest) = rest.split_at(noise.len());
                    let (z, decoded) = rest.split_at(noise.len());
                    let (energy, output) =
                        if self.network.loss.is_some() { (decoded, [].as_slice()) } else { ([].as_slice(), decoded) };
                    let slopes = Computed { energy, kl, mean, logvar, z, output };
                    self.with_network(|network| {
                        let mut sinks: Vec<_> = (self.network.layers.iter().zip(network.layers))
                            .map(|(tensors, layer)| {
                                (tensors.sinks.0.sized(layer.weight.len()), tensors.sinks.1.sized(layer.bias.len()))
                            })
                            .collect();
                        let mut gradients: Vec<_> =
                            sinks.iter_mut().map(|(weight, bias)| LayerGradient { weight, bias }).collect();
                        backward(Isa::best(), network, &batch, &slopes, &mut self.workspace(), &mut gradients);
                        Ok(())
                    })
                })
            })
        })?;
        Ok((None, None, None))
    }
}

/// activation(x W^T + b): `[batch, inputs]`, `[outputs, inputs]` and `[outputs]` to `[batch, outputs]`. No gradient flows
/// through it.
///
/// # Errors
/// Where shapes do not fit together.
pub fn dense(x: &Tensor, weight: &Tensor, bias: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
    x.contiguous()?.apply_op3_no_bwd(weight, bias, &Dense(activation))
}

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
        matmul(Isa::best(), x, w.t(), &mut y, Start::Zero, Finish::Bias(b));
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

/// Calls `f` with the floats of a contiguous CPU tensor.
fn with_floats<R>(x: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => f(floats(storage, layout)?),
        _ => bail!("the kernels take tensors on the CPU"),
    }
}
