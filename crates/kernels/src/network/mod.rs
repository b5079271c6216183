//! Whole networks on slices.

mod chain;
mod layer;
mod vae;
pub mod vq_vae;

pub use layer::Layer;
pub use vae::{Batch, Computed, Network, Workspace, backward, forward};
