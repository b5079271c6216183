//! Images: where they come from, that they are what they claim to be, and the batches made of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `known` | the data sets known by name, with the digests of their files |
//! | `source`, `load` | `--data`: the request, and from a request to a verified [`Dataset`] |
//! | `directory`, `idx` | the four files of a data set; one file in the IDX format |
//! | `cache`, `fetch` | where downloads are kept; one download at a time, verified |
//! | [`places`] | where data sets were last found on this machine |
//! | `hub`, `pictures` | the download itself, with its limits; from parquet and PNG to IDX |
//! | `images`, `dataset` | the images in memory, their name and digests |
//! | `resize` | images at another size |
//! | `batches` | from bytes to the tensor of a batch |
//! | `stats`, `spectrum` | what can be said of images without a model |
//! | [`synthetic`] | digits drawn from a seed |

mod batches;
mod cache;
mod dataset;
pub mod directory;
pub mod fetch;
mod fetch_error;
#[cfg(feature = "hub")]
pub mod hub;
pub mod idx;
mod images;
pub mod known;
mod load;
#[cfg(feature = "hub")]
mod pictures;
pub mod places;
mod resize;
mod source;
mod spectrum;
mod stats;
pub mod synthetic;

pub use batches::{Binarize, PixelDraw, PixelRange, Pixels};
pub use cache::dataset_dir;
pub use dataset::{Dataset, DatasetName, FileDigest, Identity, IdxName};
pub use fetch_error::FetchError;
pub use images::Images;
pub use known::{KNOWN, KnownDataset, MNIST};
pub use load::{Loaded, identify, load, load_until};
pub use resize::MAX_SIDE;
pub use source::DataSource;
pub use spectrum::{Spectrum, eigenvalues};
pub use stats::PixelStats;
