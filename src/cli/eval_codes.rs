//! What `eval` prints of a VQ-VAE.

use serde_json::json;

use super::eval::EvalArgs;
use crate::evaluate::CodeEvaluation;
use crate::objective::Objective;
use crate::spec::RunSpec;
use crate::terminal::print;
use crate::terms::{Ledgers, Term};
use crate::text::significant;

/// Why there is no importance-weighted estimate.
const NO_ESTIMATE: &str =
    "the posterior of a VQ-VAE is one-hot, so more samples of z are the same sample; -ELBO is the bound";

/// `grey_entropy` is the entropy of grey pixels that a Bernoulli likelihood takes for probabilities.
pub(super) fn report(
    args: &EvalArgs,
    spec: &RunSpec,
    found: &CodeEvaluation,
    ledgers: &Ledgers,
    objective: &Objective,
    grey_entropy: Option<f64>,
) {
    let term = |term| ledgers.canonical.get(term).copied().unwrap_or(f64::NAN);
    let (recon, kl, distance) = (term(Term::Recon), term(Term::Kl), term(Term::Commitment));
    let neg_elbo = objective.neg_elbo(ledgers);
    let (perplexity, used, size) = (found.uses.perplexity(), found.uses.used(), found.uses.counts.len());
    if args.json {
        let line = json!({
            "recon": recon,
            "kl": kl,
            "neg_elbo": neg_elbo,
            "code_distance": distance,
            "perplexity": perplexity,
            "codes_used": used,
            "codebook_size": size,
            "code_counts": found.uses.counts,
            "iw_nll": null,
            "iw_nll_refused": NO_ESTIMATE,
        });
        print(format!("{line}\n"));
        return;
    }
    let symbol = spec.recon().loss.measure().symbol();
    let mut text = format!("test {symbol}              {recon:.4}\ntest K              {kl:.4} nats (N ln K)\n");
    if let Some(value) = neg_elbo {
        text.push_str(&format!("test -ELBO          {value:.4}\n"));
    }
    if let Some(nats) = grey_entropy {
        text.push_str(&format!(
            "                    of grey pixels bce is a cross-entropy and no likelihood: none of these goes below the\n\
             \x20                   pixels' own entropy, {nats:.1} nats; --binarize dynamic makes it a\n\
             \x20                   likelihood, and --loss discretized-logistic is one of grey pixels\n"
        ));
    }
    text.push_str(&format!(
        "code distance C     {} per image\nperplexity          {} of {size} entries (over the whole test set)\n\
         codes used          {used} of {size}\nno -log p(x)        {NO_ESTIMATE}\n",
        significant(distance),
        significant(perplexity),
    ));
    print(text);
}
