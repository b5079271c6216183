//! What an objective really is, before anything is trained: its weights, its plainest form, and what to expect of it.
//!
//! | file | subject |
//! |---|---|
//! | [`explanation`] | an objective taken apart: the fields of `explain --json` |
//! | [`canonical`] | the plainest command that trains the same |
//! | [`expectation`], [`linear`] | what theory predicts on the data in use, or why it predicts nothing |
//! | [`constraint`] | what GECO or ControlVAE holds |
//! | `formula` | an objective as a formula |
//! | [`text`] | all of it in words |
//! | [`codes`] | the same for a VQ-VAE: three weights, rho, the rate |

pub mod canonical;
pub mod codes;
pub mod constraint;
pub mod expectation;
pub mod explanation;
mod formula;
pub mod linear;
mod lines;
pub mod text;

pub use codes::{CodeExplanation, codes_to_text, explain_codes};
pub use expectation::{DataSummary, Expectation, Expected};
pub use explanation::{Carried, Context, Explanation, explain};
pub use text::{kl_text, to_text};
