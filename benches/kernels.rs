//! Every kernel beside its plain-Candle twin and beside the machine's own measured limits.
//!
//! ```text
//! cargo bench                           all of it, about two minutes, and the table at the end
//! cargo bench -- adam                   only what has `adam` in its name
//! RAYON_NUM_THREADS=1 cargo bench       on one thread: kernels, twins and limits alike
//! VAE_BENCH_ISA=avx2 cargo bench        the kernels on another instruction set: portable, avx2, avx512 or neon
//! ```
//!
//! Sizes are those of one training step of the default model: batch 128, 784 pixels, 400 hidden units, 20 latents.
//! For products criterion's `Gelem/s` are GFLOP/s; everything else counts the bytes that it must read and write.
//!
//! The last column of the table divides a kernel's rate by a limit: products by fused multiply-adds between registers on the
//! same instruction set (products that leave out black pixels may come above it; the gemm crate's sgemm stands beside), the
//! rest by a triad a = b + s c over as much memory as the optimiser's arrays take, or over
//! memory that no cache holds where the work comes from there. A triad stores to memory it has not read, which costs
//! the processor a read that is not counted, and Adam is all roots and divisions: neither is a bound to the digit.

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use criterion::{Criterion, Throughput};
use kernels::Isa;
use kernels::activation::{self, Activation};
use kernels::latent::{self, Noise, Upstream};
use kernels::likelihood::{self, Loss, Scale};
use kernels::matmul::{Epilogue, MatRef, matmul};
use kernels::{adam, limit, pages, pixels, reduce};
use rayon::prelude::*;
use vae_bench::data::synthetic::{Split, digits};
use vae_bench::engine::{Backend, Engine};
use vae_bench::model::{self, Architecture, Init, LatentShape, LogSigma, Model, Vae};
use vae_bench::objective::{Control, Objective, ReconLoss, Time};
use vae_bench::optimizer::{self, OptimizerConfig};
use vae_bench::pass::{Batch, Sampling};
use vae_bench::rng::{Purpose, Stream};

const BATCH: usize = 128;
const PIXELS: usize = 784;
const HIDDEN: usize = 400;
const LATENTS: usize = 20;
/// Weights and biases of 784-400-20-400-784, with a mean and a logvar.
const PARAMETERS: usize =
    (PIXELS + 1) * HIDDEN + 2 * (HIDDEN + 1) * LATENTS + (LATENTS + 1) * HIDDEN + (HIDDEN + 1) * PIXELS;
/// Images that batches are gathered from: more than a processor's own caches hold.
const IMAGES: usize = 20_000;

const SAMPLES: usize = 10;
const MULTIPLY_ADDS: &str = "limit: fused multiply-adds";
const SGEMM: &str = "limit: sgemm 1024 x 1024 x 1024";
const COPY: &str = "limit: copy, 128 MB";
const TRIAD: &str = "limit: triad, 192 MB";
const CACHED_TRIAD: &str = "limit: triad, 10 MB";

fn main() -> Result<()> {
    pages::prefer_large();
    // On a thread of the pool, as in a run: called from outside, each operation would begin by waking one.
    rayon::scope(|_| measure_all())
}

fn measure_all() -> Result<()> {
    let criterion = Criterion::default()
        .sample_size(SAMPLES)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        // Intervals to two digits do not need 100,000 resamples.
        .nresamples(2_000)
        .without_plots()
        .configure_from_args();
    let mut bench = Bench { criterion, isa: Isa::best(), lines: Vec::new() };
    limits(&mut bench)?;
    large_products(&mut bench)?;
    small_products(&mut bench)?;
    losses(&mut bench)?;
    latents(&mut bench)?;
    elementwise(&mut bench)?;
    adam_step(&mut bench)?;
    gather(&mut bench)?;
    training_step(&mut bench)?;
    bench.criterion.final_summary();
    // `cargo test --benches` runs everything once and measures nothing.
    if std::env::args().any(|arg| arg == "--bench") && !std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        bench.print();
    }
    Ok(())
}

/// What a call does, in the unit of the limit it runs into.
#[derive(Clone, Copy)]
enum Work {
    Flops(usize),
    Bytes(usize),
}

/// Rows of the final table, in the order they were measured.
struct Line {
    name: String,
    work: Work,
    /// The limit that the kernel is held against, by name; none for a limit.
    limit: Option<&'static str>,
    kernel: Option<Duration>,
    twin: Option<Duration>,
}

struct Bench {
    criterion: Criterion,
    isa: Isa,
    lines: Vec<Line>,
}

impl Bench {
    /// A kernel and its twin, one after the other.
    fn compare(&mut self, name: &str, work: Work, limit: &'static str, kernel: impl FnMut(), twin: impl FnMut()) {
        let kernel = self.measure(name, "kernel", work, kernel);
        let twin = self.measure(name, "candle", work, twin);
        self.lines.push(Line { name: name.to_owned(), work, limit: Some(limit), kernel, twin });
    }

    /// One of the machine's limits.
    fn limit(&mut self, name: &str, work: Work, run: impl FnMut()) {
        let kernel = self.measure(name, "machine", work, run);
        self.lines.push(Line { name: name.to_owned(), work, limit: None, kernel, twin: None });
    }

    /// The median time of a call, or none where the filter leaves it out.
    fn measure(&mut self, name: &str, who: &str, work: Work, mut run: impl FnMut()) -> Option<Duration> {
        let mut samples = Vec::new();
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(match work {
            Work::Flops(flops) => Throughput::Elements(flops as u64),
            Work::Bytes(bytes) => Throughput::Bytes(bytes as u64),
        });
        group.bench_function(who, |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                (0..calls).for_each(|_| run());
                let elapsed = start.elapsed();
                samples.push(elapsed.div_f64(calls as f64));
                elapsed
            });
        });
        group.finish();
        // Warm-up came first.
        let mut measured = samples.split_off(samples.len().saturating_sub(SAMPLES));
        measured.sort();
        measured.get(measured.len() / 2).copied()
    }

    fn print(&self) {
        println!("isa {}, threads {}\n", self.isa.name(), rayon::current_num_threads());
        println!("| | kernel us | rate | Candle us | Candle / kernel | kernel's rate / limit's |");
        println!("|---|--:|--:|--:|--:|--:|");
        for line in &self.lines {
            let Some(kernel) = line.kernel else { continue };
            let limit = self.lines.iter().find(|other| Some(other.name.as_str()) == line.limit);
            let share = limit.and_then(Line::rate).zip(line.rate()).map(|(limit, rate)| rate / limit);
            let faster = line.twin.map(|twin| twin.as_secs_f64() / kernel.as_secs_f64());
            let cell = |value: Option<f64>, digits| value.map_or("".into(), |value: f64| format!("{value:.digits$}"));
            println!(
                "| {} | {:.1} | {} {} | {} | {} | {} |",
                line.name,
                micros(kernel),
                cell(line.rate(), 1),
                match line.work {
                    Work::Flops(_) => "GFLOP/s",
                    Work::Bytes(_) => "GB/s",
                },
                cell(line.twin.map(micros), 1),
                cell(faster, 1),
                cell(share, 2),
            );
        }
    }
}

impl Line {
    /// 1e9 of its unit in a second.
    fn rate(&self) -> Option<f64> {
        let (Work::Flops(amount) | Work::Bytes(amount)) = self.work;
        self.kernel.map(|time| amount as f64 / time.as_secs_f64() / 1e9)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Reproducible normal numbers, different for each `index`.
fn normal(len: usize, index: u64) -> Vec<f32> {
    let mut values = vec![0f32; len];
    Stream::new(1, Purpose::TrainNoise, 0, index).fill_normal(&mut values);
    values
}

/// The same numbers for a twin.
fn tensor(values: &[f32], rows: usize, cols: usize) -> Result<Tensor> {
    Tensor::from_slice(values, (rows, cols), &Device::Cpu)
}

/// A batch of digits as floats: a fifth of the pixels is not 0, as in MNIST.
fn batch_of_digits() -> Vec<f32> {
    digits(1, Split::Train, BATCH).pixels.into_iter().map(|byte| f32::from(byte) / 255.0).collect()
}

/// Keeps the compiler from dropping a result, and a twin's failure from passing for speed.
fn keep(result: Result<Tensor>) {
    black_box(result.expect("Candle takes these shapes"));
}

fn limits(bench: &mut Bench) -> Result<()> {
    let (isa, flops) = (bench.isa, 1 << 26);
    let all = rayon::current_num_threads() * flops;
    bench.limit(MULTIPLY_ADDS, Work::Flops(all), || {
        rayon::broadcast(|_| black_box(limit::multiply_adds(isa, flops)));
    });

    let n = 1024;
    let (a, b) = (tensor(&normal(n * n, 1), n, n)?, tensor(&normal(n * n, 2), n, n)?);
    bench.limit(SGEMM, Work::Flops(2 * n * n * n), || keep(a.matmul(&b)));

    let chunk = 1 << 14;
    let n = 16 << 20; // 64 MB an array
    let (b, c) = (vec![1f32; n], vec![2f32; n]);
    let mut a = vec![0f32; n];
    bench.limit(COPY, Work::Bytes(2 * 4 * n), || {
        a.par_chunks_mut(chunk).zip(b.par_chunks(chunk)).for_each(|(a, b)| a.copy_from_slice(b));
        black_box(&a);
    });
    let mut triad = |name, n: usize| {
        let (a, b, c) = (&mut a[..n], &b[..n], &c[..n]);
        bench.limit(name, Work::Bytes(3 * 4 * n), || {
            let scale = black_box(3f32);
            a.par_chunks_mut(chunk).zip(b.par_chunks(chunk)).zip(c.par_chunks(chunk)).for_each(|((a, b), c)| {
                a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = b + scale * c);
            });
            black_box(&a);
        });
    };
    triad(TRIAD, n);
    triad(CACHED_TRIAD, PARAMETERS * 4 / 3);
    Ok(())
}

/// A batch as the model takes it: pixels are mostly black.
fn matrix(x: &[f32], inputs: usize) -> MatRef<'_> {
    let x = MatRef::new(x, BATCH, inputs);
    if inputs == PIXELS { x.mostly_zero() } else { x }
}

/// y = relu(x W^T + b).
fn forward(bench: &mut Bench, name: &str, x: &[f32], inputs: usize, outputs: usize) -> Result<()> {
    let (w, b) = (normal(outputs * inputs, 3), normal(outputs, 4));
    let (tx, tw) = (tensor(x, BATCH, inputs)?, tensor(&w, outputs, inputs)?);
    let tb = Tensor::from_slice(&b, outputs, &Device::Cpu)?;
    let mut y = vec![0f32; BATCH * outputs];
    let isa = bench.isa;
    bench.compare(
        name,
        Work::Flops(2 * BATCH * inputs * outputs),
        MULTIPLY_ADDS,
        || {
            let (x, w) = (matrix(x, inputs), MatRef::new(&w, outputs, inputs));
            matmul(isa, x, w.t(), &mut y, Epilogue::BiasRelu(&b));
            black_box(&y);
        },
        || keep((|| tx.matmul(&tw.t()?)?.broadcast_add(&tb)?.relu())()),
    );
    Ok(())
}

/// dW = dy^T x.
fn weight_gradient(bench: &mut Bench, name: &str, x: &[f32], inputs: usize, outputs: usize) -> Result<()> {
    let mut dy = normal(BATCH * outputs, 5);
    if inputs == PIXELS {
        // As in training: no image of a batch switches on two in five of the units that read pixels.
        dy.iter_mut().enumerate().filter(|(i, _)| i % outputs % 5 < 2).for_each(|(_, dy)| *dy = 0.0);
    }
    let (tx, tdy) = (tensor(x, BATCH, inputs)?, tensor(&dy, BATCH, outputs)?);
    let mut dw = vec![0f32; outputs * inputs];
    let isa = bench.isa;
    bench.compare(
        name,
        Work::Flops(2 * BATCH * inputs * outputs),
        MULTIPLY_ADDS,
        || {
            let (x, dy) = (matrix(x, inputs), MatRef::new(&dy, BATCH, outputs));
            matmul(isa, dy.t(), x, &mut dw, Epilogue::Nothing);
            black_box(&dw);
        },
        || keep((|| tdy.t()?.matmul(&tx))()),
    );
    Ok(())
}

/// dx = dy W.
fn input_gradient(bench: &mut Bench, name: &str, inputs: usize, outputs: usize) -> Result<()> {
    let (w, dy) = (normal(outputs * inputs, 3), normal(BATCH * outputs, 5));
    let (tw, tdy) = (tensor(&w, outputs, inputs)?, tensor(&dy, BATCH, outputs)?);
    let mut dx = vec![0f32; BATCH * inputs];
    let isa = bench.isa;
    bench.compare(
        name,
        Work::Flops(2 * BATCH * inputs * outputs),
        MULTIPLY_ADDS,
        || {
            let (dy, w) = (MatRef::new(&dy, BATCH, outputs), MatRef::new(&w, outputs, inputs));
            matmul(isa, dy, w, &mut dx, Epilogue::Nothing);
            black_box(&dx);
        },
        || keep(tdy.matmul(&tw)),
    );
    Ok(())
}

fn large_products(bench: &mut Bench) -> Result<()> {
    let (x, h) = (batch_of_digits(), normal(BATCH * HIDDEN, 6));
    forward(bench, "encoder, forward", &x, PIXELS, HIDDEN)?;
    weight_gradient(bench, "encoder, weight gradient", &x, PIXELS, HIDDEN)?;
    forward(bench, "decoder, forward", &h, HIDDEN, PIXELS)?;
    weight_gradient(bench, "decoder, weight gradient", &h, HIDDEN, PIXELS)?;
    input_gradient(bench, "decoder, input gradient", HIDDEN, PIXELS)
}

fn small_products(bench: &mut Bench) -> Result<()> {
    let (h, z) = (normal(BATCH * HIDDEN, 6), normal(BATCH * LATENTS, 7));
    forward(bench, "400 to 20, forward", &h, HIDDEN, LATENTS)?;
    weight_gradient(bench, "400 to 20, weight gradient", &h, HIDDEN, LATENTS)?;
    input_gradient(bench, "400 to 20, input gradient", HIDDEN, LATENTS)?;
    forward(bench, "20 to 400, forward", &z, LATENTS, HIDDEN)?;
    weight_gradient(bench, "20 to 400, weight gradient", &z, LATENTS, HIDDEN)?;
    input_gradient(bench, "20 to 400, input gradient", LATENTS, HIDDEN)
}

fn losses(bench: &mut Bench) -> Result<()> {
    let isa = bench.isa;
    let (l, x) = (normal(BATCH * PIXELS, 8), batch_of_digits());
    let (tl, tx) = (tensor(&l, BATCH, PIXELS)?, tensor(&x, BATCH, PIXELS)?);
    let (mut sums, mut grad) = (vec![0f32; BATCH], vec![0f32; BATCH * PIXELS]);
    let array = 4 * BATCH * PIXELS;
    let value = || {
        let line = (tl.relu()? - (&tl * &tx)?)?;
        (line + (tl.abs()?.neg()?.exp()? + 1.0)?.log()?)?.sum(D::Minus1)
    };
    let slope = || ((&tl * 0.5)?.tanh()?.affine(0.5, 0.5)? - &tx)? * 1.0;
    bench.compare(
        "bce, sums and gradient",
        Work::Bytes(3 * array),
        CACHED_TRIAD,
        || {
            let loss = Loss::BernoulliLogits;
            likelihood::row_sums_and_grad(isa, loss, &l, &x, PIXELS, Scale::All(1.0), &mut sums, &mut grad);
            black_box((&sums, &grad));
        },
        || {
            keep(value());
            keep(slope());
        },
    );
    Ok(())
}

fn latents(bench: &mut Bench) -> Result<()> {
    let isa = bench.isa;
    let n = BATCH * LATENTS;
    let [mean, logvar, noise, dz, dkl] = [10, 11, 12, 13, 14].map(|index| normal(n, index));
    let t = |values: &[f32]| tensor(values, BATCH, LATENTS);
    let (tmean, tlogvar, tnoise, tdz, tdkl) = (t(&mean)?, t(&logvar)?, t(&noise)?, t(&dz)?, t(&dkl)?);
    let (mut first, mut second) = (vec![0f32; n], vec![0f32; n]);
    bench.compare(
        "latent, sample and KL",
        Work::Bytes(5 * 4 * n),
        CACHED_TRIAD,
        || {
            latent::sample(isa, Noise::STANDARD, &mean, &logvar, &noise, &mut first, &mut second);
            black_box((&first, &second));
        },
        || {
            keep((|| &tmean + ((&tlogvar * 0.5)?.exp()? * &tnoise)?)());
            keep((|| ((tmean.sqr()? + tlogvar.exp()?)? - tlogvar.affine(1.0, 1.0)?)? * 0.5)());
        },
    );
    bench.compare(
        "latent, backward",
        Work::Bytes(7 * 4 * n),
        CACHED_TRIAD,
        || {
            let from = Upstream { mean: &mean, logvar: &logvar, noise: &noise, dz: &dz, dkl: &dkl };
            latent::sample_backward(isa, Noise::STANDARD, &from, &mut first, &mut second);
            black_box((&first, &second));
        },
        || {
            keep((|| &tdz + (&tdkl * &tmean)?)());
            keep((|| {
                let by_sample = ((&tdz * &tnoise)? * (&tlogvar * 0.5)?.exp()?)?;
                (by_sample + (&tdkl * (tlogvar.exp()? - 1.0)?)?)? * 0.5
            })());
        },
    );
    Ok(())
}

fn elementwise(bench: &mut Bench) -> Result<()> {
    let isa = bench.isa;
    let (dy, y) = (normal(BATCH * HIDDEN, 5), normal(BATCH * HIDDEN, 6));
    let (tdy, ty) = (tensor(&dy, BATCH, HIDDEN)?, tensor(&y, BATCH, HIDDEN)?);
    let mut dx = vec![0f32; BATCH * HIDDEN];
    bench.compare(
        "relu, backward",
        Work::Bytes(3 * 4 * BATCH * HIDDEN),
        CACHED_TRIAD,
        || {
            dx.copy_from_slice(&dy);
            activation::backward(isa, Activation::Relu, &y, &mut dx);
            black_box(&dx);
        },
        || keep((|| &tdy * ty.gt(0f32)?.to_dtype(DType::F32)?)()),
    );
    let wide = normal(BATCH * PIXELS, 8);
    let twide = tensor(&wide, BATCH, PIXELS)?;
    let mut sums = vec![0f32; PIXELS];
    bench.compare(
        "bias gradient",
        Work::Bytes(4 * BATCH * PIXELS),
        CACHED_TRIAD,
        || {
            reduce::column_sums(isa, &wide, BATCH, &mut sums);
            black_box(&sums);
        },
        || keep(twide.sum(0)),
    );
    Ok(())
}

/// Against candle_nn's AdamW without decay, which is Adam.
fn adam_step(bench: &mut Bench) -> Result<()> {
    let isa = bench.isa;
    let gradient = normal(PARAMETERS, 15);
    let var = Var::from_tensor(&Tensor::from_vec(normal(PARAMETERS, 16), PARAMETERS, &Device::Cpu)?)?;
    let mut store = var.as_tensor().sum_all()?.backward()?;
    store.insert(&var, Tensor::from_slice(&gradient, PARAMETERS, &Device::Cpu)?);
    let mut twin = AdamW::new(vec![var], ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() })?;
    let mut p = normal(PARAMETERS, 16);
    let (mut m, mut v) = (vec![0f32; PARAMETERS], vec![0f32; PARAMETERS]);
    let rule = adam::Adam::default();
    let mut t = 0;
    bench.compare(
        &format!("adam, {PARAMETERS} parameters"),
        Work::Bytes(7 * 4 * PARAMETERS),
        CACHED_TRIAD,
        || {
            t += 1;
            adam::step(isa, &rule, t, &mut p, &gradient, &mut m, &mut v);
            black_box(&p);
        },
        || twin.step(&store).expect("Candle's AdamW takes these shapes"),
    );
    Ok(())
}

/// A whole training step of the fused engine beside one of the Candle engine with candle_nn's AdamW.
fn training_step(bench: &mut Bench) -> Result<()> {
    let (x, noise) = (batch_of_digits(), normal(BATCH * LATENTS, 17));
    let (x, noise) = (tensor(&x, BATCH, PIXELS)?, tensor(&noise, BATCH, LATENTS)?);
    let objective = Objective::neg_elbo_of(ReconLoss::Bce, PIXELS, LATENTS);
    let architecture = Architecture {
        pixels: PIXELS,
        hidden: vec![HIDDEN],
        latents: LatentShape::Gaussian { latent_dim: LATENTS, sampling: Sampling::Standard },
        activation: model::Activation::Relu,
        log_sigma: LogSigma::Absent,
    };
    let batch = Batch { x, noise };
    let start = model::Start { init: Init::Pytorch, seed: 1, output_bias: None };
    let parameters = |model: &Model| model.parameters().iter().map(|(_, p)| p.clone()).collect::<Vec<_>>();
    let model = Model::Vae(Vae::new(&architecture, &start, &Backend::FUSED)?);
    let rule = optimizer::Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    let mut fused = optimizer::Optimizer::new(parameters(&model), OptimizerConfig { rule, lr: 1e-3 })?;
    let kernel = || -> Result<()> {
        let mut pass = model.pass(&batch, &objective.recon)?;
        let store = objective.value(&pass, Time::default(), Control::Fixed)?.loss.backward()?;
        fused.step_with(&pass.tape.gradients(&store)?)
    };

    let candle = Backend::new(Engine::Candle, DType::F32, &Device::Cpu)?;
    let plain = Model::Vae(Vae::new(&architecture, &start, &candle)?);
    let mut adam = AdamW::new(parameters(&plain), ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() })?;
    let twin = || -> Result<()> {
        let pass = plain.pass(&batch, &objective.recon)?;
        adam.backward_step(&objective.value(&pass, Time::default(), Control::Fixed)?.loss)
    };
    // The products of the limit: five large ones and the small ones, forward and backward.
    let products = 5 * PIXELS * HIDDEN + 9 * HIDDEN * LATENTS;
    bench.compare("a training step", Work::Flops(2 * BATCH * products), MULTIPLY_ADDS, done(kernel), done(twin));
    Ok(())
}

/// Keeps a failure from passing for speed.
fn done(mut step: impl FnMut() -> Result<()>) -> impl FnMut() {
    move || step().expect("both take these shapes")
}

/// A batch after another of a shuffled epoch, so that its images come from memory.
fn gather(bench: &mut Bench) -> Result<()> {
    let isa = bench.isa;
    let images = digits(1, Split::Train, IMAGES).pixels;
    let order = Stream::new(1, Purpose::Shuffle, 1, 0).permutation(IMAGES);
    let mut batches = order.chunks_exact(BATCH).cycle();
    let timages = Tensor::from_slice(&images, (IMAGES, PIXELS), &Device::Cpu)?;
    let torders: Vec<Tensor> =
        order.chunks_exact(BATCH).map(|batch| Tensor::from_slice(batch, BATCH, &Device::Cpu)).collect::<Result<_>>()?;
    let mut tbatches = torders.iter().cycle();
    let mut out = vec![0f32; BATCH * PIXELS];
    bench.compare(
        "gather a batch",
        Work::Bytes((1 + 4) * BATCH * PIXELS),
        CACHED_TRIAD,
        || {
            let Some(batch) = batches.next() else { return };
            pixels::gather(isa, &images, PIXELS, batch, &mut out);
            black_box(&out);
        },
        || {
            let Some(batch) = tbatches.next() else { return };
            keep((|| timages.index_select(batch, 0)?.to_dtype(DType::F32)?.affine(1.0 / 255.0, 0.0))());
        },
    );
    Ok(())
}
