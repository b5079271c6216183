//! What a loss was found to be, or why it was not.

use super::design::Shape;
use super::kl_form::KlForm;
use super::law::Law;
use super::recon_form::ReconForm;

/// A hypothesis and its largest error, over the range of the values.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// In words.
    pub name: String,
    /// Of the range.
    pub residual: f64,
}

/// What a function returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Returns {
    /// The place or the key of the total, where there are several numbers.
    pub total: String,
    /// The two terms that were added because no total is among what is returned.
    pub sum_of: Option<(String, String)>,
    /// Whether there is one value for each image; their mean is taken.
    pub per_image: bool,
    /// Whether another seed gives another value.
    pub random: bool,
}

/// What a reconstruction's constant says it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Likelihood {
    /// No constant that belongs to a density.
    None,
    /// A Gaussian NLL with its constants.
    Gaussian {
        /// The variance of a pixel.
        sigma2: f64,
        /// The weight on the NLL.
        weight: Law,
    },
    /// The same at the best variance of the batch.
    GaussianOptimal {
        /// The weight on the NLL.
        weight: Law,
    },
    /// A Laplace NLL with its constants.
    Laplace {
        /// The scale of a pixel.
        scale: f64,
        /// The weight on the NLL.
        weight: Law,
    },
}

/// What a parameter does.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The value that everything else was measured at.
    pub value: f64,
    /// The power of it in a and in b; none: no power.
    pub effect: Effect,
}

/// How the weights follow a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// a and b are proportional to these powers of it.
    Powers {
        /// Of a.
        recon: f64,
        /// Of b.
        kl: f64,
    },
    /// They follow it in another way.
    Otherwise,
    /// It changes what the loss is, or the function fails.
    Form,
}

/// Another number that the function returns.
#[derive(Clone, Debug, PartialEq)]
pub struct PartFound {
    /// Its place or key.
    pub name: String,
    /// Its weights on the same two terms, at the first sizes; none: no combination of them.
    pub weights: Option<(f64, f64)>,
}

/// How sure it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Hypotheses about the reconstruction, best first.
    pub recon: Vec<Scored>,
    /// Hypotheses about the KL, best first.
    pub kl: Vec<Scored>,
    /// The worst relative error of a term at fresh inputs and sizes.
    pub worst: f64,
    /// The sizes of that check.
    pub checked: Vec<Shape>,
    /// Calls of the function.
    pub calls: usize,
    /// The rounding unit of its values.
    pub rounding: f64,
}

/// Which size a function accepts one value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// B.
    Batch,
    /// D.
    Pixels,
    /// d.
    Latents,
}

/// A loss that was identified: a * reconstruction + b * KL + constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The reconstruction.
    pub recon: ReconForm,
    /// a.
    pub recon_weight: Law,
    /// What its constant says.
    pub likelihood: Likelihood,
    /// The KL; none: the loss does not depend on the posterior.
    pub kl: Option<KlForm>,
    /// b.
    pub kl_weight: Law,
    /// What is added, where it follows the sizes in a way that is known.
    pub constant: Option<Law>,
    /// Whether the function returns an ELBO, so that its negative is the loss.
    pub negated: bool,
    /// What it returns.
    pub returns: Returns,
    /// What its parameters do.
    pub parameters: Vec<Parameter>,
    /// What else it returns.
    pub parts: Vec<PartFound>,
    /// Sizes that it accepts one value of.
    pub fixed: Vec<Fixed>,
    /// The sizes of the first measurement.
    pub first: Shape,
    /// Differences outside of the ordinary range of inputs, in words.
    pub notes: Vec<String>,
    /// How sure it is.
    pub evidence: Evidence,
}

/// Why a loss was not identified.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Where the residual lies.
    pub reason: String,
    /// The best hypotheses and their residuals.
    pub nearest: Vec<Scored>,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The loss is known.
    Found(Box<Finding>),
    /// It is not.
    Refused(Refusal),
    /// The function failed where it was first called, with its own words.
    Failed(String),
}
