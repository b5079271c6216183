//! How a network is computed.

pub mod fused;
