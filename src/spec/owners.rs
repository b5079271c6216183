//! Which settings belong to which choice: a parameter goes with its choice when that is made anew, and is refused beside
//! another choice.

use super::settings::Settings;
use crate::choice::Choice;
use crate::data::DataSource;
use crate::error::Error;
use crate::model::{CodebookUpdate, ModelName};
use crate::objective::{DecoderOutput, Loss, PenaltyName};
use crate::optimizer::OptimizerName;

/// What a setting is a parameter of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This reconstruction loss.
    Loss(Loss),
    /// Every loss that takes means from the decoder, and not logits.
    LossesOfMeans,
    /// The masses of grey levels.
    DiscretizedLosses,
    /// This optimiser.
    Optimizer(OptimizerName),
    /// This family of models.
    Model(ModelName),
    /// A VQ-VAE whose codebook is moved so.
    CodebookUpdate(CodebookUpdate),
    /// The data set that is named beside it.
    DataSet,
    /// IDX files that are not those of a known data set.
    IdxFiles,
    /// This penalty on the KL of a VAE.
    Penalty(PenaltyName),
    /// The choice of this penalty, which is a parameter of its own.
    PenaltyChoice(PenaltyName),
}

impl Owner {
    /// Whether `settings` choose this owner; what they leave open counts as its default.
    pub(super) fn is_chosen(self, settings: &Settings) -> bool {
        match self {
            Owner::Loss(loss) => settings.chosen_loss() == loss,
            Owner::LossesOfMeans => settings.chosen_loss().decoder_output() == DecoderOutput::Means,
            Owner::DiscretizedLosses => settings.chosen_loss().measure().is_of_grey_levels(),
            Owner::Optimizer(optimizer) => settings.chosen_optimizer() == optimizer,
            Owner::Model(model) => settings.chosen_model() == model,
            Owner::CodebookUpdate(update) => {
                settings.chosen_model() == ModelName::VqVae && settings.chosen_codebook_update() == update
            }
            Owner::Penalty(penalty) | Owner::PenaltyChoice(penalty) => {
                settings.chosen_model() == ModelName::Vae && settings.chosen_penalty() == penalty
            }
            Owner::IdxFiles => settings.data == Some(DataSource::Idx),
            Owner::DataSet => true,
        }
    }

    /// Whether a run with these settings may have the owner's parameters, so that a missing one says something: those of
    /// another family of models, another update of the codebook or another optimiser are missing because of that choice.
    pub(super) fn has_place_in(self, settings: &Settings) -> bool {
        match self {
            Owner::Model(_) | Owner::CodebookUpdate(_) | Owner::Optimizer(_) => self.is_chosen(settings),
            Owner::Penalty(_) | Owner::PenaltyChoice(_) => settings.chosen_model() == ModelName::Vae,
            Owner::Loss(_) | Owner::LossesOfMeans | Owner::DiscretizedLosses | Owner::DataSet | Owner::IdxFiles => true,
        }
    }

    /// Whether `upper` makes the choice anew that `lower` has made, so that `lower`'s parameters of it lapse.
    pub(super) fn is_replaced(self, upper: &Settings, lower: &Settings) -> bool {
        fn anew<T: PartialEq>(upper: Option<T>, lower: Option<T>) -> bool {
            upper.is_some() && lower.is_some() && upper != lower
        }
        // A layer that names no model means a VAE by all that is a VAE's, and the one that comes by all that is not.
        let family = match self {
            Owner::Loss(_)
            | Owner::LossesOfMeans
            | Owner::DiscretizedLosses
            | Owner::Optimizer(_)
            | Owner::DataSet
            | Owner::IdxFiles => false,
            Owner::Penalty(_) | Owner::PenaltyChoice(_) | Owner::Model(ModelName::Vae) => {
                upper.model == Some(ModelName::VqVae) && lower.model != Some(ModelName::VqVae)
            }
            Owner::CodebookUpdate(_) | Owner::Model(ModelName::VqVae) => {
                upper.model == Some(ModelName::Vae) && lower.model == Some(ModelName::VqVae)
            }
        };
        if family {
            return true;
        }
        match self {
            Owner::Model(_) => false,
            Owner::CodebookUpdate(_) => anew(upper.codebook_update, lower.codebook_update),
            Owner::Loss(_) | Owner::LossesOfMeans | Owner::DiscretizedLosses => anew(upper.loss, lower.loss),
            Owner::Optimizer(_) => anew(upper.optimizer, lower.optimizer),
            Owner::DataSet | Owner::IdxFiles => anew(upper.data, lower.data),
            Owner::Penalty(penalty) | Owner::PenaltyChoice(penalty) => {
                upper.named_penalty().is_some_and(|named| named != penalty)
            }
        }
    }

    /// Why `setting`, written as "--sigma2 2", cannot stand beside the choices of `settings`.
    pub(super) fn refusal(self, setting: &str, settings: &Settings) -> Error {
        let loss = || format!("--loss {}", settings.chosen_loss().name());
        let model = || format!("--model {}", settings.chosen_model().name());
        let is_vae = settings.chosen_model() == ModelName::Vae;
        match self {
            Owner::Model(ModelName::Vae) => contradiction(setting, &model(), "it belongs to a VAE's Gaussian latents"),
            Owner::Penalty(_) | Owner::PenaltyChoice(_) if !is_vae => {
                contradiction(setting, &model(), "a VQ-VAE has no KL to weigh; its terms have --commitment-cost")
            }
            Owner::Model(ModelName::VqVae) => contradiction(setting, &model(), "only a VQ-VAE has codes"),
            Owner::CodebookUpdate(_) if is_vae => contradiction(setting, &model(), "only a VQ-VAE has a codebook"),
            Owner::CodebookUpdate(owner) => {
                let other = format!("--codebook-update {}", settings.chosen_codebook_update().name());
                let why = match owner {
                    CodebookUpdate::Gradient => "a codebook of moving averages has no term in the objective",
                    CodebookUpdate::Ema => "it belongs to the moving averages",
                };
                contradiction(setting, &other, why)
            }
            Owner::Loss(owner) => contradiction(setting, &loss(), &format!("only --loss {} has it", owner.name())),
            Owner::LossesOfMeans => contradiction(setting, &loss(), "its decoder gives logits"),
            Owner::DiscretizedLosses => {
                contradiction(setting, &loss(), "only --loss discretized-logistic and discretized-gaussian have it")
            }
            Owner::Optimizer(owner) => {
                let other = format!("--optimizer {}", settings.chosen_optimizer().name());
                contradiction(setting, &other, &format!("only {} has it", owner.name()))
            }
            Owner::Penalty(owner) | Owner::PenaltyChoice(owner) => penalty_refusal(owner, setting, settings),
            Owner::IdxFiles => {
                let data = settings.data.unwrap_or(DataSource::Auto);
                contradiction(
                    setting,
                    &format!("--data {data}"),
                    "other data sets have their own name, --data idx has none",
                )
            }
            // A directory has its place with every data set: this is never asked.
            Owner::DataSet => Error::Usage(format!("{setting}: no data set is named beside it")),
        }
    }
}

/// Why `setting`, which belongs to the penalty `owner`, cannot stand beside the one that `settings` choose.
fn penalty_refusal(owner: PenaltyName, setting: &str, settings: &Settings) -> Error {
    let (chosen, why) = match settings.chosen_penalty() {
        PenaltyName::Beta => (None, ""),
        PenaltyName::Capacity => (
            settings.capacity.map(|nats| format!("--capacity {nats}")),
            "a capacity has its own weight, --gamma, and its own --capacity-rise",
        ),
        PenaltyName::Geco => (
            settings.geco_tolerance.map(|tolerance| format!("--geco-tolerance {tolerance}")),
            "GECO finds the one weight that there is, lambda, and takes K as it is",
        ),
        PenaltyName::ControlVae => {
            (settings.target_kl.map(|nats| format!("--target-kl {nats}")), "ControlVAE finds beta, for K as it is")
        }
    };
    match (chosen, owner) {
        (Some(chosen), _) => contradiction(setting, &chosen, why),
        (None, PenaltyName::Capacity) => {
            Error::Usage(format!("{setting} belongs to a capacity: give that with --capacity, or drop it"))
        }
        (None, PenaltyName::Geco) => {
            Error::Usage(format!("{setting} belongs to GECO: give the tolerance with --geco-tolerance, or drop it"))
        }
        (None, PenaltyName::ControlVae) => {
            Error::Usage(format!("{setting} belongs to ControlVAE: give the target with --target-kl, or drop it"))
        }
        (None, PenaltyName::Beta) => Error::Usage(format!("{setting}: another penalty is in force; drop it")),
    }
}

/// Two settings that cannot both hold, and why.
pub(super) fn contradiction(one: &str, other: &str, why: &str) -> Error {
    Error::Usage(format!("{one} and {other} contradict each other: {why}; drop one of the two"))
}
