//! The MLP VQ-VAE (van den Oord et al. 2017): x -> N vectors z -> their nearest codebook entries -> logits or mean of x.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{Linear, VarBuilder, VarMap};

use super::architecture::{Architecture, LatentShape, LogSigma};
use super::codebook::{Averages, CodeShape, CodebookRule, StepId};
use super::init::Start;
use super::plain::CodeLayers;
use crate::engine::fused::{self, LayerTensors, Workspaces};
use crate::engine::fused_codes::{self, CodeNetworkTensors, CodebookGradient, VqVaeTensors};
use crate::engine::{Backend, Engine};
use crate::pass::{Batch, CodeLatents, DecoderLoss, Latents, Pass, Tape};

/// The name of the codebook: that of a `nn.Embedding` called `codebook`.
const CODEBOOK: &str = "codebook.weight";

/// The model: parameters, codebook, and how they are applied. Deterministic, without noise.
#[derive(Clone, Debug)]
pub struct VqVae {
    layers: CodeLayers,
    /// What the optimiser moves: a weight and a bias of each layer, the codebook where it has a gradient, the log sigma.
    parameters: Vec<(String, Var)>,
    /// What it does not: the codebook where moving averages make it, and those.
    buffers: Vec<(String, Var)>,
    codebook: Var,
    averages: Option<Averages>,
    log_sigma: Option<Var>,
    shape: CodeShape,
    seed: u64,
    backend: Backend,
    workspaces: Workspaces<fused_codes::Workspace>,
}

impl VqVae {
    /// A model with the initial parameters of `start`.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or the architecture is another family's.
    pub fn new(architecture: &Architecture, start: &Start<'_>, backend: &Backend) -> Result<Self> {
        let LatentShape::Codes(shape) = architecture.latents else {
            candle_core::bail!("a VQ-VAE is made of an architecture with codes")
        };
        let (dtype, device) = (backend.dtype(), backend.device());
        let mut parameters = Vec::new();
        for (name, dims, values) in start.draw(architecture)? {
            let tensor = Tensor::from_vec(values, dims, &Device::Cpu)?.to_dtype(dtype)?;
            parameters.push((name, Var::from_tensor(&tensor.to_device(device)?)?));
        }
        let map = VarMap::new();
        match map.data().lock() {
            Ok(mut named) => named.extend(parameters.iter().cloned()),
            Err(_) => candle_core::bail!("the map of parameters is locked by a thread that panicked"),
        }
        let layers = CodeLayers::new(architecture, &VarBuilder::from_varmap(&map, dtype, device))?;
        let CodeShape { codebook_size, code_dim, rule, init, .. } = shape;
        let entries = init.draw(codebook_size, code_dim, start.seed, architecture.layers().len());
        let entries = Tensor::from_vec(entries, (codebook_size, code_dim), &Device::Cpu)?;
        let codebook = Var::from_tensor(&entries.to_dtype(dtype)?.to_device(device)?)?;
        let named = |name: &str, var: &Var| (name.to_owned(), var.clone());
        let mut buffers = Vec::new();
        let averages = match rule {
            CodebookRule::Gradient => {
                parameters.push(named(CODEBOOK, &codebook));
                None
            }
            CodebookRule::Ema(ema) => {
                let averages = Averages::new(ema, &entries)?;
                buffers.push(named(CODEBOOK, &codebook));
                buffers.push(named("codebook.ema_counts", &averages.counts));
                buffers.push(named("codebook.ema_sums", &averages.sums));
                buffers.push(named("codebook.ema_weight", &averages.weight));
                Some(averages)
            }
        };
        let log_sigma = match architecture.log_sigma {
            LogSigma::Absent => None,
            LogSigma::Learned => Some(Var::zeros(1, dtype, device)?),
        };
        parameters.extend(log_sigma.iter().map(|p| named("log_sigma", p)));
        Ok(VqVae {
            layers,
            parameters,
            buffers,
            codebook,
            averages,
            log_sigma,
            shape,
            seed: start.seed,
            backend: backend.clone(),
            workspaces: Workspaces::default(),
        })
    }

    /// A pass over `batch`: encodes x, takes the nearest entries, decodes them, and computes `loss` of the output.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn pass(&self, batch: &Batch, loss: &dyn DecoderLoss) -> Result<Pass> {
        let log_sigma = self.log_sigma.as_ref().map(|p| p.as_tensor().clone());
        match self.backend.engine() {
            Engine::Fused => {
                let kernel = loss.kernel();
                let network = CodeNetworkTensors {
                    layers: tensors_of(self.layers.all())?,
                    hidden: self.layers.encoder.len(),
                    activation: self.layers.activation.kernel(),
                    codebook: self.codebook.as_tensor().clone(),
                    loss: kernel,
                };
                let wanted = match self.shape.rule {
                    CodebookRule::Gradient => CodebookGradient::Wanted,
                    CodebookRule::Ema(_) => CodebookGradient::Unwanted,
                };
                let (tensors, fused) = fused_codes::vq_vae(network, &batch.x, wanted, &self.workspaces)?;
                let VqVaeTensors { decoded, codebook, commitment, z, codes } = tensors;
                let energy = if kernel.is_some() { decoded } else { loss.per_image(&decoded, &batch.x)? };
                let latents = Latents::Codes(CodeLatents { z, codes, codebook, commitment });
                let tape = Tape::FusedCodes(Box::new(fused), log_sigma.iter().cloned().collect());
                Ok(Pass { energy, log_sigma, latents, tape })
            }
            Engine::Candle => {
                let z = self.layers.encode(&batch.x)?;
                let (images, width) = z.dims2()?;
                let codes = self.nearest(&z)?;
                let index = Tensor::new(codes.as_slice(), self.backend.device())?;
                let entries = self.codebook.index_select(&index, 0)?.reshape((images, width))?;
                let per_image = |a: &Tensor, b: &Tensor| (a - b)?.sqr()?.sum(D::Minus1);
                let codebook = per_image(&z.detach(), &entries)?;
                let commitment = per_image(&z, &entries.detach())?;
                let straight_through = (&z + (&entries - &z)?.detach())?;
                let energy = loss.per_image(&self.layers.decode(&straight_through)?, &batch.x)?;
                let latents = Latents::Codes(CodeLatents { z: z.detach(), codes, codebook, commitment });
                let tape = Tape::Candle(self.parameters.iter().map(|(_, p)| p.as_tensor().clone()).collect());
                Ok(Pass { energy, log_sigma, latents, tape })
            }
        }
    }

    /// Moves the codebook by its moving averages, where it has such.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn after_step(&mut self, pass: &Pass, at: StepId) -> Result<()> {
        match (self.shape.rule, &self.averages, &pass.latents) {
            (CodebookRule::Ema(ema), Some(averages), Latents::Codes(latents)) => {
                let z = latents.z.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
                let entries = averages.update(ema, &z, &latents.codes, at)?;
                self.set_codebook(entries)
            }
            _ => Ok(()),
        }
    }

    /// Makes the codebook from the first batch, where it begins so.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn start_from(&mut self, x: &Tensor) -> Result<()> {
        let CodeShape { codebook_size, code_dim, rule, init, .. } = self.shape;
        if !init.needs_data() {
            return Ok(());
        }
        let z = self.encode(x)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let entries = init.entries_of(&z, codebook_size, code_dim, self.seed);
        self.set_codebook(entries)?;
        if let (CodebookRule::Ema(ema), Some(averages)) = (rule, &self.averages) {
            let fresh = Averages::new(ema, self.codebook.as_tensor())?;
            averages.sums.set(fresh.sums.as_tensor())?;
        }
        Ok(())
    }

    fn set_codebook(&self, entries: Vec<f32>) -> Result<()> {
        let entries = Tensor::from_vec(entries, self.codebook.shape(), &Device::Cpu)?;
        self.codebook.set(&entries.to_dtype(self.backend.dtype())?.to_device(self.backend.device())?)
    }

    /// The encoder's output for the pixels `x`, `[batch, N * d]`, before any code is taken.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn encode(&self, x: &Tensor) -> Result<Tensor> {
        match self.backend.engine() {
            Engine::Candle => self.layers.encode(x),
            Engine::Fused => {
                let layers = tensors_of(self.layers.encoder.iter().chain([&self.layers.codes]))?;
                fused::mlp(&layers, x, self.layers.activation.kernel(), None)
            }
        }
    }

    /// The entry of every code of the pixels `x`, `[batch * N]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn codes(&self, x: &Tensor) -> Result<Vec<u32>> {
        self.nearest(&self.encode(x)?)
    }

    /// The entries numbered `codes`, N of an image, as the decoder reads them: `[images, N * d]`.
    ///
    /// # Errors
    /// Where there is no such entry, or the codes are no whole number of images.
    pub fn entries(&self, codes: &[u32]) -> Result<Tensor> {
        let CodeShape { codes: n, code_dim, .. } = self.shape;
        let index = Tensor::new(codes, self.backend.device())?;
        self.codebook.index_select(&index, 0)?.reshape((codes.len() / n.max(1), n * code_dim))
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the entries `e`, `[batch, N * d]`. Not to be differentiated.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, e: &Tensor) -> Result<Tensor> {
        match self.backend.engine() {
            Engine::Candle => self.layers.decode(e),
            Engine::Fused => fused::mlp(&tensors_of(&self.layers.decoder)?, e, self.layers.activation.kernel(), None),
        }
    }

    fn nearest(&self, z: &Tensor) -> Result<Vec<u32>> {
        match self.backend.engine() {
            Engine::Fused => fused_codes::nearest_codes(self.codebook.as_tensor(), z),
            Engine::Candle => {
                let z = z.detach().reshape(((), self.shape.code_dim))?;
                let half_norm = (self.codebook.as_tensor().detach().sqr()?.sum(D::Minus1)? * 0.5)?;
                let product = z.matmul(&self.codebook.as_tensor().detach().t()?)?;
                product.broadcast_sub(&half_norm)?.argmax(D::Minus1)?.to_vec1()
            }
        }
    }

    /// What the optimiser moves, under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// What it does not and a checkpoint must hold.
    pub fn buffers(&self) -> &[(String, Var)] {
        &self.buffers
    }

    /// The codebook, `[K, d]`.
    pub fn codebook(&self) -> &Var {
        &self.codebook
    }

    /// The sizes of the code and the rule of its codebook.
    pub fn shape(&self) -> CodeShape {
        self.shape
    }

    /// The learned log sigma of the likelihood, where there is one.
    ///
    /// # Errors
    /// Where the number cannot be read.
    pub fn log_sigma(&self) -> Result<Option<f64>> {
        let value = |p: &Var| p.to_dtype(DType::F64)?.reshape(())?.to_scalar::<f64>();
        self.log_sigma.as_ref().map(value).transpose()
    }

    /// What computes the model, and where.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }
}

/// What a file of weights holds beside the parameters.
pub(super) fn is_weight(name: &str) -> bool {
    name == CODEBOOK
}

fn tensors_of<'a>(layers: impl IntoIterator<Item = &'a Linear>) -> Result<Vec<LayerTensors>> {
    let tensors = |layer: &Linear| {
        let Some(bias) = layer.bias() else { candle_core::bail!("a dense layer without a bias") };
        Ok(LayerTensors { weight: layer.weight().clone(), bias: bias.clone() })
    };
    layers.into_iter().map(tensors).collect()
}
