//! What became of a run: judgements, each a word that says exactly what was tested.
//!
//! | judgement | words |
//! |---|---|
//! | latents | `all-active`, `some-active`, `none-active`: the variance of a latent's posterior mean over the test images is above 0.01 |
//! | average image | `recon-and-bound-below`, `recon-below`, `bound-above`, `at`, `above`: test R (and R + K) against R of the average image |
//! | training | `untrained`, `still-falling`, `settled`, `overfitting`, `diverged`, `unstable` (of a VQ-VAE): the test objective over the epochs |
//! | objective | `elbo`, `beta-elbo`, `constrained`, `controlled`, `other-noise`, `no-likelihood`; `code-terms` of a VQ-VAE |
//! | codes | `all-used`, `dead-codes`, `one-code`: codebook entries that a test image's code is nearest to; of a VQ-VAE |
//!
//! `not-judged` stands where there is nothing to judge by. [`Verdict::headline`] sums them up for tables of many runs.

use serde::{Deserialize, Deserializer, Serialize};
use strum::IntoStaticStr;

use crate::metrics::{EpochRecord, Split};
use crate::objective::{KlPenalty, LatentTerms, Measure, Moment, Objective, Time};
use crate::pass::Sampling;

/// R counts as that of the average image within this part of it (of one nat, where it is smaller).
const AT: f64 = 0.02;

/// The objective counts as changed by an epoch if it moves by more than this part of its whole fall.
const CHANGED: f64 = 0.005;

/// The distance of the codes from their entries counts as running away from this many times its least value on.
const GROWN: f64 = 10.0;

/// Which latents carry information.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum LatentsJudgement {
    /// Every latent is active.
    AllActive,
    /// Some are.
    SomeActive,
    /// None is.
    NoneActive,
    /// They were not measured.
    NotJudged,
}

/// Which codebook entries are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CodesJudgement {
    /// Every entry is the nearest to some code of a test image.
    AllUsed,
    /// Some are to none.
    DeadCodes,
    /// One entry is to all: the code says nothing.
    OneCode,
    /// They were not measured.
    NotJudged,
}

/// Test R, and R + K, against R of the average image: a decoder that ignores z, with K = 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AverageImageJudgement {
    /// R and R + K are below it.
    ReconAndBoundBelow,
    /// R (or S) is below it; R + K is no bound.
    ReconBelow,
    /// R is below it and R + K is not: as a bound the model is worse than the average image.
    BoundAbove,
    /// R is within a fiftieth of it.
    At,
    /// R is above it.
    Above,
    /// No constant output has a least R, or the run diverged.
    NotJudged,
}

/// How the test objective went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TrainingJudgement {
    /// No epoch was trained.
    Untrained,
    /// The last epoch lowered it by more than a two-hundredth of its whole fall.
    StillFalling,
    /// The last epoch changed it by less.
    Settled,
    /// It lies above its least value by more than that.
    Overfitting,
    /// It became infinite or NaN.
    Diverged,
    /// The distance C of the codes from their entries grew to ten times its least value, and grows.
    Unstable,
    /// One epoch alone, or an objective that changes with a schedule or a weight that is found.
    NotJudged,
}

/// What was minimised, at the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ObjectiveJudgement {
    /// -ELBO, up to a factor.
    Elbo,
    /// R + beta * K with another beta than 1.
    BetaElbo,
    /// Free bits or a capacity: K is not weighted as it is.
    Constrained,
    /// A weight was found while training, by GECO or ControlVAE: neither a bound nor one fixed beta.
    Controlled,
    /// z is not drawn from the q whose KL is weighted, so R + K bounds nothing.
    OtherNoise,
    /// A squared error, or its logarithm: beta * sigma^2 is fixed, beta is not.
    NoLikelihood,
    /// R with the terms of a VQ-VAE: R + N ln K is a bound, and the terms are no part of it.
    CodeTerms,
}

/// The judgements on a run, and what they were made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which latents carry information.
    pub latents: LatentsJudgement,
    /// Against the average image.
    pub average_image: AverageImageJudgement,
    /// How the training went.
    pub training: TrainingJudgement,
    /// What was minimised.
    pub objective: ObjectiveJudgement,
    /// Active latents in the last test row.
    pub active_units: Option<u32>,
    /// All latents.
    pub latent_dim: usize,
    /// R (or S) of the average image on the test images, where there is one.
    pub floor: Option<f64>,
    /// The epoch in which the objective became non-finite, where it did.
    pub diverged_in: Option<u32>,
    /// The codebook of a VQ-VAE; none for a VAE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codebook: Option<CodebookVerdict>,
}

/// What became of a codebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodebookVerdict {
    /// Which entries are in use.
    pub codes: CodesJudgement,
    /// So many are, in the last test row.
    pub used: Option<u32>,
    /// K, all entries.
    pub size: usize,
}

/// The verdict in one word, for tables of many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Headline {
    /// The objective became non-finite.
    Diverged,
    /// No epoch was trained.
    Untrained,
    /// No latent is active and R is that of the average image.
    Collapsed,
    /// No latent is active, and R is not that of the average image, or that was not judged.
    NoneActive,
    /// Some latents are active.
    SomeActive,
    /// Every latent is active.
    AllActive,
    /// The codes of a VQ-VAE run away from their entries.
    Unstable,
    /// One codebook entry is used.
    OneCode,
    /// Some codebook entries are not used.
    DeadCodes,
    /// All are.
    AllCodes,
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The rows of the run.
    pub rows: &'a [EpochRecord],
    /// All latents.
    pub latent_dim: usize,
    /// K, the entries of a VQ-VAE's codebook.
    pub codebook_size: Option<usize>,
    /// R (or S) of the average image on the test images, where there is one.
    pub floor: Option<f64>,
    /// What was minimised.
    pub objective: ObjectiveJudgement,
    /// Whether the objective is the same in every epoch.
    pub schedule: ScheduleInUse,
}

/// Whether the weights of an objective change while it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleInUse {
    /// They do not.
    No,
    /// They do, so that values of two epochs cannot be compared.
    Yes,
}

impl ObjectiveJudgement {
    /// What `objective` is for a batch of `batch` images at `time`.
    pub fn of(objective: &Objective, batch: usize, time: Time) -> Self {
        let LatentTerms::Kl(kl) = objective.latent else {
            return match objective.recon.loss.measure() {
                Measure::SquaredError => ObjectiveJudgement::NoLikelihood,
                Measure::Mass | Measure::Density | Measure::GreyMass => ObjectiveJudgement::CodeTerms,
            };
        };
        match (objective.recon.loss.measure(), kl.sampling, kl.penalty) {
            (_, Sampling::Standard, KlPenalty::Found(_)) => ObjectiveJudgement::Controlled,
            (Measure::SquaredError, _, _) => ObjectiveJudgement::NoLikelihood,
            (Measure::Mass | Measure::Density | Measure::GreyMass, Sampling::Keras201605, _) => {
                ObjectiveJudgement::OtherNoise
            }
            (_, Sampling::Standard, KlPenalty::Capacity { .. } | KlPenalty::Beta { free_bits: Some(_), .. }) => {
                ObjectiveJudgement::Constrained
            }
            (_, Sampling::Standard, KlPenalty::Beta { free_bits: None, .. }) => {
                let is_one = (objective.weight_ratio(batch, Moment::as_written(time)) - 1.0).abs() < 1e-9;
                if is_one { ObjectiveJudgement::Elbo } else { ObjectiveJudgement::BetaElbo }
            }
        }
    }
}

impl ScheduleInUse {
    /// Whether the weights of `objective` change with time.
    pub fn of(objective: &Objective) -> Self {
        let LatentTerms::Kl(kl) = objective.latent else { return ScheduleInUse::No };
        match kl.penalty {
            KlPenalty::Beta { warmup: None, .. } | KlPenalty::Capacity { rise: None, .. } => ScheduleInUse::No,
            KlPenalty::Beta { warmup: Some(_), .. }
            | KlPenalty::Capacity { rise: Some(_), .. }
            | KlPenalty::Found(_) => ScheduleInUse::Yes,
        }
    }
}

impl Verdict {
    /// Judges a run that ended without diverging.
    pub fn judge(on: &Evidence<'_>) -> Self {
        let last = on.rows.iter().rfind(|row| row.split == Split::Test);
        let active_units = last.and_then(|row| row.active_units);
        let used = last.and_then(|row| row.codes.codes_used);
        let codebook = on.codebook_size.map(|size| CodebookVerdict { codes: codes(used, size), used, size });
        Verdict {
            codebook,
            latents: latents(active_units, on.latent_dim),
            average_image: last.map_or(AverageImageJudgement::NotJudged, |row| average_image(row, on.floor)),
            training: training(on),
            objective: on.objective,
            active_units,
            latent_dim: on.latent_dim,
            floor: on.floor,
            diverged_in: None,
        }
    }

    /// The verdict on a run whose objective became non-finite in `epoch`.
    pub fn diverged(epoch: u32, on: &Evidence<'_>) -> Self {
        let codes = CodesJudgement::NotJudged;
        Verdict {
            codebook: on.codebook_size.map(|size| CodebookVerdict { codes, used: None, size }),
            latents: LatentsJudgement::NotJudged,
            average_image: AverageImageJudgement::NotJudged,
            training: TrainingJudgement::Diverged,
            active_units: None,
            diverged_in: Some(epoch),
            ..Verdict::judge(on)
        }
    }

    /// The names of the four judgements, in the order of [`Verdict::words`].
    pub const JUDGEMENTS: [&'static str; 4] = ["latents", "average_image", "training", "objective"];

    /// The words of the four judgements.
    pub fn words(&self) -> [&'static str; 4] {
        [self.latents.into(), self.average_image.into(), self.training.into(), self.objective.into()]
    }

    /// The verdict in one word.
    pub fn headline(&self) -> Headline {
        match (self.training, self.latents) {
            (TrainingJudgement::Diverged, _) => Headline::Diverged,
            (TrainingJudgement::Untrained, _) => Headline::Untrained,
            (TrainingJudgement::Unstable, _) => Headline::Unstable,
            (_, LatentsJudgement::NotJudged) if self.codebook.is_some() => match self.codebook.map(|book| book.codes) {
                Some(CodesJudgement::OneCode) => Headline::OneCode,
                Some(CodesJudgement::AllUsed) => Headline::AllCodes,
                Some(CodesJudgement::DeadCodes | CodesJudgement::NotJudged) | None => Headline::DeadCodes,
            },
            (_, LatentsJudgement::AllActive) => Headline::AllActive,
            (_, LatentsJudgement::SomeActive) => Headline::SomeActive,
            (_, LatentsJudgement::NoneActive | LatentsJudgement::NotJudged) => match self.average_image {
                AverageImageJudgement::At => Headline::Collapsed,
                AverageImageJudgement::ReconAndBoundBelow
                | AverageImageJudgement::ReconBelow
                | AverageImageJudgement::BoundAbove
                | AverageImageJudgement::Above
                | AverageImageJudgement::NotJudged => Headline::NoneActive,
            },
        }
    }

    /// Reads a verdict from `run.json`; one of an earlier form counts as none.
    ///
    /// # Errors
    /// Only where the file is no JSON.
    pub fn read_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        Ok(serde_json::from_value(serde_json::Value::deserialize(from)?).ok())
    }
}

fn latents(active_units: Option<u32>, latent_dim: usize) -> LatentsJudgement {
    match active_units {
        None => LatentsJudgement::NotJudged,
        Some(0) => LatentsJudgement::NoneActive,
        Some(active) if (active as usize) < latent_dim => LatentsJudgement::SomeActive,
        Some(_) => LatentsJudgement::AllActive,
    }
}

fn codes(used: Option<u32>, size: usize) -> CodesJudgement {
    match used {
        None => CodesJudgement::NotJudged,
        Some(used) if used as usize == size => CodesJudgement::AllUsed,
        Some(0 | 1) => CodesJudgement::OneCode,
        Some(_) => CodesJudgement::DeadCodes,
    }
}

fn average_image(row: &EpochRecord, floor: Option<f64>) -> AverageImageJudgement {
    let Some(floor) = floor else { return AverageImageJudgement::NotJudged };
    // A floor in nats of a density may be near 0 or negative: the distance is then measured in nats.
    let margin = AT * floor.abs().max(1.0);
    let above = row.recon() - floor;
    if above.abs() <= margin {
        return AverageImageJudgement::At;
    }
    if above > 0.0 {
        return AverageImageJudgement::Above;
    }
    match row.neg_elbo {
        None => AverageImageJudgement::ReconBelow,
        Some(bound) if bound > floor => AverageImageJudgement::BoundAbove,
        Some(_) => AverageImageJudgement::ReconAndBoundBelow,
    }
}

fn training(on: &Evidence<'_>) -> TrainingJudgement {
    let curve: Vec<f64> = on.rows.iter().filter(|row| row.split == Split::Test).map(EpochRecord::objective).collect();
    let [untrained, .., before, last] = curve[..] else {
        return if curve.len() <= 1 { TrainingJudgement::Untrained } else { TrainingJudgement::NotJudged };
    };
    if on.schedule == ScheduleInUse::Yes {
        return TrainingJudgement::NotJudged;
    }
    if runs_away(on) {
        return TrainingJudgement::Unstable;
    }
    let least = curve.iter().copied().fold(f64::INFINITY, f64::min);
    let enough = CHANGED * (untrained - least).abs();
    if last - least > enough {
        TrainingJudgement::Overfitting
    } else if before - last > enough {
        TrainingJudgement::StillFalling
    } else {
        TrainingJudgement::Settled
    }
}

/// Whether C grew to [`GROWN`] times its least value after the first epoch, and in each of the last two epochs.
fn runs_away(on: &Evidence<'_>) -> bool {
    let trained = on.rows.iter().filter(|row| row.split == Split::Test && row.epoch > 0);
    let curve: Vec<f64> = trained.filter_map(EpochRecord::code_distance).collect();
    let least = curve.iter().copied().fold(f64::INFINITY, f64::min);
    matches!(curve[..], [.., a, b, c] if a < b && b < c && c > GROWN * least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CodeMetrics;
    use crate::terms::{Ledgers, Term, Terms};

    fn row(epoch: u32, recon: f64, kl: f64, active: u32) -> EpochRecord {
        let terms = Terms::default().with(Term::Recon, recon).with(Term::Kl, kl);
        EpochRecord {
            epoch,
            split: Split::Test,
            ledgers: Ledgers { canonical: terms, weighted: terms },
            neg_elbo: Some(recon + kl),
            beta_effective: None,
            beta_sigma2: None,
            active_units: Some(active),
            bits_per_dim: None,
            multiplier: None,
            codes: CodeMetrics::default(),
        }
    }

    /// A row of a VQ-VAE with so many of 64 entries in use.
    fn code_row(epoch: u32, distance: f64, used: u32) -> EpochRecord {
        let terms = Terms::default().with(Term::Recon, 90.0 - f64::from(epoch)).with(Term::Commitment, distance);
        let codes = CodeMetrics { perplexity: None, codes_used: Some(used), commitment_ratio: Some(0.25) };
        let ledgers = Ledgers { canonical: terms, weighted: terms };
        EpochRecord { ledgers, active_units: None, codes, ..row(epoch, 0.0, 0.0, 0) }
    }

    fn judge_codes(rows: &[EpochRecord]) -> Verdict {
        let (objective, schedule) = (ObjectiveJudgement::CodeTerms, ScheduleInUse::No);
        let (latent_dim, codebook_size, floor) = (160, Some(64), Some(205.8));
        Verdict::judge(&Evidence { rows, latent_dim, codebook_size, floor, objective, schedule })
    }

    #[test]
    fn a_codebook_is_judged_by_the_entries_in_use_and_by_its_distance() {
        let ends = |distances: &[f64], used| {
            let rows: Vec<_> = distances.iter().zip(0..).map(|(&c, epoch)| code_row(epoch, c, used)).collect();
            judge_codes(&rows).headline()
        };
        assert_eq!(ends(&[1.0, 2.0, 2.0, 2.0], 64), Headline::AllCodes);
        assert_eq!(ends(&[1.0, 2.0, 2.0, 2.0], 63), Headline::DeadCodes);
        assert_eq!(ends(&[1.0, 2.0, 2.0, 2.0], 1), Headline::OneCode);
        assert_eq!(ends(&[1.0, 2.0, 9.0, 21.0], 30), Headline::Unstable);
        assert_eq!(ends(&[1.0, 2.0, 22.0, 21.0], 30), Headline::DeadCodes, "it does not grow any more");
        assert_eq!(ends(&[1.0], 30), Headline::Untrained);
        let text = serde_json::to_string(&judge_codes(&[code_row(0, 1.0, 1)])).unwrap();
        assert!(text.contains(r#""codebook":{"codes":"one-code","used":1,"size":64}"#), "{text}");
    }

    fn judge(rows: &[EpochRecord]) -> Verdict {
        let (objective, schedule) = (ObjectiveJudgement::Elbo, ScheduleInUse::No);
        Verdict::judge(&Evidence { rows, latent_dim: 20, codebook_size: None, floor: Some(205.8), objective, schedule })
    }

    fn last(recon: f64, kl: f64, active: u32) -> Verdict {
        judge(&[row(0, 549.0, 0.1, 0), row(1, recon + 1.0, kl, active), row(2, recon, kl, active)])
    }

    #[test]
    fn a_model_is_held_against_the_average_image_with_its_sign() {
        use AverageImageJudgement::{Above, At, BoundAbove, NotJudged, ReconAndBoundBelow, ReconBelow};
        assert_eq!(last(85.0, 24.0, 20).average_image, ReconAndBoundBelow);
        // beta 0.01 after three epochs: 210.2 is above the collapsed 205.8.
        assert_eq!(last(74.279, 135.8833, 20).average_image, BoundAbove);
        // 2,000 images, two epochs: R itself is above.
        assert_eq!(last(211.029, 47.2, 20).average_image, Above);
        assert_eq!(last(206.9, 0.0, 0).average_image, At);
        // R 159.1 with other noise: no bound to compare, and not "still above any solution".
        let other = EpochRecord { neg_elbo: None, ..row(2, 159.138, 0.0065, 0) };
        assert_eq!(judge(&[row(0, 549.0, 0.1, 0), row(1, 160.0, 0.0, 0), other]).average_image, ReconBelow);
        let none = Evidence {
            rows: &[row(0, -3.0, 0.0, 0)],
            latent_dim: 4,
            codebook_size: None,
            floor: None,
            objective: ObjectiveJudgement::Elbo,
            schedule: ScheduleInUse::No,
        };
        assert_eq!(Verdict::judge(&none).average_image, NotJudged);
    }

    #[test]
    fn a_collapse_needs_a_training_silent_latents_and_the_average_image() {
        assert_eq!(last(206.4, 0.007, 0).headline(), Headline::Collapsed);
        assert_eq!(last(543.0, 0.001, 0).headline(), Headline::NoneActive);
        assert_eq!(judge(&[row(0, 206.0, 0.0, 0)]).headline(), Headline::Untrained);
        assert_eq!(last(120.0, 10.0, 5).headline(), Headline::SomeActive);
        assert_eq!(last(85.0, 24.0, 20).headline(), Headline::AllActive);
    }

    #[test]
    fn the_training_is_judged_from_the_whole_curve() {
        let curve = |values: &[f64]| {
            judge(&values.iter().zip(0..).map(|(&v, epoch)| row(epoch, v, 1.0, 20)).collect::<Vec<_>>()).training
        };
        assert_eq!(curve(&[549.0]), TrainingJudgement::Untrained);
        assert_eq!(curve(&[549.0, 127.3]), TrainingJudgement::NotJudged);
        assert_eq!(curve(&[549.0, 127.3, 115.8, 112.2]), TrainingJudgement::StillFalling);
        assert_eq!(curve(&[549.0, 127.3, 106.1, 105.9, 105.8]), TrainingJudgement::Settled);
        assert_eq!(curve(&[549.0, 118.0, 112.0, 124.0]), TrainingJudgement::Overfitting);
    }

    #[test]
    fn a_verdict_of_an_earlier_form_is_none() {
        #[derive(Deserialize)]
        struct File {
            #[serde(deserialize_with = "Verdict::read_any")]
            verdict: Option<Verdict>,
        }
        let old: File = serde_json::from_str(r#"{"verdict": {"name": "healthy", "latent_dim": 20}}"#).unwrap();
        assert_eq!(old.verdict, None);
        let new = format!(r#"{{"verdict": {}}}"#, serde_json::to_string(&last(85.0, 24.0, 20)).unwrap());
        assert_eq!(serde_json::from_str::<File>(&new).unwrap().verdict, Some(last(85.0, 24.0, 20)));
    }
}
