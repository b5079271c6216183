//! Everything random that a run used, as named tensors that another program replays; `docs/streams.md` describes them.

use std::collections::HashMap;
use std::io::Write;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use candle_core::{DType, Device};

use crate::data::{Binarize, Dataset, Images, PixelDraw, PixelRange, PixelStats, Pixels};
use crate::engine::Backend;
use crate::error::Result;
use crate::model::{LatentShape, Model, OutputBias, Start};
use crate::rng::{Purpose, Stream};
use crate::spec::RunSpec;
use crate::train::{Task, first_batch};

/// Rows that are made and written at a time.
const ROWS: usize = 1000;

/// The tensors of a run, made when they are written.
#[derive(Debug)]
pub struct Streams<'a> {
    spec: &'a RunSpec,
    data: &'a Dataset,
    initial: Model,
    tensors: Vec<Named>,
}

/// A tensor by name, shape and content.
#[derive(Debug)]
struct Named {
    name: String,
    shape: Vec<usize>,
    content: Content,
}

/// What a tensor holds.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// Parameter number so and so before the first step; f32 `[out, in]` or `[out]`.
    Initial(usize),
    /// The grey levels; u8 `[images, height, width]`.
    Images(Split),
    /// The 0 and 1 that were drawn for them; u8 `[images, pixels]`.
    Binarized(Split, u64),
    /// The numbers of the training images in the order of an epoch; u32 `[images]`.
    Order(u64),
    /// The noise of an epoch, in that order; f32 `[images, latents]`.
    TrainNoise(u64),
    /// The noise of the test images after an epoch; f32 `[images, latents]`.
    TestNoise(u64),
}

/// Which images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    Train,
    Test,
}

impl<'a> Streams<'a> {
    /// What a run of `spec` on `data` used from its beginning to the end of epoch number `epochs`.
    ///
    /// # Errors
    /// Where the initial model cannot be made.
    pub fn new(spec: &'a RunSpec, data: &'a Dataset, epochs: u32) -> Result<Self> {
        let initial = initial_model(spec, data)?;
        let mut tensors = Vec::new();
        for (i, (name, parameter)) in initial.weights().enumerate() {
            let content = Content::Initial(i);
            tensors.push(Named { name: format!("initial.{name}"), shape: parameter.dims().to_vec(), content });
        }
        tensors.extend(tensors_of(spec, data, epochs));
        Ok(Streams { spec, data, initial, tensors })
    }

    /// The bytes of all tensors.
    pub fn size(&self) -> u128 {
        self.tensors.iter().map(Named::size).sum()
    }

    /// How many tensors there are.
    pub fn count(&self) -> usize {
        self.tensors.len()
    }

    /// The bytes of all tensors if the last epoch were number `epochs`.
    pub fn size_with(&self, epochs: u32) -> u128 {
        let (first, each) = self.first_and_each_epoch();
        first + u128::from(epochs) * each
    }

    /// The last epoch, at most `epochs`, with which all tensors fit into `limit` bytes; none if not even epoch 0 does.
    pub fn last_epoch_within(&self, limit: u128, epochs: u32) -> Option<u32> {
        let (first, each) = self.first_and_each_epoch();
        let most = limit.checked_sub(first)?.checked_div(each).unwrap_or(u128::MAX);
        Some(u32::try_from(most).unwrap_or(u32::MAX).min(epochs))
    }

    /// The bytes of what epoch 0 needs, and of what every epoch after it adds.
    fn first_and_each_epoch(&self) -> (u128, u128) {
        let is_initial = |tensor: &&Named| matches!(tensor.content, Content::Initial(_));
        let initial = self.tensors.iter().filter(is_initial).map(Named::size).sum::<u128>();
        let rest = |epochs| tensors_of(self.spec, self.data, epochs).iter().map(Named::size).sum::<u128>();
        (initial + rest(0), rest(1) - rest(0))
    }

    /// Writes all tensors as a safetensors file with `metadata` beside them.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn write(&self, metadata: HashMap<String, String>, out: &mut dyn Write) -> std::io::Result<()> {
        let mut infos = Vec::new();
        let mut offset = 0;
        for tensor in &self.tensors {
            // Callers refuse what does not fit; a size beyond usize cannot be written.
            let size = usize::try_from(tensor.size()).map_err(std::io::Error::other)?;
            let (dtype, shape) = (tensor.dtype(), tensor.shape.clone());
            infos.push((tensor.name.clone(), TensorInfo { dtype, shape, data_offsets: (offset, offset + size) }));
            offset += size;
        }
        let header = Metadata::new(Some(metadata), infos).map_err(std::io::Error::other)?;
        let mut header = serde_json::to_vec(&header)?;
        header.resize(header.len().next_multiple_of(8), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        self.tensors.iter().try_for_each(|tensor| self.write_tensor(tensor.content, out))
    }

    fn write_tensor(&self, content: Content, out: &mut dyn Write) -> std::io::Result<()> {
        match content {
            Content::Initial(i) => {
                let Some((_, parameter)) = self.initial.weights().nth(i) else { return Ok(()) };
                let values = parameter.flatten_all().and_then(|p| p.to_vec1::<f32>());
                write_floats(&values.map_err(std::io::Error::other)?, out)
            }
            Content::Images(split) => out.write_all(self.images(split).bytes()),
            Content::Binarized(split, epoch) => self.write_binarized(split, epoch, out),
            Content::Order(epoch) => {
                let order: Vec<u8> = self.order(epoch).into_iter().flat_map(u32::to_le_bytes).collect();
                out.write_all(&order)
            }
            Content::TrainNoise(epoch) => {
                // As in training: a stream for each batch, row after row.
                let (batch, latents) = (self.spec.training().batch_size, self.initial.noise_dim());
                let images = self.data.train.len();
                for (index, first) in (0..images).step_by(batch).enumerate() {
                    let mut noise = vec![0f32; batch.min(images - first) * latents];
                    self.stream(Purpose::TrainNoise, epoch, index as u64).fill_normal(&mut noise);
                    write_floats(&noise, out)?;
                }
                Ok(())
            }
            Content::TestNoise(epoch) => {
                let mut noise = vec![0f32; self.initial.noise_dim()];
                for index in 0..self.data.test.len() as u64 {
                    self.stream(Purpose::EvalNoise, epoch, index).fill_normal(&mut noise);
                    write_floats(&noise, out)?;
                }
                Ok(())
            }
        }
    }

    fn write_binarized(&self, split: Split, epoch: u64, out: &mut dyn Write) -> std::io::Result<()> {
        let purpose = match split {
            Split::Train => Purpose::BinarizeTrain,
            Split::Test => Purpose::BinarizeTest,
        };
        // The draws themselves: the interval they are mapped to is a setting.
        let pixels = Pixels { range: PixelRange::Unit, ..self.spec.data().pixels };
        let draw = PixelDraw { pixels, seed: self.spec.seed(), purpose, epoch };
        let images = self.images(split);
        let all: Vec<u32> = (0..images.len() as u32).collect();
        for indices in all.chunks(ROWS) {
            let values = draw.batch(images, indices, DType::F32, &Device::Cpu).and_then(|x| x.flatten_all()?.to_vec1());
            let values: Vec<f32> = values.map_err(std::io::Error::other)?;
            out.write_all(&values.into_iter().map(|value| u8::from(value > 0.5)).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn order(&self, epoch: u64) -> Vec<u32> {
        self.stream(Purpose::Shuffle, epoch, 0).permutation(self.data.train.len())
    }

    fn stream(&self, purpose: Purpose, epoch: u64, index: u64) -> Stream {
        Stream::new(self.spec.seed(), purpose, epoch, index)
    }

    fn images(&self, split: Split) -> &Images {
        match split {
            Split::Train => &self.data.train,
            Split::Test => &self.data.test,
        }
    }
}

/// All tensors but the parameters'.
fn tensors_of(spec: &RunSpec, data: &Dataset, epochs: u32) -> Vec<Named> {
    let (train, test, (height, width)) = (data.train.len(), data.test.len(), data.train.size());
    let pixels = data.pixels();
    // A model that takes no noise has no tensors of it.
    let noise = match spec.family().latents() {
        LatentShape::Gaussian { latent_dim, .. } => Some(latent_dim),
        LatentShape::Codes(_) => None,
    };
    let mut all = Vec::new();
    let mut add = |name: String, shape: &[usize], content| all.push(Named { name, shape: shape.to_vec(), content });
    add("images.train".into(), &[train, height, width], Content::Images(Split::Train));
    add("images.test".into(), &[test, height, width], Content::Images(Split::Test));
    let drawn = match spec.data().pixels.binarize {
        Binarize::None | Binarize::Threshold => None,
        drawn @ (Binarize::Static | Binarize::Dynamic) => Some(drawn),
    };
    if drawn.is_some() {
        add("binarized.test".into(), &[test, pixels], Content::Binarized(Split::Test, 0));
    }
    if drawn == Some(Binarize::Static) {
        add("binarized.train".into(), &[train, pixels], Content::Binarized(Split::Train, 0));
    }
    for epoch in 0..=u64::from(epochs) {
        if let Some(latents) = noise {
            add(format!("noise.test.epoch.{epoch}"), &[test, latents], Content::TestNoise(epoch));
        }
        if epoch == 0 {
            continue;
        }
        add(format!("order.epoch.{epoch}"), &[train], Content::Order(epoch));
        if let Some(latents) = noise {
            add(format!("noise.train.epoch.{epoch}"), &[train, latents], Content::TrainNoise(epoch));
        }
        if drawn == Some(Binarize::Dynamic) {
            let content = Content::Binarized(Split::Train, epoch);
            add(format!("binarized.train.epoch.{epoch}"), &[train, pixels], content);
        }
    }
    all
}

impl Named {
    fn dtype(&self) -> Dtype {
        match self.content {
            Content::Initial(_) | Content::TrainNoise(_) | Content::TestNoise(_) => Dtype::F32,
            Content::Order(_) => Dtype::U32,
            Content::Images(_) | Content::Binarized(..) => Dtype::U8,
        }
    }

    /// In bytes.
    fn size(&self) -> u128 {
        let element = match self.content {
            Content::Initial(_) | Content::TrainNoise(_) | Content::TestNoise(_) | Content::Order(_) => 4,
            Content::Images(_) | Content::Binarized(..) => 1,
        };
        self.shape.iter().map(|&n| n as u128).product::<u128>() * element
    }
}

/// The model of a run of `spec` on `data` before its first step.
///
/// # Errors
/// Where it cannot be made.
pub fn initial_model(spec: &RunSpec, data: &Dataset) -> Result<Model> {
    let bias: Option<Vec<f32>> = match spec.network().output_bias {
        OutputBias::Zero => None,
        OutputBias::DataMean => {
            let stats = PixelStats::of(&data.train, spec.data().pixels);
            let recon = spec.objective_for(data.pixels(), stats.total_variance()).recon;
            Some(stats.means().into_iter().map(|mean| recon.output_for_mean(mean) as f32).collect())
        }
    };
    let start = Start { init: spec.network().init, seed: spec.seed(), output_bias: bias.as_deref() };
    let mut model = Model::new(&spec.architecture(data.pixels()), &start, &Backend::FUSED)?;
    start_from_data(&mut model, spec, data)?;
    Ok(model)
}

/// Makes what `model`, that of a run of `spec` on `data`, takes from the first batch.
///
/// # Errors
/// Where it cannot be made.
pub fn start_from_data(model: &mut Model, spec: &RunSpec, data: &Dataset) -> Result<()> {
    if model.starts_from_data() {
        let (training, pixels) = (spec.training(), spec.data().pixels);
        let task = Task {
            objective: spec.objective_for(data.pixels(), f64::NAN),
            data,
            pixels,
            batch_size: training.batch_size,
            epochs: training.epochs,
            seed: spec.seed(),
        };
        model.start_from(&first_batch(&task, model)?.x)?;
    }
    Ok(())
}

fn write_floats(values: &[f32], out: &mut dyn Write) -> std::io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    out.write_all(&bytes)
}
