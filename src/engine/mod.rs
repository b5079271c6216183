//! How a model is computed: by fused kernels, or by Candle's own operations.

pub mod backend;
pub mod decoder;
pub mod fused;
pub mod fused_codes;
pub mod machine;

pub use backend::{Backend, Engine};
pub use machine::Operations;
