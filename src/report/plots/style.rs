//! Colors and marks of categories: the same for a category in every figure, whatever else is drawn beside it.

use clap::ValueEnum;

use crate::objective::Reduction;
use crate::report::run_set::{Run, reduction_label};
use figure::color::{CATEGORIES, STEPS};
use figure::{Color, Shape};

/// More categories are not told apart by color and mark.
pub(super) const MOST: usize = 8;

/// The color and the mark of a category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) color: Color,
    pub(super) shape: Shape,
    /// The size of marks: those of later slots are smaller, so that coinciding marks stay visible.
    pub(super) size: f64,
}

impl Style {
    /// The style of slot `i`.
    pub(super) fn slot(i: usize) -> Self {
        Style {
            color: Color::Category(i % CATEGORIES),
            shape: Shape::ALL[i % Shape::ALL.len()],
            size: (5.0 - 0.7 * i as f64).max(3.0),
        }
    }

    /// The style of the `i`-th of `count` values that are numbers.
    pub(super) fn rank(i: usize, count: usize) -> Self {
        Style { color: Color::Ramp(i * (STEPS - 1) / count.saturating_sub(1).max(1)), ..Style::slot(i) }
    }

    /// The style of the reductions, and the model, of a run: a function of these alone.
    pub(super) fn of(run: &Run) -> Self {
        let (Some(reduction), kl) = (run.settings.reduction, run.settings.kl_reduction) else { return Style::slot(0) };
        let all = Reduction::value_variants();
        let index = |r: Reduction| all.iter().position(|&other| other == r).unwrap_or(0);
        let (n, i) = (all.len(), index(reduction));
        // Marks repeat after five: those of `mean`, which are common, come first.
        let rank = |reduction| match reduction {
            Reduction::Mean => 0,
            Reduction::Sum => 1,
            Reduction::BatchSum => 2,
        };
        let slot = match kl.filter(|&kl| kl != reduction.kl_default()) {
            // The usual reduction of the KL: sum, mean and batch-sum have the first slots.
            None => i,
            Some(kl) => {
                let others = all.iter().filter(|&&other| other != reduction.kl_default());
                n + rank(reduction) * (n - 1) + others.clone().position(|&other| other == kl).unwrap_or(0)
            }
        };
        // Other models than the VAE are named before the reduction, and have colors of their own.
        match reduction_label(&run.settings).starts_with(char::is_uppercase) {
            true => Style { color: Color::Category(CATEGORIES - 1 - slot % 3), ..Style::slot(slot + 3) },
            false => Style::slot(slot),
        }
    }
}
