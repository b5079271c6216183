//! What a loss function optimises, found by asking it.
//!
//! Inputs are designed so that values tell hypotheses apart: designed inputs -> values -> hypotheses with residuals -> an
//! objective a * R + b * K whose weights are functions of B, D and d, or the place where the residual lies. The analysis is
//! pure; it asks an [`Oracle`] for values. One file runs code: `python`.
//!
//! | file | subject |
//! |---|---|
//! | [`design`] | inputs and the sizes that they have |
//! | [`oracle`] | who answers |
//! | [`recon_form`], [`kl_form`] | the hypotheses |
//! | [`law`], `fit` | weights as functions of B, D and d; least squares |
//! | `session` | asking: the total among what is returned, the sign of an ELBO |
//! | `find_recon`, `find_kl`, `find_sampled` | which hypothesis holds |
//! | `measure`, `check` | a and b at given sizes; the winner against fresh inputs |
//! | [`mod@identify`], [`finding`] | all of it, and what came of it |
//! | [`as_run`] | what was found as settings of this program |
//! | [`mod@text`] | it in words |
//! | [`python`], `oracle.py` | runs the function in the user's Python |

pub mod as_run;
mod check;
pub mod design;
mod find_kl;
mod find_recon;
mod find_sampled;
pub mod finding;
mod fit;
pub mod identify;
pub mod kl_form;
pub mod law;
mod measure;
pub mod oracle;
pub mod python;
pub mod recon_form;
mod session;
pub mod text;

pub use design::{Inputs, Plan, Shape};
pub use finding::{Effect, Finding, Fixed, Likelihood, Outcome, Refusal};
pub use identify::identify;
pub use kl_form::{Coefficients, Estimate, KlForm, Limit, Reading};
pub use law::Law;
pub use oracle::{Oracle, Part, Reply, Unanswered};
pub use python::{Job, Layout, Precision, Python, Started};
pub use recon_form::{Energy, Joint, PixelMap, ReconForm};
