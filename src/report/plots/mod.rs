//! The plots of a set of runs, made from records alone.
//!
//! Runs that cannot be compared (grey and binarised pixels, a density and a cross-entropy, a likelihood and a squared
//! error) never share axes: each group of comparable runs has its own plot. Colors and marks of a category are the same in
//! all of them.

mod curves;
mod floors;
mod group;
mod kind;
mod latents;
mod rate_distortion;
mod style;
mod terms;
mod variable;

pub use kind::{Kind, Plot, Plots, draw};
pub use terms::Axes;
pub use variable::Variable;
