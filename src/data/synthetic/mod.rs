//! Handwritten-like digits drawn from nothing but a seed.
//!
//! They stand in for MNIST where it cannot be downloaded, and where a test wants data at once: the
//! same ten classes, shape (28 x 28 grey), ink and framing, though not the same pictures.
//!
//! Each digit is a template of a few pen strokes, bent, slanted, turned, stretched, and drawn with
//! a round pen of random width. It is then framed as MNIST is: scaled to fit a 20 x 20 box, and the
//! box moved by whole pixels until the centre of mass of the ink is nearest the centre of the field.
//!
//! The bytes are the same on every machine. Image `i` depends on the seed, the part and `i` alone,
//! so a smaller set is a prefix of a larger one; and all arithmetic is IEEE `+ - * / sqrt`,
//! comparison and casts, which round alike everywhere. The functions of a mathematical library do
//! not (no `sin`, no `exp`), hence the rational rotation and the sums of uniforms below.

mod random;
mod rendering;
mod strokes;
mod templates;

pub use random::Split;
pub use rendering::{Digits, HEIGHT, WIDTH, digits};
