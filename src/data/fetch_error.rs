//! Why a data set cannot be had: out of reach, or anything else.

use crate::error::Error;

/// Why a data set is not available.
#[derive(Debug)]
pub enum FetchError {
    /// It is not in the cache and the hub cannot be reached: no network, a wish to stay offline, a server that is silent
    /// or answers with an error.
    Unreachable(Error),
    /// Anything else: files that are not the data set's, a cache that cannot be written, a signal.
    Failed(Error),
}

impl From<Error> for FetchError {
    fn from(why: Error) -> Self {
        FetchError::Failed(why)
    }
}

impl From<FetchError> for Error {
    fn from(why: FetchError) -> Self {
        match why {
            FetchError::Unreachable(why) | FetchError::Failed(why) => why,
        }
    }
}
