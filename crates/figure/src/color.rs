//! Colours that the colour-blind can tell apart.

use super::Ink;
use super::scale::Scale;

/// Okabe & Ito 2008, "Color universal design", without yellow and black, which vanish on light and on dark paper.
const CATEGORIES: [[u8; 3]; 6] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
];

/// Viridis (van der Walt & Smith 2015) at equal steps; its last tenth is too pale for white paper and not used.
const VIRIDIS: [[u8; 3]; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];
const VIRIDIS_END: f64 = 0.92;

/// More categories than this are told apart by nobody.
pub const MAX_CATEGORIES: usize = CATEGORIES.len() + 2;

/// The ink of category `i`; what lies beyond [`MAX_CATEGORIES`] is muted.
pub fn category(i: usize) -> Ink {
    match i.checked_sub(CATEGORIES.len()) {
        None => Ink::Rgb(CATEGORIES[i]),
        Some(0) => Ink::Text,
        Some(_) => Ink::Muted,
    }
}

/// The ink of a number on a scale.
pub fn graded(scale: &Scale, value: f64) -> Ink {
    let unit = scale.unit(value).unwrap_or(0.0).clamp(0.0, 1.0) * VIRIDIS_END * (VIRIDIS.len() - 1) as f64;
    let (low, part) = ((unit as usize).min(VIRIDIS.len() - 2), unit - unit.floor());
    let (a, b) = (VIRIDIS[low], VIRIDIS[low + 1]);
    let mix = |i: usize| (f64::from(a[i]) + part * (f64::from(b[i]) - f64::from(a[i]))).round() as u8;
    Ink::Rgb([mix(0), mix(1), mix(2)])
}
