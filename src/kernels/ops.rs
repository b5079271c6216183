//! The kernels as Candle operations: what a model on the CPU in `f32` is computed with.
//!
//! Gradients flow through Candle's graph, but for those of a layer's own weight and bias: these are left in a
//! [`Sink`], a buffer that is kept from step to step. Candle's store would clear and add a copy of every weight's
//! gradient in every step, which costs as much as the optimiser.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, bail};

use super::dispatch::Isa;
use super::latent::{self, Upstream};
use super::likelihood::{self, Loss};
use super::matmul::{Finish, MatRef, Start, matmul};
use super::parallel::Scale;
use super::reduce;

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

/// What follows the sum in a dense layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// max(y, 0).
    Relu,
}

/// Whether anything wants the gradient of a layer's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputGradient {
    /// Yes.
    Wanted,
    /// No: the input is data.
    Unwanted,
}

/// x W^T + b, then `then`: `[batch, inputs]`, `[outputs, inputs]` and `[outputs]` to `[batch, outputs]`.
///
/// The gradients of `weight` and `bias` go to the sinks and not to Candle's store.
pub fn dense(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    then: Then,
    input_gradient: InputGradient,
    sinks: (&Sink, &Sink),
) -> Result<Tensor> {
    let op = Dense { then, input_gradient, weight: sinks.0.clone(), bias: sinks.1.clone() };
    x.contiguous()?.apply_op3(weight, bias, op)
}

struct Dense {
    then: Then,
    input_gradient: InputGradient,
    weight: Sink,
    bias: Sink,
}

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
        let finish = match self.then {
            Then::Nothing => Finish::Bias(b),
            Then::Relu => Finish::BiasRelu(b),
        };
        let (x, w) = (MatRef::new(x, batch, inputs), MatRef::new(w, outputs, inputs));
        matmul(Isa::best(), x, w.t(), &mut y, Start::Zero, finish);
        Ok((CpuStorage::F32(y), Shape::from((batch, outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (batch, inputs) = x.dims2()?;
        let outputs = y.dim(1)?;
        let isa = Isa::best();
        let dy = dy.contiguous()?;
        let dy = match self.then {
            Then::Nothing => dy,
            Then::Relu => dy.apply_op2_no_bwd(&y.contiguous()?, &ReluBackward)?,
        };
        with_floats(&dy, |dy| {
            let gradient = MatRef::new(dy, batch, outputs);
            with_floats(x, |x| {
                let mut weight = self.weight.sized(outputs * inputs);
                let x = MatRef::new(x, batch, inputs);
                matmul(isa, gradient.t(), x, &mut weight, Start::Zero, Finish::Nothing);
                Ok(())
            })?;
            reduce::column_sums(isa, dy, batch, &mut self.bias.sized(outputs));
            if self.input_gradient == InputGradient::Unwanted {
                return Ok((None, None, None));
            }
            let dx = with_floats(weight, |w| {
                let mut dx = vec![0f32; batch * inputs];
                let w = MatRef::new(w, outputs, inputs);
                matmul(isa, gradient, w, &mut dx, Start::Zero, Finish::Nothing);
                Tensor::from_vec(dx, (batch, inputs), &Device::Cpu)
            })?;
            Ok((Some(dx), None, None))
        })
    }
}

/// dy where y is above 0.
struct ReluBackward;

impl CustomOp2 for ReluBackward {
    fn name(&self) -> &'static str {
        "relu-backward"
    }

    fn cpu_fwd(
        &self,
        dy: &CpuStorage,
        dy_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (dy, y) = (floats(dy, dy_layout)?, floats(y, y_layout)?);
        let mut dx = vec![0f32; dy.len()];
        reduce::relu_backward(Isa::best(), dy, y, &mut dx);
        Ok((CpuStorage::F32(dx), dy_layout.shape().clone()))
    }
}

/// Sums of `loss` over each row, `[batch]`, of predictions against targets, both `[batch, pixels]`.
///
/// Gradients flow into the prediction alone.
pub fn row_sums(loss: Loss, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    prediction.contiguous()?.apply_op2(&target.contiguous()?, RowSums(loss))
}

struct RowSums(Loss);

impl CustomOp2 for RowSums {
    fn name(&self) -> &'static str {
        "row-sums-of-a-loss"
    }

    fn cpu_fwd(
        &self,
        p: &CpuStorage,
        p_layout: &Layout,
        x: &CpuStorage,
        x_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, cols) = p_layout.shape().dims2()?;
        if x_layout.shape().dims() != [rows, cols] {
            bail!("a loss of predictions {:?} against targets {:?}", p_layout.shape(), x_layout.shape())
        }
        let mut sums = vec![0f32; rows];
        likelihood::row_sums(Isa::best(), self.0, floats(p, p_layout)?, floats(x, x_layout)?, cols, &mut sums);
        Ok((CpuStorage::F32(sums), Shape::from(rows)))
    }

    fn bwd(
        &self,
        p: &Tensor,
        x: &Tensor,
        _sums: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (rows, cols) = p.dims2()?;
        let scale = upstream.to_vec1::<f32>()?;
        let gradient = with_floats(p, |p| {
            with_floats(x, |x| {
                let mut gradient = vec![0f32; rows * cols];
                likelihood::grad(Isa::best(), self.0, p, x, cols, Scale::Rows(&scale), &mut gradient);
                Tensor::from_vec(gradient, (rows, cols), &Device::Cpu)
            })
        })?;
        Ok((Some(gradient), None))
    }
}

/// z = mean + exp(logvar/2) * noise and KL per latent, both of the shape of `mean`.
pub fn sample(mean: &Tensor, logvar: &Tensor, noise: &Tensor) -> Result<(Tensor, Tensor)> {
    let both = mean.contiguous()?.apply_op3(&logvar.contiguous()?, &noise.contiguous()?, Sample)?;
    Ok((both.get(0)?, both.get(1)?))
}

struct Sample;

impl CustomOp3 for Sample {
    fn name(&self) -> &'static str {
        "gaussian-sample-and-kl"
    }

    fn cpu_fwd(
        &self,
        mean: &CpuStorage,
        mean_layout: &Layout,
        logvar: &CpuStorage,
        logvar_layout: &Layout,
        noise: &CpuStorage,
        noise_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = mean_layout.shape();
        if logvar_layout.shape() != shape || noise_layout.shape() != shape {
            bail!("mean {shape:?}, logvar {:?} and noise {:?} differ", logvar_layout.shape(), noise_layout.shape())
        }
        let (mean, logvar) = (floats(mean, mean_layout)?, floats(logvar, logvar_layout)?);
        let mut both = vec![0f32; 2 * mean.len()];
        let (z, kl) = both.split_at_mut(mean.len());
        latent::sample(Isa::best(), mean, logvar, floats(noise, noise_layout)?, z, kl);
        let dims: Vec<usize> = std::iter::once(2).chain(shape.dims().iter().copied()).collect();
        Ok((CpuStorage::F32(both), Shape::from(dims)))
    }

    fn bwd(
        &self,
        mean: &Tensor,
        logvar: &Tensor,
        noise: &Tensor,
        _both: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let upstream = upstream.contiguous()?;
        let n = mean.elem_count();
        let (mut dmean, mut dlogvar) = (vec![0f32; n], vec![0f32; n]);
        with_floats(mean, |mean| {
            with_floats(logvar, |logvar| {
                with_floats(noise, |noise| {
                    with_floats(&upstream, |upstream| {
                        let (dz, dkl) = upstream.split_at(n);
                        let from = Upstream { mean, logvar, noise, dz, dkl };
                        latent::sample_backward(Isa::best(), &from, &mut dmean, &mut dlogvar);
                        Ok(())
                    })
                })
            })
        })?;
        let shaped = |values| Tensor::from_vec(values, mean.shape().clone(), &Device::Cpu);
        Ok((Some(shaped(dmean)?), Some(shaped(dlogvar)?), None))
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
