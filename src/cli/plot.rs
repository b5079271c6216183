//! `vae-bench plot`: pictures of many runs.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::data::DataDirArg;
use super::digits::{SheetOrder, same_digits};
use super::threads::pool;
use super::watch::{Inputs, Output, repeat};
use crate::choice::Choice;
use crate::error::{Error, ExitCode, Result};
use crate::report::plots::{Axes, Kind, Plot, Plots, Variable, draw};
use crate::report::run_set::RunSet;
use figure::pdf::pdf;
use figure::svg::{SvgTarget, svg};
use figure::{Figure, Theme, raster};

/// Arguments of `plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// The runs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Directory for the pictures
    #[arg(long, value_name = "DIR", default_value = "plots")]
    pub out: PathBuf,
    /// Only these kinds [default: all that are made from records]
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<Kind>,
    /// Horizontal axis: any setting or column, such as latent-dim or beta-effective [default: what varies]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Axes of --kind terms")]
    pub x: Vec<Variable>,
    /// Vertical axis: any column, such as kl or active-units [default: recon, kl, elbo]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Axes of --kind terms")]
    pub y: Vec<Variable>,
    /// What colors stand for [default: the reduction, or what distinguishes the lines]
    #[arg(long, visible_alias = "colour", value_name = "COLUMN", help_heading = "Axes of --kind terms")]
    pub color: Option<Variable>,
    /// A panel for each value of this column
    #[arg(long, value_name = "COLUMN", help_heading = "Axes of --kind terms")]
    pub facet: Option<Variable>,
    /// Only these panels of each picture, such as elbo or recon,kl
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Publication")]
    pub panel: Vec<String>,
    /// Width on paper, such as 3.25in, 85mm or 600px: the picture is laid out for it, with text of at least 6 pt
    #[arg(long, value_name = "LENGTH", help_heading = "Publication")]
    pub width: Option<Width>,
    /// File formats
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        value_delimiter = ',',
        default_value = "svg,png",
        help_heading = "Publication"
    )]
    pub format: Vec<Format>,
    /// Colors for light or for dark paper
    #[arg(long, value_enum, default_value = "light", help_heading = "Publication")]
    pub theme: Theme,
    /// Where the data is, for --kind digits, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
}

/// A file format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// vectors, with text as outlines: the same everywhere
    Svg,
    /// pixels, two for each of the picture; 300 per inch with --width
    Png,
    /// vectors, with text as text in an embedded font
    Pdf,
}

impl Format {
    /// The format that the ending of a file's name asks for.
    ///
    /// # Errors
    /// [`Error::Usage`] for another ending.
    pub(super) fn of_file(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        Format::from_str(ending, true)
            .map_err(|_| Error::Usage(format!("{}: write a file that ends in .png, .svg or .pdf", path.display())))
    }

    /// The file of `figure` in this format; PNG has `density` pixels per pixel of the figure.
    pub(super) fn bytes(self, figure: &Figure, theme: Theme, density: f32) -> Result<Vec<u8>> {
        Ok(match self {
            Format::Svg => svg(figure, SvgTarget::File(theme)).into_bytes(),
            Format::Png => raster::png(figure, theme, density)?,
            Format::Pdf => pdf(figure, theme),
        })
    }
}

/// The width of a picture in pixels of 1/96 inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width(f64);

impl FromStr for Width {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("in", 96.0), ("mm", 96.0 / 25.4), ("cm", 96.0 / 2.54), ("pt", 96.0 / 72.0), ("px", 1.0)];
        let hint = "write a number and in, mm, cm, pt or px, such as 3.25in";
        let (number, unit) =
            units.into_iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size))).ok_or(hint)?;
        let pixels = number.trim().parse::<f64>().map_err(|_| hint)? * unit;
        if !(150.0..=4000.0).contains(&pixels) {
            return Err("a picture is between 150 px (1.6 in, 40 mm) and 4000 px (41 in, 1058 mm) wide".into());
        }
        Ok(Width(pixels))
    }
}

/// A figure and the name of its files.
struct Picture {
    name: String,
    figure: Figure,
}

/// Draws the plots.
pub(super) fn run(args: &PlotArgs) -> Result<ExitCode> {
    let axes = Axes { x: args.x.clone(), y: args.y.clone(), color: args.color.clone(), facet: args.facet.clone() };
    let kinds = match (args.kind.is_empty(), axes.is_empty()) {
        (false, _) => args.kind.clone(),
        (true, true) => Kind::FROM_RECORDS.to_vec(),
        (true, false) => vec![Kind::Terms],
    };
    let (digits, kinds): (Vec<Kind>, Vec<Kind>) = kinds.into_iter().partition(|kind| *kind == Kind::Digits);
    std::fs::create_dir_all(&args.out).map_err(|e| Error::output(&args.out, "create", e))?;
    pool(None)?.install(|| {
        repeat(&args.inputs, |_| {
            let (dirs, tables) = args.inputs.sort()?;
            let (mut pictures, mut notes) = (Vec::new(), Vec::new());
            if !kinds.is_empty() {
                let set = RunSet::read(&dirs, &tables)?;
                notes.extend(set.notes.iter().cloned());
                let mut drawn = Plots::default();
                for kind in &kinds {
                    let Plots { plots, notes } = draw(*kind, &set, &axes);
                    drawn.plots.extend(plots);
                    drawn.notes.extend(notes);
                }
                notes.extend(drawn.notes);
                pictures.extend(chosen(drawn.plots, args)?);
            }
            if !digits.is_empty() {
                let figure = same_digits(&dirs, SheetOrder::Weight, args.data.data_dir.as_deref())?;
                pictures.push(Picture { name: Kind::Digits.name().to_owned(), figure });
            }
            if pictures.is_empty() {
                return Err(Error::Run(format!("nothing could be drawn: {}", notes.join("; "))));
            }
            let files = pictures.par_iter().map(|picture| files_of(picture, args)).collect::<Result<Vec<_>>>()?;
            Ok(Output { files: files.into_iter().flatten().collect(), notes })
        })
    })
}

/// The plots with the panels that are asked for, laid out; those without such a panel are left out.
fn chosen(plots: Vec<Plot>, args: &PlotArgs) -> Result<Vec<Picture>> {
    let mut names: Vec<String> = Vec::new();
    for plot in &plots {
        names.extend(plot.chart.panel_names().into_iter().map(str::to_owned));
    }
    if let Some(unknown) = args.panel.iter().find(|panel| !names.contains(panel)) {
        names.sort();
        names.dedup();
        return Err(Error::Usage(format!("--panel {unknown}: there is no such panel; there are {}", names.join(", "))));
    }
    let picture = |plot: Plot| {
        let (name, chart) = match args.panel.is_empty() {
            true => (plot.name, plot.chart),
            false => (format!("{}-{}", plot.name, args.panel.join("-")), plot.chart.only(&args.panel)),
        };
        let figure = chart.figure(args.width.map(|Width(pixels)| pixels));
        (!chart.panels.is_empty()).then_some(Picture { name, figure })
    };
    Ok(plots.into_iter().filter_map(picture).collect())
}

fn files_of(picture: &Picture, args: &PlotArgs) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let Picture { name, figure } = picture;
    let density = if args.width.is_some() { raster::PRINT } else { raster::SCREEN };
    let file = |format: &Format| -> Result<(PathBuf, Vec<u8>)> {
        let bytes = format.bytes(figure, args.theme, density)?;
        Ok((Path::join(&args.out, format!("{name}.{}", format.name())), bytes))
    };
    args.format.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_lengths_of_paper() {
        for (text, pixels) in
            [("3.25in", 312.0), ("8.5 cm", 321.26), ("85mm", 321.26), ("234pt", 312.0), ("600px", 600.0)]
        {
            let Width(found) = text.parse().unwrap();
            assert!((found - pixels).abs() < 0.01, "{text}: {found}");
        }
        for text in ["3.25", "wide", "1in", "NaNin", "infpx", "-3in", "1e9px", "in"] {
            assert!(text.parse::<Width>().is_err(), "{text}");
        }
    }
}
