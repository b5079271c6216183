//! The fused engine for a VQ-VAE: as [`super::fused`] is for a VAE.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var, bail};

use kernels::Isa;
use kernels::activation::Activation;
use kernels::likelihood::Loss;
use kernels::nearest::{self, Codebook, Scores};
use kernels::network::vq_vae::{Batch, Network, Upstream, backward, forward};

pub use kernels::network::vq_vae::Workspace;

use super::fused::{LayerTensors, Workspaces, with_numbers};

/// A network by its tensors; see [`Network`].
#[derive(Clone, Debug)]
pub struct CodeNetworkTensors {
    /// The encoder's hidden layers, its output layer, and the decoder's layers: in this order.
    pub layers: Vec<LayerTensors>,
    /// How many of them are the encoder's hidden layers.
    pub hidden: usize,
    /// Between the layers.
    pub activation: Activation,
    /// `[K, d]`
    pub codebook: Tensor,
    /// What is computed of the decoder's output.
    pub loss: Option<Loss>,
}

/// What [`vq_vae`] computes.
#[derive(Clone, Debug)]
pub struct VqVaeTensors {
    /// The loss of every image, `[batch]`, or the decoder's output, `[batch, pixels]`: a leaf of Candle's graph.
    pub decoded: Tensor,
    /// The codebook term of every image, `[batch]`: a leaf.
    pub codebook: Tensor,
    /// The commitment term of every image, `[batch]`: a leaf.
    pub commitment: Tensor,
    /// The encoder's output, `[batch, N * d]`.
    pub z: Tensor,
    /// The entry of every code, `[batch * N]`.
    pub codes: Vec<u32>,
}

/// Whether the codebook is a parameter of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodebookGradient {
    /// Its gradient comes after those of the layers.
    Wanted,
    /// It is not.
    Unwanted,
}

/// A pass of `network` over the pixels `x`, `[batch, pixels]`.
///
/// # Errors
/// Where shapes do not fit together.
pub fn vq_vae(
    network: CodeNetworkTensors,
    x: &Tensor,
    wanted: CodebookGradient,
    workspaces: &Workspaces<Workspace>,
) -> Result<(VqVaeTensors, FusedCodesPass)> {
    let (batch, pixels) = x.dims2()?;
    let (entries, dim) = network.codebook.dims2()?;
    let mut inputs = pixels;
    for (i, layer) in network.layers.iter().enumerate() {
        let (outputs, columns) = layer.weight.dims2()?;
        if columns != inputs || layer.bias.dims() != [outputs] {
            let biases = layer.bias.dims();
            bail!("layer {i} of {outputs} x {columns} with biases {biases:?} does not take {inputs} inputs")
        }
        inputs = outputs;
    }
    let width = network.layers.get(network.hidden).map_or(0, |head| head.bias.elem_count());
    if network.layers.len() < network.hidden + 2
        || inputs != pixels
        || entries == 0
        || dim == 0
        || !width.is_multiple_of(dim)
    {
        bail!("a network of {} layers for {pixels} pixels with {entries} codes of {dim}", network.layers.len())
    }
    let x = x.contiguous()?;
    let mut workspace = workspaces.take();
    with_inputs(&network, &x, |network, batch| forward(Isa::best(), network, batch, &mut workspace))?;
    let leaf = |values: &[f32], shape: &[usize]| Var::from_slice(values, shape, &Device::Cpu).map(Var::into_inner);
    let computed = workspace.computed(network.hidden);
    let tensors = VqVaeTensors {
        decoded: match network.loss {
            Some(_) => leaf(computed.loss, &[batch])?,
            None => leaf(computed.output, &[batch, pixels])?,
        },
        codebook: leaf(computed.distance, &[batch])?,
        commitment: leaf(computed.distance, &[batch])?,
        z: Tensor::from_slice(computed.z, (batch, width), &Device::Cpu)?,
        codes: computed.codes.to_vec(),
    };
    let pass =
        FusedCodesPass { network, x, leaves: tensors.clone(), wanted, workspace, workspaces: workspaces.clone() };
    Ok((tensors, pass))
}

/// A forward pass that can be followed by its backward pass.
#[derive(Debug)]
pub struct FusedCodesPass {
    network: CodeNetworkTensors,
    x: Tensor,
    leaves: VqVaeTensors,
    wanted: CodebookGradient,
    workspace: Workspace,
    workspaces: Workspaces<Workspace>,
}

impl Drop for FusedCodesPass {
    fn drop(&mut self) {
        self.workspaces.give_back(std::mem::take(&mut self.workspace));
    }
}

impl FusedCodesPass {
    /// The gradients of all parameters, of each layer's weight and then of its bias, and of the codebook where it is one,
    /// for an objective whose backward pass filled `store`.
    ///
    /// # Errors
    /// Where what was decoded had no part in the objective.
    pub fn backward(&mut self, store: &GradStore) -> Result<impl Iterator<Item = &[f32]>> {
        let slopes = |leaf: &Tensor, len: usize| match store.get(leaf) {
            Some(slopes) => slopes.flatten_all()?.to_vec1::<f32>(),
            None => Ok(vec![0.0; len]),
        };
        let images = self.x.dim(0)?;
        let (codebook, commitment) = (slopes(&self.leaves.codebook, images)?, slopes(&self.leaves.commitment, images)?);
        let decoded = slopes(&self.leaves.decoded, 0)?;
        if decoded.is_empty() && self.x.elem_count() > 0 {
            bail!("what was decoded has no part in the objective")
        }
        let (loss, output) =
            if self.network.loss.is_some() { (&*decoded, [].as_slice()) } else { ([].as_slice(), &*decoded) };
        let grads = Upstream { loss, output, codebook: &codebook, commitment: &commitment };
        with_inputs(&self.network, &self.x, |network, batch| {
            backward(Isa::best(), network, batch, &grads, &mut self.workspace);
        })?;
        let of_codebook = (self.wanted == CodebookGradient::Wanted).then(|| self.workspace.codebook_gradient());
        Ok(self.workspace.gradients().chain(of_codebook))
    }
}

/// Calls `f` with the numbers of a network and of a batch.
fn with_inputs<R>(network: &CodeNetworkTensors, x: &Tensor, f: impl FnOnce(&Network, &Batch) -> R) -> Result<R> {
    let CodeNetworkTensors { hidden, activation, loss, .. } = *network;
    let (images, dim) = (x.dim(0)?, network.codebook.dim(1)?);
    with_numbers([x, &network.codebook], &network.layers, |[x, entries], layers| {
        let codebook = Codebook { entries, dim };
        f(&Network { layers, hidden, activation, codebook, loss }, &Batch { x, images })
    })
}

/// The number of the entry of `codebook`, `[K, d]`, that is nearest to each of the vectors in `z`, `[batch, N * d]`.
///
/// # Errors
/// Where shapes do not fit together.
pub fn nearest_codes(codebook: &Tensor, z: &Tensor) -> Result<Vec<u32>> {
    let (entries, dim) = codebook.dims2()?;
    if entries == 0 || dim == 0 || !z.elem_count().is_multiple_of(dim) {
        bail!("{} numbers are no whole number of codes of {dim}", z.elem_count())
    }
    let (book, z) = (codebook.flatten_all()?.to_vec1::<f32>()?, z.flatten_all()?.to_vec1::<f32>()?);
    let mut codes = vec![0; z.len() / dim];
    nearest::search(Isa::best(), Codebook { entries: &book, dim }, &z, &mut Scores::default(), &mut codes);
    Ok(codes)
}
