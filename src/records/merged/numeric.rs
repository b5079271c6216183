//! Cells of settings as a program wants them: columns of numbers are numbers in every row, and what was typed in their place is
//! beside them, after the columns of `metrics.csv`.

use crate::objective::{LossScale, Reduction};
use crate::records::RunRecord;

/// The columns after those of `metrics.csv`.
pub(super) const LAST_COLUMNS: [&str; 4] = ["train_images", "test_images", "recon_weight_name", "kl_weight_name"];

/// The cells of the settings of `run`, with the factors on the terms as numbers.
pub fn setting_cells(run: &RunRecord) -> Vec<(String, String)> {
    let number = |column: &str, cell: String| match column {
        "recon_weight" => recon_factor(run).map_or(cell, |factor| factor.to_string()),
        "kl_weight" => kl_factor(run).map_or(cell, |factor| factor.to_string()),
        _ => cell,
    };
    run.settings.cells().into_iter().map(|(column, cell)| (column.clone(), number(&column, cell))).collect()
}

/// The cells of [`last_columns`].
pub fn last_cells(run: &RunRecord) -> [String; 4] {
    let data = &run.manifest.data;
    let name = |factor: Option<LossScale>| {
        factor.filter(|&factor| is_word(factor)).map_or_else(String::new, |f| f.to_string())
    };
    [
        data.train_images.to_string(),
        data.test_images.to_string(),
        name(run.settings.recon_weight),
        name(run.settings.kl_weight),
    ]
}

/// The names of the columns after those of `metrics.csv`.
pub fn last_columns() -> [&'static str; 4] {
    LAST_COLUMNS
}

fn is_word(factor: LossScale) -> bool {
    match factor {
        LossScale::Number(_) => false,
        LossScale::Pixels | LossScale::PerPixel | LossScale::PerDataVariance | LossScale::PerBatchPixel => true,
    }
}

/// The number that a word on the reconstruction stands for: the weight of the term without its reduction.
fn recon_factor(run: &RunRecord) -> Option<f64> {
    run.settings.recon_weight.filter(|&factor| is_word(factor))?;
    let weight = run.settings.reduction?.weight(run.manifest.data.pixels, full_batch(run)?).value();
    Some(run.manifest.objective.recon_weight / weight)
}

/// The number that a word on the KL stands for; none where beta is 0 or not there and it follows from the data alone.
fn kl_factor(run: &RunRecord) -> Option<f64> {
    let factor = run.settings.kl_weight.filter(|&factor| is_word(factor))?;
    let pixels = run.manifest.data.pixels as f64;
    match factor {
        LossScale::Number(value) => Some(value),
        LossScale::Pixels => Some(pixels),
        LossScale::PerPixel => Some(1.0 / pixels),
        LossScale::PerBatchPixel => Some(1.0 / (run.settings.batch_size?.get() as f64 * pixels)),
        LossScale::PerDataVariance => {
            let latents = run.settings.latent_dim?.get();
            let reduction: Reduction = run.settings.kl_reduction?;
            let others = run.settings.beta?.get() * reduction.weight(latents, full_batch(run)?).value();
            Some(run.manifest.objective.kl_weight? / others).filter(|value| value.is_finite())
        }
    }
}

fn full_batch(run: &RunRecord) -> Option<usize> {
    Some(run.settings.batch_size?.get().min(run.manifest.data.train_images.max(1)))
}
