//! The error type of this crate.

/// A figure that cannot be rendered; the reason as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
