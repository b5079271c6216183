//! The conventions of public VAE code bases, by name: what each really optimises, as settings.
//!
//! A preset reproduces an objective and its quirks (sampling, free bits, the short last batch) with the code base's own
//! latent size, batch size and optimiser. Networks are MLPs here; where the original is convolutional, the hidden
//! layers are this program's default. Line numbers are those of the version named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Settings;
pub use super::presets_vq::VQ_PRESETS;
use crate::text::nearest;

/// One named convention.
#[derive(Debug)]
pub struct Preset {
    /// The name on the command line.
    pub name: &'static str,
    /// Where it is from, and the version that is meant.
    pub source: &'static str,
    /// The file and the lines of the loss.
    pub line: &'static str,
    /// The loss in words.
    pub objective: &'static str,
    /// What else is particular, or departs from the original; may be empty.
    pub note: &'static str,
    /// The settings, in the language of configuration files.
    pub(super) toml: &'static str,
}

/// All of VAEs, oldest idea first within a code base.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "pytorch-examples",
        source: "pytorch/examples 77f55b9 (so since 2018-02)",
        line: "vae/main.py:80-89",
        objective: "BCE summed over everything + KL summed over everything",
        note: "a and b are both B, so beta is 1; the defaults of this program, but for the scale",
        toml: "loss = 'bce'\nreduction = 'batch-sum'\nhidden = [400]\nlatent-dim = 20\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "pytorch-examples-2017",
        source: "pytorch/examples ab7cb38 to 963f7d1 (2017-10 to 2018-02)",
        line: "vae/main.py:82-93 at 9fe431e",
        objective: "mean BCE + KL summed over everything / (128 * 784)",
        note: "the KL is divided by the batch size that was asked for: the short last batch of 96 gets 0.75 of it",
        toml: "loss = 'bce'\nreduction = 'mean'\nkl-reduction = 'batch-sum'\nkl-weight = '1/batch-pixels'\nhidden = [400]\n\
               latent-dim = 20\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "keras-2016-05",
        source: "keras d7ff7cd (2016-05-14), the first version",
        line: "examples/variational_autoencoder.py:26-30, 42-45",
        objective: "mean BCE + KL averaged over latents",
        note: "it samples z = mean + 0.01*exp(logvar)*noise, nearly without noise, so it does not collapse although its \
               beta is 392; with --sampling standard it does",
        toml: "loss = 'bce'\nreduction = 'mean'\nkl-reduction = 'mean'\nsampling = 'keras-2016-05'\nhidden = [128]\n\
               latent-dim = 2\nbatch-size = 16\noptimizer = 'rmsprop'\nrmsprop-alpha = 0.9\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "keras-2016-07",
        source: "keras f6bcaff (2016-07-25 to 2016-08-02)",
        line: "examples/variational_autoencoder.py:26-29, 41-44",
        objective: "mean BCE + KL summed over latents",
        note: "users reported the collapse (keras issue 3373)",
        toml: "loss = 'bce'\nreduction = 'mean'\nkl-reduction = 'sum'\nhidden = [256]\nlatent-dim = 2\nbatch-size = 100\n\
               optimizer = 'rmsprop'\nrmsprop-alpha = 0.9\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "keras-2016-08",
        source: "keras 257ace7, PR 3383 (2016-08-02)",
        line: "examples/variational_autoencoder.py:41-44",
        objective: "784 * mean BCE + KL summed over latents",
        note: "",
        toml: "loss = 'bce'\nreduction = 'mean'\nrecon-weight = 'pixels'\nkl-reduction = 'sum'\nhidden = [256]\n\
               latent-dim = 2\nbatch-size = 100\noptimizer = 'rmsprop'\nrmsprop-alpha = 0.9\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "keras-2018-mse",
        source: "keras 7584098, PR 10062 (2018-05-11), with --mse",
        line: "examples/variational_autoencoder.py:175-187",
        objective: "784 * mean squared error + KL summed over latents",
        note: "squared error without 1/2, so beta*sigma^2 is 1/2",
        toml: "loss = 'mse'\noutput = 'sigmoid'\nreduction = 'mean'\nrecon-weight = 'pixels'\nkl-reduction = 'sum'\n\
               hidden = [512]\nlatent-dim = 2\nbatch-size = 128\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "keras-io-485488",
        source: "keras-io as quoted at stats.stackexchange.com/questions/485488 (2020)",
        line: "examples/generative/vae.py, train_step",
        objective: "784 * mean BCE + KL averaged over batch and latents",
        note: "convolutional in the original",
        toml: "loss = 'bce'\nreduction = 'mean'\nrecon-weight = 'pixels'\nkl-reduction = 'mean'\nlatent-dim = 2\n\
               batch-size = 128\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "keras-io",
        source: "keras-io, as it is since 2020-10",
        line: "examples/generative/vae.py, train_step",
        objective: "BCE summed over pixels + KL summed over latents, both averaged over images",
        note: "convolutional in the original, which trains on all 70,000 images",
        toml: "loss = 'bce'\nreduction = 'sum'\nlatent-dim = 2\nbatch-size = 128\nlr = 1e-3\ninit = 'glorot'",
    },
    Preset {
        name: "pythae-0.1.1",
        source: "clementchadebec/benchmark_VAE v0.1.1 (2023-02)",
        line: "src/pythae/models/vae/vae_model.py:100-120",
        objective: "squared error summed over pixels + KL summed over latents, both averaged over images",
        note: "squared error without 1/2, so beta*sigma^2 is 1/2",
        toml: "loss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nhidden = [512]\nlatent-dim = 10\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "pythae-0.1.2",
        source: "clementchadebec/benchmark_VAE v0.1.2, PR 104 (2023-09)",
        line: "src/pythae/models/vae/vae_model.py:100-122",
        objective: "1/2 * squared error summed over pixels + KL summed over latents",
        note: "a Gaussian of sigma 1 without its constants",
        toml: "loss = 'mse'\nrecon-weight = 0.5\noutput = 'sigmoid'\nreduction = 'sum'\nhidden = [512]\nlatent-dim = 10\n\
               batch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "pytorch-vae",
        source: "AntixK/PyTorch-VAE a6896b9 (2021-12-22)",
        line: "models/vanilla_vae.py:139-145, configs/vae.yaml",
        objective: "mean squared error + 0.00025 * KL summed over latents, averaged over images",
        note: "the weight carries the image size: at its own 64 x 64 x 3 it is beta*sigma^2 = 1.54. Convolutional and on \
               CelebA in the original, with tanh on pixels in [0, 1] and a learning rate that falls by 0.95 an epoch, which \
               is left out",
        toml: "loss = 'mse'\noutput = 'tanh'\nreduction = 'mean'\nkl-reduction = 'sum'\nbeta = 0.00025\nlatent-dim = 128\n\
               batch-size = 64\nlr = 0.005",
    },
    Preset {
        name: "lightning-bolts-2020",
        source: "Lightning-Universe/lightning-bolts before PR 330 (2020-11)",
        line: "pl_bolts/models/autoencoders/basic_vae/basic_vae_module.py, step",
        objective: "mean squared error + sampled KL averaged over batch and latents",
        note: "its kl_coeff of 0.1 is never applied (issue 328), and the KL is sampled until PR 760; 20 latents here, 256 there",
        toml: "loss = 'mse'\nreduction = 'mean'\nkl-estimator = 'monte-carlo'\nkl-reduction = 'mean'\nlatent-dim = 20\n\
               batch-size = 256\nlr = 1e-4",
    },
    Preset {
        name: "lightning-bolts",
        source: "Lightning-Universe/lightning-bolts 0.7.0 (2023-06)",
        line: "src/pl_bolts/models/autoencoders/basic_vae/basic_vae_module.py:131-141",
        objective: "mean squared error + 0.1 * KL averaged over batch and latents",
        note: "a ResNet on CIFAR-10 with 256 latents in the original, where beta*sigma^2 is 0.6; 20 latents here",
        toml: "loss = 'mse'\nreduction = 'mean'\nkl-reduction = 'mean'\nbeta = 0.1\nlatent-dim = 20\nbatch-size = 256\nlr = 1e-4",
    },
    Preset {
        name: "vae-burn",
        source: "code-cp/vae-burn 2c4d9b2 (2024-05-26; since a8931b8 its squared error is summed)",
        line: "src/model.rs:270-274",
        objective: "mean squared error + KL averaged over batch and latents",
        note: "one image a step: beside it a --batch-size of 64 is commented out. Convolutional, on digits padded to 32 x 32, \
               with a weight decay of 5e-5 in the original, which is left out",
        toml: "loss = 'mse'\noutput = 'sigmoid'\nreduction = 'mean'\nkl-reduction = 'mean'\nlatent-dim = 2\nbatch-size = 1\nlr = 1e-4",
    },
    Preset {
        name: "sigma-vae-mse",
        source: "orybkin/sigma-vae-pytorch 4748a3a (2021-07), mse_vae",
        line: "model.py:134-143",
        objective: "mean squared error + KL summed over latents and batch",
        note: "the paper's example of what goes wrong. Convolutional, on SVHN in the original",
        toml: "loss = 'mse'\noutput = 'sigmoid'\nreduction = 'mean'\nkl-reduction = 'batch-sum'\nlatent-dim = 20\n\
               batch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "gaussian",
        source: "orybkin/sigma-vae-pytorch 4748a3a (2021-07), gaussian_vae",
        line: "model.py:111-113, 125-129, 148-149",
        objective: "Gaussian NLL with its constants at sigma 1 + KL, both summed over everything",
        note: "the original's softclip moves sigma^2 to 1.005",
        toml: "loss = 'gaussian'\nsigma2 = 1.0\noutput = 'sigmoid'\nreduction = 'batch-sum'\nlatent-dim = 20\n\
               batch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "sigma-vae",
        source: "orybkin/sigma-vae-pytorch 4748a3a (2021-07), sigma_vae",
        line: "model.py:57-60, 114-116, 125",
        objective: "Gaussian NLL with one learned log sigma, softclipped at -6, + KL, both summed over everything",
        note: "R is a density: it can be negative",
        toml: "loss = 'gaussian-learned'\noutput = 'sigmoid'\nreduction = 'batch-sum'\nlatent-dim = 20\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "sigma-vae-optimal",
        source: "orybkin/sigma-vae-pytorch 4748a3a (2021-07), optimal_sigma_vae",
        line: "model.py:117-119, 125",
        objective: "Gaussian NLL at sigma^2 = MSE of the batch, + KL, both summed over everything",
        note: "up to a constant D/2 * log(MSE) + KL; the original's softclip of log sigma at -6 multiplies sigma^2 by \
               (1 + exp(-6)/sigma)^2, which is left out. R is a density: it can be negative",
        toml: "loss = 'gaussian-optimal'\noutput = 'sigmoid'\nreduction = 'batch-sum'\nlatent-dim = 20\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "log-mse",
        source: "proposed in benchmark_VAE issue 124 (2024-01), in no code base",
        line: "the comment of 2024-01-08",
        objective: "log(mean squared error) + KL summed over latents",
        note: "the optimal sigma-VAE without its D/2: beta is 392 times too large",
        toml: "loss = 'log-mse'\nlog-mse-scale = 'bare'\noutput = 'sigmoid'\nkl-reduction = 'sum'\nlatent-dim = 10\n\
               batch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "disentangling-vae-gaussian",
        source: "YannDubs/disentangling-vae f045219 (2023-02), rec_dist gaussian, beta 1",
        line: "disvae/models/losses.py:426-447",
        objective: "255 * squared error summed over pixels + KL summed over latents",
        note: "the 255 is hidden in the loss. Convolutional, at 32 x 32 in the original",
        toml: "loss = 'mse'\nrecon-weight = 255.0\noutput = 'sigmoid'\nreduction = 'sum'\nbeta = 1.0\nlatent-dim = 10\n\
               batch-size = 64\nlr = 5e-4",
    },
    Preset {
        name: "vqvae-data-variance",
        source: "google-deepmind/sonnet 26b0518, the VQ-VAE example's reconstruction, as a VAE",
        line: "examples/vqvae_example.ipynb, cell of VQVAEModel",
        objective: "mean squared error / variance of all training pixels + KL summed over latents",
        note: "the original has no KL but a codebook; this is what its weighting does beside one",
        toml: "loss = 'mse'\nreduction = 'mean'\nrecon-weight = '1/data-variance'\nkl-reduction = 'sum'\n\
               pixel-range = 'centered'\nlatent-dim = 20\nbatch-size = 32\nlr = 3e-4",
    },
    Preset {
        name: "flax",
        source: "google/flax 18f8f31, examples/vae",
        line: "examples/vae/train.py:32-61",
        objective: "BCE summed over pixels + KL summed over latents, both averaged over images",
        note: "on binarised pixels, where BCE is a likelihood; weights are lecun-normal in the original",
        toml: "loss = 'bce'\nreduction = 'sum'\nbinarize = 'static'\nhidden = [500]\nlatent-dim = 20\nbatch-size = 128\nlr = 1e-3",
    },
    Preset {
        name: "beta-vae",
        source: "1Konny/Beta-VAE 977a1ec (2018-08), objective H",
        line: "solver.py:21-49, 164-168",
        objective: "BCE summed over pixels + 4 * KL summed over latents, both averaged over images",
        note: "with --capacity 25 --gamma 1000 --capacity-rise linear:100000steps it is its objective B; convolutional in \
               the original, on dSprites: on its default data, CelebA, the loss is a squared error",
        toml: "loss = 'bce'\nreduction = 'sum'\nbeta = 4.0\nlatent-dim = 10\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "disentanglement-lib",
        source: "google-research/disentanglement_lib 76f41e3, unsupervised_study_v1 at its first beta",
        line: "methods/shared/losses.py:29-66; config/unsupervised_study_v1/model_configs/shared.gin",
        objective: "BCE summed over pixels + KL summed over latents, both averaged over images",
        note: "the study sweeps --beta 1, 2, 4, 6, 8, 16. With subtract_true_image_entropy the loss that it reports is lower by \
               the entropy of the pixels, a constant that trains nothing. Convolutional in the original",
        toml: "loss = 'bce'\nreduction = 'sum'\nbeta = 1.0\nlatent-dim = 10\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "worldmodels",
        source: "hardmaru/WorldModelsExperiments fd982b9 (2020-05)",
        line: "carracing/vae/vae.py:64-79",
        objective: "squared error summed over pixels + max(KL of the image, 0.5 * latents), averaged over images",
        note: "free nats on the image's total: 16 for its 32 latents. Convolutional, on 64 x 64 x 3 in the original",
        toml: "loss = 'mse'\noutput = 'sigmoid'\nreduction = 'sum'\nfree-bits = 'image:16'\nlatent-dim = 32\n\
               batch-size = 100\nlr = 1e-4",
    },
    Preset {
        name: "tensorflow-cvae",
        source: "tensorflow/docs, the tutorial Convolutional Variational Autoencoder",
        line: "site/en/tutorials/generative/cvae.ipynb, compute_loss",
        objective: "BCE summed over pixels + sampled log q(z|x) - log p(z), averaged over images",
        note: "on pixels binarised at 1/2, where BCE is a likelihood; convolutional in the original",
        toml: "loss = 'bce'\nreduction = 'sum'\nkl-estimator = 'monte-carlo'\nbinarize = 'threshold'\nlatent-dim = 2\n\
               batch-size = 32\nlr = 1e-4",
    },
    Preset {
        name: "irmae",
        source: "facebookresearch/irmae 05feed7, with --vae and its default beta of 0.1",
        line: "model.py, AE.forward",
        objective: "mean BCE + 0.1 * twice the KL (it lacks its 1/2) averaged over batch and latents",
        note: "convolutional, on digits resized to 32 x 32 in the original, where beta is 1.6",
        toml: "loss = 'bce'\nreduction = 'mean'\nkl-reduction = 'mean'\nkl-weight = 2.0\nbeta = 0.1\nlatent-dim = 128\n\
               batch-size = 32\nlr = 1e-4",
    },
    Preset {
        name: "latent-diffusion",
        source: "CompVis/latent-diffusion, the first stage of Stable Diffusion",
        line: "ldm/modules/losses/contperceptual.py, forward",
        objective: "absolute error on [-1, 1] summed over pixels + 1e-6 * KL summed over latents, averaged over images",
        note: "without its perceptual and adversarial terms; beta is that of a Laplace likelihood of scale 1, at any image size. \
               Convolutional in the original, with latents of 4 channels at an eighth of the image's side",
        toml: "loss = 'laplace'\npixel-range = 'symmetric'\nreduction = 'sum'\nbeta = 1e-6\nlatent-dim = 20\nbatch-size = 12\n\
               lr = 4.5e-6",
    },
    Preset {
        name: "monai",
        source: "Project-MONAI's tutorials on AutoencoderKL, and their copies",
        line: "generation, the training loops: l1_loss(reconstruction, images) + kl_weight * kl",
        objective: "mean absolute error + 1e-6 * KL summed over latents, averaged over images",
        note: "the same 1e-6 as latent-diffusion beside a mean: beta is 1e-6 * D. Without its perceptual and adversarial terms; \
               convolutional in the original",
        toml: "loss = 'laplace'\nreduction = 'mean'\nkl-reduction = 'sum'\nbeta = 1e-6\nlatent-dim = 20\nbatch-size = 64\nlr = 1e-4",
    },
    Preset {
        name: "autoencoder-kl-mean",
        source: "copies of AutoencoderKL's training that take kl.mean()",
        line: "no one file",
        objective: "mean absolute error + 0.01 * KL averaged over batch and latents",
        note: "beta is 0.01 * D/d; on pixels in [-1, 1], convolutional in the originals",
        toml: "loss = 'laplace'\npixel-range = 'symmetric'\nreduction = 'mean'\nkl-reduction = 'mean'\nbeta = 0.01\nlatent-dim = 20\n\
               batch-size = 64\nlr = 1e-4",
    },
];

impl Preset {
    /// What the preset sets.
    ///
    /// # Errors
    /// None for the presets of this table, which a test reads.
    pub fn settings(&self) -> Result<Settings, String> {
        Settings::parse(self.toml)
    }
}

/// The choice of a preset, by its name.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PresetName(&'static Preset);

impl PresetName {
    /// The preset itself.
    pub fn preset(self) -> &'static Preset {
        self.0
    }
}

impl FromStr for PresetName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = || PRESETS.iter().chain(VQ_PRESETS);
        all().find(|preset| preset.name == name).map(PresetName).ok_or_else(|| {
            let names = all().map(|preset| preset.name);
            match nearest(name, names.clone()) {
                Some(meant) => {
                    format!("there is no preset '{name}'; did you mean {meant}? `vae-bench presets` lists all")
                }
                None => format!("there is no preset '{name}'; there are {}", names.collect::<Vec<_>>().join(", ")),
            }
        })
    }
}

impl TryFrom<String> for PresetName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<PresetName> for String {
    fn from(name: PresetName) -> String {
        name.to_string()
    }
}

impl fmt::Display for PresetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Debug for PresetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for PresetName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Moment, Time};
    use crate::spec::RunSpec;
    use crate::terms::{Term, Terms};

    /// The last column of the table of conventions, at D = 784 and MNIST's pixel variance.
    const EFFECTIVE: &[(&str, f64)] = &[
        ("pytorch-examples", 1.0),
        ("pytorch-examples-2017", 1.0),
        ("keras-2016-05", 392.0),
        ("keras-2016-07", 784.0),
        ("keras-2016-08", 1.0),
        ("keras-2018-mse", 0.5),
        ("keras-io-485488", 0.5),
        ("keras-io", 1.0),
        ("pythae-0.1.1", 0.5),
        ("pythae-0.1.2", 1.0),
        ("pytorch-vae", 0.098),
        ("lightning-bolts", 1.96),
        ("vae-burn", 196.0),
        ("sigma-vae-mse", 50176.0),
        ("gaussian", 1.0),
        ("disentangling-vae-gaussian", 0.00196),
        ("vqvae-data-variance", 37.2),
        ("flax", 1.0),
        ("beta-vae", 4.0),
        ("disentanglement-lib", 1.0),
        ("worldmodels", 0.5),
        ("lightning-bolts-2020", 19.6),
        ("tensorflow-cvae", 1.0),
        ("irmae", 1.225),
        ("latent-diffusion", 1e-6),
        ("monai", 7.84e-4),
        ("autoencoder-kl-mean", 0.392),
    ];

    #[test]
    fn every_preset_is_a_valid_run_with_the_effective_value_of_its_code_base() {
        for preset in PRESETS {
            let spec = RunSpec::resolve(&preset.settings().unwrap()).unwrap();
            let objective = spec.objective_for(784, 0.09493);
            let batch = spec.training().batch_size;
            let effective = match objective.recon.loss {
                crate::objective::ReconLoss::Bce | crate::objective::ReconLoss::Laplace { .. } => {
                    objective.beta_effective(batch, Moment::as_written(Time::END))
                }
                _ => objective.beta_sigma2(batch, Moment::as_written(Time::END), None, None),
            };
            let expected = EFFECTIVE.iter().find(|(name, _)| *name == preset.name).map(|&(_, value)| value);
            match (effective, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found / expected - 1.0).abs() < 5e-4, "{}: {found} is not {expected}", preset.name);
                }
                (None, None) => assert!(["sigma-vae", "sigma-vae-optimal", "log-mse"].contains(&preset.name)),
                other => panic!("{}: {other:?}", preset.name),
            }
        }
    }

    #[test]
    fn the_short_last_batch_of_2017_gets_three_quarters_of_the_kl_weight() {
        let preset: PresetName = "pytorch-examples-2017".parse().unwrap();
        let spec = RunSpec::resolve(&preset.preset().settings().unwrap()).unwrap();
        let objective = spec.objective_for(784, f64::NAN);
        let (full, last) = (
            objective.weights(128, Moment::as_written(Time::END)),
            objective.weights(96, Moment::as_written(Time::END)),
        );
        let of = |weights: &Terms<f64>, term| *weights.get(term).unwrap();
        assert!((of(&last, Term::Kl) / of(&full, Term::Kl) - 0.75).abs() < 1e-12);
        assert_eq!(of(&last, Term::Recon), of(&full, Term::Recon));
    }

    #[test]
    fn an_unknown_preset_is_answered_with_all_names() {
        assert!("kerasio".parse::<PresetName>().unwrap_err().contains("did you mean keras-io?"));
        let message = "qqqqqq".parse::<PresetName>().unwrap_err();
        assert!(PRESETS.iter().chain(VQ_PRESETS).all(|preset| message.contains(preset.name)), "{message}");
    }
}
