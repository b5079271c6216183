//! Colors by purpose, themes, and palettes for readers with color vision deficiency.

use clap::ValueEnum;

use crate::scale::Scale;

/// A color by its purpose, so that a figure can be rendered in a light and in a dark theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Text and axes.
    Text,
    /// Secondary text.
    Muted,
    /// Grid lines.
    Grid,
    /// The background.
    Paper,
    /// A fixed color in every theme.
    Rgb([u8; 3]),
}

/// The theme of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// dark ink on white
    Light,
    /// light ink on near black
    Dark,
}

impl Color {
    /// The RGB value in `theme`. Colors by purpose are grey, so that a sheet of greyscale images stays greyscale.
    pub fn rgb(self, theme: Theme) -> [u8; 3] {
        match (self, theme) {
            (Color::Rgb(rgb), _) => rgb,
            (Color::Text, Theme::Light) => [0x1c; 3],
            (Color::Text, Theme::Dark) => [0xee; 3],
            (Color::Muted, Theme::Light) => [0x5a; 3],
            (Color::Muted, Theme::Dark) => [0xb0; 3],
            (Color::Grid, Theme::Light) => [0xe4; 3],
            (Color::Grid, Theme::Dark) => [0x3a; 3],
            (Color::Paper, Theme::Light) => [0xff; 3],
            (Color::Paper, Theme::Dark) => [0x16; 3],
        }
    }
}

/// Okabe & Ito 2008, "Color universal design", without yellow and black, which vanish on light and on dark paper.
const CATEGORIES: [[u8; 3]; 6] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
];

/// Viridis (van der Walt & Smith 2015) at equal steps; the last tenth is too pale for white paper and not used.
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

/// More categories cannot be distinguished.
pub const MAX_CATEGORIES: usize = CATEGORIES.len() + 2;

/// The color of category `i`; muted from the last of [`MAX_CATEGORIES`] on.
pub fn category(i: usize) -> Color {
    match i.checked_sub(CATEGORIES.len()) {
        None => Color::Rgb(CATEGORIES[i]),
        Some(0) => Color::Text,
        Some(_) => Color::Muted,
    }
}

/// The color of a number on a scale.
pub fn gradient(scale: &Scale, value: f64) -> Color {
    let last = (VIRIDIS.len() - 1) as f64;
    let step = scale.position(value).unwrap_or(0.0).clamp(0.0, 1.0) * VIRIDIS_END * last;
    let (low, part) = ((step as usize).min(VIRIDIS.len() - 2), step - step.floor());
    let (a, b) = (VIRIDIS[low], VIRIDIS[low + 1]);
    let mix = |i: usize| (f64::from(a[i]) + part * (f64::from(b[i]) - f64::from(a[i]))).round() as u8;
    Color::Rgb([mix(0), mix(1), mix(2)])
}
