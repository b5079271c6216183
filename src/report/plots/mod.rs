//! The plots of a set of runs, made from records alone.
//!
//! Runs that cannot be compared (grey and binarised pixels, a density and a mass, a likelihood and a squared error) never
//! share axes: each group of comparable runs has its own plot.

mod curves;
mod floors;
mod group;
mod kind;
mod latents;
mod rate_distortion;
mod terms;

pub use kind::{Kind, Plot, Plots, draw};
