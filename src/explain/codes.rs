//! The objective of a VQ-VAE taken apart: three weights, the one ratio that the encoder sees, and what none of them buys.

use serde::Serialize;

use super::explanation::Context;
use super::lines::Lines;
use crate::choice::Choice;
use crate::model::{CodeShape, CodebookRule};
use crate::objective::{Loss, LossScale, Measure, Moment, Objective, Time};
use crate::optimizer::Rule;
use crate::spec::presets::{Preset, VQ_PRESETS};
use crate::spec::{FamilySpec, RunSpec, VqSpec};
use crate::terms::Term;
use crate::text::significant;

/// Two ratios that are nearer than this part of each other count as one.
const SAME: f64 = 0.005;

/// Why nothing is predicted.
const NOT_PREDICTED: &str = "no theory says where a VQ-VAE ends; train it";

/// The objective of a VQ-VAE taken apart. The fields are those of `explain --json`; a value that does not exist is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct CodeExplanation {
    /// The preset, where one was named.
    pub preset: Option<String>,
    /// Where it is from: code base, version, file and line.
    pub source: Option<String>,
    /// What else is particular to it.
    pub note: Option<String>,
    /// `vq-vae`.
    pub model: String,
    /// The reconstruction loss.
    pub loss: Loss,
    /// Whether R is a mass (nats), a density (nats, can be negative) or a squared error.
    pub measure: Measure,
    /// D.
    pub pixels: usize,
    /// N, codes of an image.
    pub codes: usize,
    /// d, numbers of a code.
    pub code_dim: usize,
    /// K, entries of the codebook.
    pub codebook_size: usize,
    /// B.
    pub batch_size: usize,
    /// The objective with its numbers put in.
    pub formula: String,
    /// The weights for a full batch, and rho.
    #[serde(flatten)]
    pub weights: CodeWeights,
    /// N ln K: the rate, in nats.
    pub rate_nats: f64,
    /// N log2 K: the rate, in bits.
    pub rate_bits: f64,
    /// The sigma^2 under which the reconstruction is a Gaussian NLL and the objective is that NLL and the VQ terms: 1/(2a) for
    /// a squared error.
    pub sigma2: Option<f64>,
    /// What changing the weight of the codebook term does under this optimiser.
    pub unseen: Option<String>,
    /// The other conventions that have this rho at these sizes.
    pub same_ratio_as: Vec<String>,
    /// The weights elsewhere.
    pub elsewhere: Vec<Elsewhere>,
    /// Why nothing is predicted.
    pub not_predicted: String,
}

/// The weights of the three terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CodeWeights {
    /// a, on R (or S).
    pub recon_weight: f64,
    /// On |sg\[z\] - e|^2; none where moving averages make the codebook.
    pub codebook_weight: Option<f64>,
    /// On |z - sg\[e\]|^2.
    pub commitment_weight: f64,
    /// rho = commitment_weight / recon_weight.
    pub commitment_ratio: f64,
}

/// What becomes of the weights at another size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Elsewhere {
    /// What is other.
    pub at: String,
    /// The weights there.
    #[serde(flatten)]
    pub weights: CodeWeights,
}

impl CodeWeights {
    /// Those of `objective` in a batch of `batch` images.
    fn of(objective: &Objective, batch: usize) -> Self {
        let weights = objective.weights(batch, Moment::as_written(Time::END));
        let of = |term| weights.get(term).copied();
        CodeWeights {
            recon_weight: of(Term::Recon).unwrap_or(f64::NAN),
            codebook_weight: of(Term::Codebook),
            commitment_weight: of(Term::Commitment).unwrap_or(f64::NAN),
            commitment_ratio: objective.weight_ratio(batch, Moment::as_written(Time::END)),
        }
    }
}

/// Explains `spec`, that of a VQ-VAE, which may be that of `preset`; none for another family.
pub fn explain_codes(spec: &RunSpec, preset: Option<&Preset>, on: &Context<'_>) -> Option<CodeExplanation> {
    let FamilySpec::VqVae { shape, vq } = spec.family() else { return None };
    let CodeShape { codes, code_dim, codebook_size, .. } = shape;
    let objective = spec.objective_for(on.pixels, on.data_variance);
    let full = spec.training().batch_size;
    let batch = on.data.map_or(full, |data| full.min(data.train_images.max(1)));
    let weights = CodeWeights::of(&objective, batch);
    let loss = objective.recon.loss;
    let rate_nats = codes as f64 * (codebook_size as f64).ln();
    Some(CodeExplanation {
        preset: preset.map(|preset| preset.name.to_owned()),
        source: preset.map(|preset| format!("{}; {}", preset.source, preset.line)),
        note: preset.map(|preset| preset.note.to_owned()).filter(|note| !note.is_empty()),
        model: spec.family().name().name(),
        loss: loss.name(),
        measure: loss.measure(),
        pixels: on.pixels,
        codes,
        code_dim,
        codebook_size,
        batch_size: batch,
        formula: formula(spec, vq, &weights),
        weights,
        rate_nats,
        rate_bits: rate_nats / std::f64::consts::LN_2,
        sigma2: (loss.name() == Loss::Mse).then(|| 0.5 / weights.recon_weight),
        unseen: unseen(spec, shape),
        same_ratio_as: same_ratio(spec, preset, on, weights.commitment_ratio),
        elsewhere: elsewhere(spec, on, batch),
        not_predicted: NOT_PREDICTED.to_owned(),
    })
}

/// The objective as the code base writes it, then with its numbers put in.
fn formula(spec: &RunSpec, vq: VqSpec, weights: &CodeWeights) -> String {
    let recon = spec.recon();
    let scale = match recon.scale {
        LossScale::Number(1.0) => String::new(),
        LossScale::Number(_)
        | LossScale::Pixels
        | LossScale::PerPixel
        | LossScale::PerDataVariance
        | LossScale::PerBatchPixel => format!("{} * ", recon.scale),
    };
    let reduced = if recon.loss.is_weighted_directly() {
        format!("{scale}{} {}", recon.reduction.formula("pixels"), recon.loss.formula())
    } else {
        format!("{scale}{}{}", recon.reduction.factor("D"), recon.loss.formula())
    };
    let symbol =
        if recon.loss.is_weighted_directly() { recon.loss.measure().symbol().to_owned() } else { recon.loss.formula() };
    let (cost, reduction) = vq.commitment;
    let mut left = reduced;
    let mut right = format!("{} * {symbol}", significant(weights.recon_weight));
    if let (Some((factor, reduction)), Some(weight)) = (vq.codebook, weights.codebook_weight) {
        left.push_str(&format!("  +  {factor} * {} |sg[z] - e|^2", reduction.formula()));
        right.push_str(&format!("  +  {} * C(sg[z], e)", significant(weight)));
    }
    left.push_str(&format!("  +  {cost} * {} |z - sg[e]|^2", reduction.formula()));
    right.push_str(&format!("  +  {} * C(z, sg[e])", significant(weights.commitment_weight)));
    format!("{left}  =  {right}")
}

/// What the weight of the codebook term does, where there is one.
fn unseen(spec: &RunSpec, shape: CodeShape) -> Option<String> {
    match shape.rule {
        CodebookRule::Ema(_) => None,
        CodebookRule::Gradient => Some(match spec.training().optimizer.rule {
            Rule::Adam { .. } | Rule::Rmsprop { .. } | Rule::Adagrad => {
                "the entries have gradient from the codebook term alone, and this optimiser divides each gradient by its own \
                 size: a factor on that term changes nothing, as long as its gradients are large beside epsilon"
                    .to_owned()
            }
            Rule::Sgd => {
                "the entries have gradient from the codebook term alone: under SGD a factor on that term is the learning rate \
                 of the codebook"
                    .to_owned()
            }
        }),
    }
}

/// The presets but `spec_preset` whose rho is the same at the sizes of `spec`.
fn same_ratio(spec: &RunSpec, spec_preset: Option<&Preset>, on: &Context<'_>, ratio: f64) -> Vec<String> {
    let FamilySpec::VqVae { shape, .. } = spec.family() else { return Vec::new() };
    let at_these_sizes = |preset: &&Preset| {
        let mut settings = preset.settings().ok()?;
        settings.codes = shape.codes.try_into().ok();
        settings.code_dim = shape.code_dim.try_into().ok();
        settings.codebook_size = shape.codebook_size.try_into().ok();
        settings.batch_size = spec.training().batch_size.try_into().ok();
        let other = RunSpec::resolve(&settings).ok()?;
        let same_loss = other.recon().loss.measure() == spec.recon().loss.measure();
        let found = other.objective_for(on.pixels, on.data_variance).commitment_ratio(spec.training().batch_size)?;
        Some(same_loss && (found / ratio - 1.0).abs() < SAME)
    };
    let own = spec_preset.map(|preset| preset.name);
    VQ_PRESETS
        .iter()
        .filter(|preset| Some(preset.name) != own && at_these_sizes(preset) == Some(true))
        .map(|preset| preset.name.to_owned())
        .collect()
}

/// The weights with twice the batch, four times the pixels (or `carry_to`), and twice the codes.
fn elsewhere(spec: &RunSpec, on: &Context<'_>, batch: usize) -> Vec<Elsewhere> {
    let here = spec.objective_for(on.pixels, on.data_variance);
    let other = on.carry_to.unwrap_or(4 * on.pixels);
    let mut all = vec![
        Elsewhere { at: format!("batches of {}", 2 * batch), weights: CodeWeights::of(&here, 2 * batch) },
        Elsewhere {
            at: format!("images of {other} pixels"),
            weights: CodeWeights::of(&spec.objective_for(other, on.data_variance), batch),
        },
    ];
    let mut settings = spec.settings().clone();
    if let Some(codes) = settings.codes.map(usize::from).and_then(|codes| codes.checked_mul(2)) {
        settings.codes = codes.try_into().ok();
        if let Ok(twice) = RunSpec::resolve(&settings) {
            let weights = CodeWeights::of(&twice.objective_for(on.pixels, on.data_variance), batch);
            all.push(Elsewhere { at: format!("{codes} codes"), weights });
        }
    }
    all
}

/// The whole explanation for a person.
pub fn codes_to_text(e: &CodeExplanation) -> String {
    let mut lines = Lines::headed(e.preset.as_deref(), e.source.iter().chain(&e.note));
    let mut line = |name: &str, text: String| lines.add(name, &text);
    let symbol = e.measure.symbol();
    line("objective", e.formula.clone());
    line(
        "",
        format!(
            "{symbol}: per image, summed over its {} pixels; C: squared distance of its {} codes from their entries, summed \
             over {} numbers; both averaged over images",
            e.pixels,
            e.codes,
            e.codes * e.code_dim
        ),
    );
    let weights = |w: &CodeWeights| {
        let codebook = w.codebook_weight.map_or_else(
            || "no codebook term (moving averages)".to_owned(),
            |weight| format!("w_cb = {} on the codebook term", significant(weight)),
        );
        let (a, commitment) = (significant(w.recon_weight), significant(w.commitment_weight));
        format!("a = {a} on {symbol}, {codebook}, w_cm = {commitment} on the commitment term")
    };
    line("weights", weights(&e.weights));
    line(
        "ratio",
        format!("rho = w_cm/a = {}: the one number that the encoder sees", significant(e.weights.commitment_ratio)),
    );
    line(
        "",
        "z -> c z, e -> c e leaves the images and scales C by c^2: rho sets the scale of the codes and buys no rate"
            .into(),
    );
    let rate = format!(
        "N ln K = {} nats = {} bits per image, whatever rho is",
        significant(e.rate_nats),
        significant(e.rate_bits)
    );
    line("rate", rate);
    if let Some(sigma2) = e.sigma2 {
        line(
            "",
            format!(
                "a fixes sigma^2 = 1/(2a) = {}: {symbol}/(2 sigma^2) + N ln K is then a bound up to a constant",
                significant(sigma2)
            ),
        );
    } else if e.measure != Measure::SquaredError {
        line("", format!("{symbol} + N ln K is -ELBO: the posterior is one-hot and the prior uniform"));
    }
    if let Some(unseen) = &e.unseen {
        line("unseen", unseen.clone());
    }
    if !e.same_ratio_as.is_empty() {
        line("same rho", e.same_ratio_as.join(", "));
    }
    for (i, there) in e.elsewhere.iter().enumerate() {
        let w = &there.weights;
        let change = if w == &e.weights {
            "the same weights".to_owned()
        } else {
            format!("{}; rho = {}", weights(w), significant(w.commitment_ratio))
        };
        line(if i == 0 { "elsewhere" } else { "" }, format!("at {}: {change}", there.at));
    }
    line("expect", format!("not predicted, because {}", e.not_predicted));
    lines.text()
}
