//! The conventions of public VQ-VAE code, by name.
//!
//! As in [`super::presets`], networks are MLPs here, and a preset has its code base's weights, its codebook and its quirks. Most
//! originals are convolutional, with a grid of codes; N and d are then this program's defaults, and a weight of 1/(N d)
//! carries over by its reduction. Line numbers are those of the version named.

use super::presets::Preset;

/// All of VQ-VAEs: the paper first, then by the weight that the encoder sees.
pub const VQ_PRESETS: &[Preset] = &[
    Preset {
        name: "vq-paper",
        source: "van den Oord, Vinyals & Kavukcuoglu 2017 (arXiv 1711.00937v2), with a Gaussian of sigma 1",
        line: "equation 3 and section 4",
        objective: "1/2 squared error summed + codebook + 0.25 * commitment, each averaged over the N codes",
        note: "the sign of the first term of equation 3 is a misprint. Convolutional, with 32 x 32 codes of an ImageNet picture",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'sum'\nrecon-weight = 0.5\nvq-reduction = 'code-mean'\n\
               commitment-cost = 0.25\nbatch-size = 128\nlr = 2e-4",
    },
    Preset {
        name: "vq-sonnet",
        source: "google-deepmind/sonnet, VectorQuantizer and its example; zalandoresearch/pytorch-vq-vae weighs alike",
        line: "sonnet/src/nets/vqvae.py:115; examples/vqvae_example.ipynb",
        objective: "mean squared error / data variance + codebook + 0.25 * commitment, both element means",
        note: "the commitment cost is said to scale with the reconstruction; convolutional, on CIFAR-10",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               pixel-range = 'centered'\nbatch-size = 32\nlr = 3e-4",
    },
    Preset {
        name: "vq-sonnet-ema",
        source: "google-deepmind/sonnet, VectorQuantizerEMA",
        line: "sonnet/src/nets/vqvae.py:115",
        objective: "mean squared error / data variance + 0.25 * commitment as an element mean; codebook by EMA 0.99",
        note: "both averages start at 0 and are debiased: an entry that no code uses is moved to the origin",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               codebook-update = 'ema'\nema-start = 'debiased'\npixel-range = 'centered'\nbatch-size = 32\nlr = 3e-4",
    },
    Preset {
        name: "vq-zalando-ema",
        source: "zalandoresearch/pytorch-vq-vae b98fde9",
        line: "vq-vae.ipynb, cell of VectorQuantizerEMA (lines 231-277 of the file)",
        objective: "mean squared error / data variance + 0.25 * commitment as an element mean; codebook by EMA 0.99",
        note: "the smoothed counts are kept, and entries begin as N(0, 1): an entry that no code uses grows, to 577 times its \
               length at step 100. The original draws the averages' sums anew where this starts them at the entries",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               codebook-update = 'ema'\nema-start = 'smoothed'\ncodebook-init = 'normal'\npixel-range = 'centered'\n\
               batch-size = 256\nlr = 1e-3",
    },
    Preset {
        name: "vq-keras-io",
        source: "keras-io, examples/generative/vq_vae.py",
        line: "VectorQuantizer.call and VQVAETrainer.train_step",
        objective: "mean squared error / data variance + codebook + 0.25 * commitment, both element means",
        note: "entries begin uniform in +-0.05; convolutional on MNIST in the original, with 49 codes of 16 numbers",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               codebook-init = 'uniform-0.05'\npixel-range = 'centered'\ncodebook-size = 128\nbatch-size = 128\nlr = 1e-3\n\
               init = 'glorot'",
    },
    Preset {
        name: "vq-mishalaskin",
        source: "MishaLaskin/vqvae d761a99",
        line: "models/quantizer.py:63, main.py:75-76",
        objective: "mean squared error of pixels in [-1, 1] / data variance in [0, 1] + 0.25 * codebook + commitment",
        note: "the two terms are swapped: the 0.25 stands on the codebook's. The variance is that of pixels in [0, 1], of MNIST \
               here (1/0.09493); on its own pixels it is four times as large",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = 10.534\nvq-reduction = 'mean'\n\
               codebook-weight = 0.25\ncommitment-cost = 1.0\npixel-range = 'symmetric'\nbatch-size = 32\nlr = 3e-4",
    },
    Preset {
        name: "vq-taming-legacy",
        source: "CompVis/taming-transformers 3ba01b2 and diffusers VQModel, legacy=True (their default)",
        line: "taming/modules/vqvae/quantize.py:220-222, 294",
        objective: "mean absolute error of pixels in [-1, 1] + 0.25 * codebook + commitment, both element means",
        note: "the two terms are swapped, and kept so for old weights. Convolutional, beside a perceptual and an adversarial loss",
        toml: "model = 'vq-vae'\nloss = 'laplace'\nreduction = 'mean'\nvq-reduction = 'mean'\ncodebook-weight = 0.25\n\
               commitment-cost = 1.0\npixel-range = 'symmetric'\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "vq-taming",
        source: "CompVis/taming-transformers 3ba01b2 and diffusers VQModel, legacy=False",
        line: "taming/modules/vqvae/quantize.py:290-292",
        objective: "mean absolute error of pixels in [-1, 1] + codebook + 0.25 * commitment, both element means",
        note: "as vq-taming-legacy with the terms the right way round",
        toml: "model = 'vq-vae'\nloss = 'laplace'\nreduction = 'mean'\nvq-reduction = 'mean'\npixel-range = 'symmetric'\n\
               batch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "vq-pythae-0.1.2",
        source: "clementchadebec/benchmark_VAE v0.1.2 and before",
        line: "src/pythae/models/vq_vae/vq_vae_utils.py, Quantizer.forward; vq_vae_model.py",
        objective: "squared error summed + codebook + 0.25 * commitment, both element means",
        note: "users saw 0.1 beside 10,000 (its PR 125)",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nvq-reduction = 'mean'\n\
               hidden = [512]\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "vq-pythae-main",
        source: "clementchadebec/benchmark_VAE 6419e21 (main, PR 125, unreleased)",
        line: "src/pythae/models/vq_vae/vq_vae_utils.py:50-67, vq_vae_model.py:123-132",
        objective: "squared error summed + codebook + 0.25 * commitment, both summed over the whole batch",
        note: "the sum runs over the batch, and the mean after it divides a scalar by nothing: both terms grow with the batch",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nvq-reduction = 'batch-sum'\n\
               hidden = [512]\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "vq-pythae-ema",
        source: "clementchadebec/benchmark_VAE v0.1.2, use_ema",
        line: "src/pythae/models/vq_vae/vq_vae_utils.py, QuantizerEMA.forward (129-155 at 6419e21)",
        objective: "squared error summed + 0.25 * commitment as an element mean; codebook by EMA 0.99",
        note: "the smoothed counts are kept: an entry that no code uses grows. The original draws the averages' sums anew where \
               this starts them at the entries",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nvq-reduction = 'mean'\n\
               codebook-update = 'ema'\nema-start = 'smoothed'\nhidden = [512]\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "vq-pythae-mlp",
        source: "clementchadebec/benchmark_VAE v0.1.2 with its default MLP (issue 138)",
        line: "src/pythae/models/vq_vae/vq_vae_model.py:65 at 6419e21",
        objective: "squared error summed + codebook + 0.25 * commitment, both element means",
        note: "its encoder's flat output is read as one number a code: N = latent_dim codes of 1 number",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nvq-reduction = 'mean'\ncodes = 16\n\
               code-dim = 1\ncodebook-size = 512\nhidden = [512]\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "vq-pytorch-vae",
        source: "AntixK/PyTorch-VAE a6896b9 (2021-12-22)",
        line: "models/vq_vae.py:47-50, 206-208",
        objective: "mean squared error + codebook + 0.25 * commitment, both element means",
        note: "convolutional and on CelebA, with tanh on pixels in [0, 1]",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'tanh'\nreduction = 'mean'\nvq-reduction = 'mean'\n\
               codebook-size = 512\nbatch-size = 64\nlr = 0.005",
    },
    Preset {
        name: "vq-rosinality",
        source: "rosinality/vq-vae-2-pytorch ef5f67c, one level",
        line: "vqvae.py:38-39, 60-71",
        objective: "mean squared error of pixels in [-1, 1] + 0.25 * commitment as an element mean; codebook by EMA 0.99",
        note: "counts start at 0 and sums at the entries, which are N(0, 1): an entry that no code uses jumps to 99,000 times \
               its length at the first step and is back after 1,146",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nvq-reduction = 'mean'\ncodebook-update = 'ema'\n\
               ema-start = 'zeros'\ncodebook-init = 'normal'\npixel-range = 'symmetric'\ncodebook-size = 512\n\
               batch-size = 128\nlr = 3e-4",
    },
    Preset {
        name: "vq-lucidrains",
        source: "lucidrains/vector-quantize-pytorch 0d7d1aa, its autoencoder example",
        line: "examples/autoencoder.py:106-107; vector_quantize_pytorch/vector_quantize_pytorch.py:416, 577-579",
        objective: "mean absolute error of pixels in [-1, 1] + 10 * commitment as an element mean; codebook by EMA 0.8",
        note: "counts start at 1: an entry that no code uses stays for some 50 steps at this decay, and then falls to the origin",
        toml: "model = 'vq-vae'\nloss = 'laplace'\nreduction = 'mean'\nvq-reduction = 'mean'\ncommitment-cost = 10.0\n\
               codebook-update = 'ema'\ncodebook-decay = 0.8\nema-start = 'ones'\npixel-range = 'symmetric'\n\
               codebook-size = 256\nbatch-size = 256\nlr = 3e-4",
    },
    Preset {
        name: "vq-karpathy",
        source: "karpathy/deep-vector-quantization c3c026a",
        line: "dvq/model/quantize.py:31, 48-50, 65-67; dvq/model/loss.py:48",
        objective: "mean squared error / (2 * data variance) + 10 * (codebook + 0.25 * commitment), element means",
        note: "entries begin as k-means of the first vectors. All three weights are twice its own here, which Adam does not see",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               codebook-weight = 20.0\ncommitment-cost = 5.0\ncodebook-init = 'k-means'\npixel-range = 'centered'\n\
               codebook-size = 512\nbatch-size = 128\nlr = 3e-4",
    },
    Preset {
        name: "vq-ritheshkumar95",
        source: "ritheshkumar95/pytorch-vqvae 8d123c0",
        line: "vqvae.py:20-26",
        objective: "mean squared error of pixels in [-1, 1] + codebook + commitment, both element means",
        note: "a commitment cost of 1; entries begin uniform in +-1/K",
        toml: "model = 'vq-vae'\nloss = 'mse'\noutput = 'tanh'\nreduction = 'mean'\nvq-reduction = 'mean'\n\
               commitment-cost = 1.0\npixel-range = 'symmetric'\ncodebook-size = 512\nbatch-size = 128\nlr = 2e-4",
    },
    Preset {
        name: "vq-tfp",
        source: "tensorflow/probability 05fd85e, examples/vq_vae.py",
        line: "tensorflow_probability/examples/vq_vae.py:255-316, defaults at 46-78",
        objective: "Bernoulli NLL summed + 0.25 * commitment as an element mean; codebook by EMA 0.99",
        note: "an MLP on MNIST cut at 1/2, so it stands here as published: one code of 64 entries, 10,000 steps of 128 images \
               (--epochs 21). Counts start at 0; 1e-5 is added to them and they are not rescaled. It trains on 55,000 images",
        toml: "model = 'vq-vae'\nloss = 'bce'\nreduction = 'sum'\nbinarize = 'threshold'\ncodes = 1\ncode-dim = 16\n\
               codebook-size = 64\nvq-reduction = 'mean'\ncodebook-update = 'ema'\nema-start = 'zeros'\n\
               codebook-init = 'glorot'\nhidden = [256, 128]\nactivation = 'elu'\ninit = 'glorot'\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "vq-jukebox",
        source: "openai/jukebox 08efbbc, one level",
        line: "jukebox/vqvae/bottleneck.py:55-77, 170",
        objective: "mean squared error / data variance + 0.02 * commitment as an element mean; codebook by EMA 0.99",
        note: "entries begin as vectors of the first batch; one whose average count of uses is below 1 becomes a random vector of \
               the batch. On sound in the original, beside a spectral loss, which is left out",
        toml: "model = 'vq-vae'\nloss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nvq-reduction = 'mean'\n\
               commitment-cost = 0.02\ncodebook-update = 'ema'\nema-start = 'ones'\ncodebook-init = 'first-batch'\n\
               restart-dead = 1.0\npixel-range = 'centered'\nbatch-size = 128\nlr = 3e-4",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Moment, Time};
    use crate::spec::{RunSpec, Settings};

    /// rho at D = 784, N d = 160 (N = 10) and B = 128 with MNIST's pixel variance, in [0, 1]: the column of the table of
    /// conventions. A preset on pixels in [-1, 1] is measured in them, where S is four times as large.
    const RHO: &[(&str, f64)] = &[
        ("vq-paper", 0.05),
        ("vq-sonnet", 0.116),
        ("vq-sonnet-ema", 0.116),
        ("vq-zalando-ema", 0.116),
        ("vq-keras-io", 0.116),
        ("vq-pythae-0.1.2", 0.0015625),
        ("vq-pythae-ema", 0.0015625),
        ("vq-pythae-main", 32.0),
        ("vq-pytorch-vae", 1.225),
        ("vq-rosinality", 4.0 * 0.30625),
        ("vq-karpathy", 2.3256),
        ("vq-ritheshkumar95", 4.0 * 1.225),
        ("vq-jukebox", 0.0093),
        ("vq-mishalaskin", 4.0 * 0.1163),
    ];

    fn rho_in_the_reference_column(preset: &Preset, variance: f64) -> f64 {
        let sizes = Settings::parse("codes = 10\ncode-dim = 16\ncodebook-size = 64\nbatch-size = 128").unwrap();
        let spec = RunSpec::resolve(&sizes.over(preset.settings().unwrap())).unwrap();
        spec.objective_for(784, variance).commitment_ratio(128).unwrap()
    }

    #[test]
    fn every_vq_preset_is_a_valid_run_with_the_ratio_of_its_code_base() {
        for preset in VQ_PRESETS {
            let rho = rho_in_the_reference_column(preset, 0.09493);
            if let Some((_, expected)) = RHO.iter().find(|(name, _)| *name == preset.name) {
                assert!((rho / expected - 1.0).abs() < 5e-3, "{}: {rho} is not {expected}", preset.name);
            }
        }
    }

    #[test]
    fn the_terms_of_the_swapped_conventions_are_swapped() {
        for (name, codebook, commitment) in
            [("vq-taming-legacy", 0.25, 1.0), ("vq-taming", 1.0, 0.25), ("vq-mishalaskin", 0.25, 1.0)]
        {
            let preset = VQ_PRESETS.iter().find(|preset| preset.name == name).unwrap();
            let spec = RunSpec::resolve(&preset.settings().unwrap()).unwrap();
            let weights = spec.objective_for(784, 0.1).weights(128, Moment::as_written(Time::END));
            let of = |term| weights.get(term).copied().unwrap() * 160.0;
            assert!((of(crate::terms::Term::Codebook) - codebook).abs() < 1e-12, "{name}");
            assert!((of(crate::terms::Term::Commitment) - commitment).abs() < 1e-12, "{name}");
        }
    }
}
