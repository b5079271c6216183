//! Kernels that compute each element by itself, or sum elements in one fixed order.

pub mod activation;
pub mod adam;
pub mod latent;
pub mod likelihood;
mod math;
pub mod nearest;
pub mod pixels;
pub mod reduce;
