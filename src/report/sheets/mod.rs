//! Sheets of images of a trained model, made from its weights and the test images.

mod codebook;
mod codes;
mod grid;
mod normal;
mod paint;
mod sheet;
mod trained;

pub use sheet::{SheetKind, sheets, side_by_side};
pub use trained::Trained;
