//! The default model of vae-bench in plain Candle, with candle_nn's layers and AdamW (without decay: Adam).
//!
//! Prints `epoch,seconds,loss` for each epoch. The loss is the average of R + K over the epoch, in nats an image, which
//! shows that all peers learn the same thing. Threads are RAYON_NUM_THREADS.
//!
//! ```text
//! candle-vae MNIST_DIR EPOCHS
//! ```

use std::io::Read;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::init::Init;
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap};

const BATCH: usize = 128;
const PIXELS: usize = 784;
const HIDDEN: usize = 400;
const LATENTS: usize = 20;

struct Vae {
    encoder: Linear,
    mean: Linear,
    logvar: Linear,
    hidden: Linear,
    decoder: Linear,
}

impl Vae {
    fn new(vars: &VarBuilder) -> Result<Self> {
        Ok(Vae {
            encoder: linear(PIXELS, HIDDEN, vars.pp("encoder"))?,
            mean: linear(HIDDEN, LATENTS, vars.pp("mean"))?,
            logvar: linear(HIDDEN, LATENTS, vars.pp("logvar"))?,
            hidden: linear(LATENTS, HIDDEN, vars.pp("hidden"))?,
            decoder: linear(HIDDEN, PIXELS, vars.pp("decoder"))?,
        })
    }

    /// R + K of a batch (images, pixels), summed over it, in nats.
    fn summed_loss(&self, x: &Tensor) -> Result<Tensor> {
        let h = self.encoder.forward(x)?.relu()?;
        let (mean, logvar) = (self.mean.forward(&h)?, self.logvar.forward(&h)?);
        let z = (&mean + ((&logvar * 0.5)?.exp()? * mean.randn_like(0.0, 1.0)?)?)?;
        let logits = self.decoder.forward(&self.hidden.forward(&z)?.relu()?)?;
        // max(l, 0) - l x + log(1 + exp(-|l|)), as PyTorch's binary_cross_entropy_with_logits.
        let recon = ((logits.relu()? - (&logits * x)?)? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let kl = ((((mean.sqr()? + logvar.exp()?)? - 1.0)? - &logvar)? * 0.5)?;
        recon.sum_all()? + kl.sum_all()?
    }
}

/// Uniform within 1/sqrt(inputs), weights and biases: PyTorch's default.
fn linear(inputs: usize, outputs: usize, vars: VarBuilder) -> Result<Linear> {
    let bound = (inputs as f64).sqrt().recip();
    let uniform = Init::Uniform { lo: -bound, up: bound };
    let weight = vars.get_with_hints((outputs, inputs), "weight", uniform)?;
    Ok(Linear::new(weight, Some(vars.get_with_hints(outputs, "bias", uniform)?)))
}

/// The training images in [0, 1], (60000, 784).
fn images(dir: &str) -> Result<Tensor> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(format!("{dir}/train-images-idx3-ubyte.gz"))?;
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)?;
    let pixels: Vec<f32> = bytes[16..].iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let count = pixels.len() / PIXELS;
    Tensor::from_vec(pixels, (count, PIXELS), &Device::Cpu)
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(Ok(epochs))) = (args.next(), args.next().map(|n| n.parse::<u32>())) else {
        eprintln!("usage: candle-vae MNIST_DIR EPOCHS");
        std::process::exit(2);
    };
    let images = images(&dir)?;
    let count = images.dim(0)?;
    let vars = VarMap::new();
    let model = Vae::new(&VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
    let mut adam = AdamW::new(vars.all_vars(), ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() })?;
    for epoch in 1..=epochs {
        let start = Instant::now();
        let order = Tensor::rand(0f32, 1.0, count, &Device::Cpu)?.arg_sort_last_dim(true)?;
        let mut total = 0.0;
        for first in (0..count).step_by(BATCH) {
            let batch = BATCH.min(count - first);
            let x = images.index_select(&order.narrow(0, first, batch)?, 0)?;
            let loss = model.summed_loss(&x)?;
            adam.backward_step(&loss)?;
            total += f64::from(loss.to_scalar::<f32>()?);
        }
        println!("{epoch},{:.6},{:.4}", start.elapsed().as_secs_f64(), total / count as f64);
    }
    Ok(())
}
