//! Colors by purpose, themes, and palettes for readers with color vision deficiency.

use std::fmt::Write;

use clap::ValueEnum;

use crate::scale::Scale;

/// A color by its purpose, so that a figure can be rendered in a light and in a dark theme. Every color that a mark or a
/// line of data can have has a contrast of at least 3:1 with the paper of its theme (WCAG 2.2, criterion 1.4.11).
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
    /// One of [`CATEGORIES`] hues that can be told apart; higher numbers begin again.
    Category(usize),
    /// A step of a ramp of [`STEPS`] steps, from the lowest value to the highest.
    Ramp(usize),
}

/// The theme of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// dark ink on white
    Light,
    /// light ink on near black
    Dark,
}

/// The number of hues of [`Color::Category`].
pub const CATEGORIES: usize = 10;
/// The number of steps of [`Color::Ramp`].
pub const STEPS: usize = 32;

/// The first four differ under deuteranopia and protanopia by lightness or hue (Okabe & Ito 2008 and darker neighbours);
/// marks have shapes beside.
const LIGHT: [u32; CATEGORIES] =
    [0x0072b2, 0xd55e00, 0x008f68, 0xb8408f, 0x735a00, 0x6a4fd0, 0xb0202c, 0x6f7680, 0x6a9a00, 0x7d4a2a];
const DARK: [u32; CATEGORIES] =
    [0x4aa8e8, 0xff8a3c, 0x35c796, 0xef86c0, 0xf2cf5b, 0xa895ff, 0xff6b6b, 0xb4bcc6, 0x8fbf3a, 0xd09a78];

/// Plasma (van der Walt & Smith 2015) at equal steps.
const PLASMA: [u32; 9] = [0x0d0887, 0x4c02a1, 0x7e03a8, 0xaa2395, 0xcc4778, 0xe66c5c, 0xf89540, 0xfdc527, 0xf0f921];

/// The part of the ramp that has enough contrast with the paper.
fn readable(theme: Theme) -> (f64, f64) {
    match theme {
        Theme::Light => (0.0, 0.63),
        Theme::Dark => (0.40, 1.0),
    }
}

fn bytes(rgb: u32) -> [u8; 3] {
    let [_, r, g, b] = rgb.to_be_bytes();
    [r, g, b]
}

impl Color {
    /// The RGB value in `theme`. Colors by purpose are grey, so that a sheet of greyscale images stays greyscale.
    pub fn rgb(self, theme: Theme) -> [u8; 3] {
        match (self, theme) {
            (Color::Text, Theme::Light) => [0x1c; 3],
            (Color::Text, Theme::Dark) => [0xee; 3],
            (Color::Muted, Theme::Light) => [0x5a; 3],
            (Color::Muted, Theme::Dark) => [0xb0; 3],
            (Color::Grid, Theme::Light) => [0xe4; 3],
            (Color::Grid, Theme::Dark) => [0x3a; 3],
            (Color::Paper, Theme::Light) => [0xff; 3],
            (Color::Paper, Theme::Dark) => [0x16; 3],
            (Color::Category(i), Theme::Light) => bytes(LIGHT[i % CATEGORIES]),
            (Color::Category(i), Theme::Dark) => bytes(DARK[i % CATEGORIES]),
            (Color::Ramp(step), theme) => ramp(step, theme),
        }
    }

    /// The color of a number on a scale.
    pub fn of(value: f64, scale: &Scale) -> Color {
        let position = scale.position(value).unwrap_or(0.0).clamp(0.0, 1.0);
        Color::Ramp((position * (STEPS - 1) as f64).round() as usize)
    }
}

fn ramp(step: usize, theme: Theme) -> [u8; 3] {
    let (low, high) = readable(theme);
    let part = step.min(STEPS - 1) as f64 / (STEPS - 1) as f64;
    let at = (low + part * (high - low)) * (PLASMA.len() - 1) as f64;
    let i = (at as usize).min(PLASMA.len() - 2);
    let (a, b, part) = (bytes(PLASMA[i]), bytes(PLASMA[i + 1]), at - i as f64);
    let mix = |k: usize| (f64::from(a[k]) + part * (f64::from(b[k]) - f64::from(a[k]))).round() as u8;
    [mix(0), mix(1), mix(2)]
}

/// The colors of data in `theme` as CSS declarations, `--c0` to `--c9` and `--r0` to `--r31`.
pub fn css_palette(theme: Theme) -> String {
    let mut css = String::new();
    let mut write = |name: char, i: usize, color: Color| {
        let [r, g, b] = color.rgb(theme);
        let _ = write!(css, "--{name}{i}:#{r:02x}{g:02x}{b:02x};");
    };
    (0..CATEGORIES).for_each(|i| write('c', i, Color::Category(i)));
    (0..STEPS).for_each(|i| write('r', i, Color::Ramp(i)));
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of WCAG 2.2: <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let luminance = |rgb: [u8; 3]| {
            let linear = rgb
                .map(f64::from)
                .map(|v| v / 255.0)
                .map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn every_color_of_data_has_a_contrast_of_three_to_one_with_the_paper_of_its_theme() {
        let data = || (0..CATEGORIES).map(Color::Category).chain((0..STEPS).map(Color::Ramp)).chain([Color::Text]);
        // A file's paper, and the papers of a page.
        for (theme, papers) in [
            (Theme::Light, [[0xff, 0xff, 0xff], [0xff, 0xff, 0xff]]),
            (Theme::Dark, [[0x16, 0x16, 0x16], [0x14, 0x17, 0x1b]]),
        ] {
            for color in data() {
                for paper in papers {
                    let found = contrast(color.rgb(theme), paper);
                    assert!(found >= 3.0, "{color:?} in {theme:?}: {found:.2}");
                }
            }
        }
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9, "the reference of the definition");
    }

    #[test]
    fn no_two_categories_of_a_theme_are_alike() {
        for theme in [Theme::Light, Theme::Dark] {
            for i in 0..CATEGORIES {
                for j in 0..i {
                    let (a, b) = (Color::Category(i).rgb(theme), Color::Category(j).rgb(theme));
                    let distance: f64 = (0..3).map(|k| (f64::from(a[k]) - f64::from(b[k])).powi(2)).sum();
                    assert!(distance.sqrt() > 40.0, "{i} and {j} in {theme:?}");
                }
            }
        }
    }
}
