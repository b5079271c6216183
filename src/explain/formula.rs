//! An objective as a formula.

use crate::objective::{Controller, KlEstimator, KlPenalty, LossScale};
use crate::spec::{KlSpec, RunSpec};
use crate::terms::{Term, Terms};
use crate::text::significant;

/// The objective as the code base writes it, then with its numbers put in.
pub(super) fn formula(spec: &RunSpec, kl: KlSpec, weights: &Terms<f64>) -> String {
    let recon = spec.recon();
    let factor = |factor: LossScale| match factor {
        LossScale::Number(1.0) => String::new(),
        LossScale::Number(_)
        | LossScale::Pixels
        | LossScale::PerPixel
        | LossScale::PerDataVariance
        | LossScale::PerBatchPixel => format!("{factor} * "),
    };
    let term = recon.loss.formula();
    let estimate = match kl.estimator {
        KlEstimator::Analytic => "kl",
        KlEstimator::MonteCarlo => "(log q(z|x) - log p(z))",
    };
    let estimate = format!("{}{} {estimate}", factor(kl.scale), kl.reduction.formula("latents"));
    let (pull, symbol) = match kl.penalty {
        KlPenalty::Beta { beta, warmup, free_bits } => {
            let rising = warmup.map_or_else(String::new, |schedule| format!(" (rising {schedule})"));
            let symbol = free_bits.map_or_else(|| "K".to_owned(), |free| format!("K with free bits {free}"));
            (format!("{beta}{rising} * {estimate}"), symbol)
        }
        KlPenalty::Capacity { gamma, nats, rise } => {
            let rising = rise.map_or_else(String::new, |schedule| format!(" rising {schedule}"));
            (format!("{gamma} * |{estimate} - C|"), format!("|K - {nats}{rising}|"))
        }
        KlPenalty::Found(Controller::Geco(_)) => (estimate, "K".to_owned()),
        KlPenalty::Found(Controller::ControlVae(_)) => (format!("beta * {estimate}"), "K".to_owned()),
    };
    let (reduced, r) = if recon.loss.is_weighted_directly() {
        (format!("{} {term}", recon.reduction.formula("pixels")), recon.loss.measure().symbol().to_owned())
    } else {
        // The loss is a function of the whole batch's error: the reduction is a factor in front of it.
        (format!("{}{term}", recon.reduction.factor("D")), term)
    };
    let weight = |term| significant(weights.get(term).copied().unwrap_or(0.0));
    let (reduced, a, b) = (format!("{}{reduced}", factor(recon.scale)), weight(Term::Recon), weight(Term::Kl));
    match kl.penalty {
        KlPenalty::Beta { .. } | KlPenalty::Capacity { .. } => {
            format!("{reduced}  +  {pull}  =  {a} * {r}  +  {b} * {symbol}")
        }
        KlPenalty::Found(Controller::Geco(geco)) => {
            let tolerance = geco.tolerance;
            format!(
                "lambda * ({reduced} - {tolerance})  +  {pull}  =  lambda * ({a} * {r} - {tolerance})  +  {b} * {symbol}"
            )
        }
        KlPenalty::Found(Controller::ControlVae(_)) => {
            format!("{reduced}  +  {pull}  =  {a} * {r}  +  beta * {b} * {symbol}")
        }
    }
}
