//! What a trained model paints: sheets of images, made from its weights and the test images.

mod codes;
mod grid;
mod normal;
mod paint;

use crate::data::{Dataset, Images};
use crate::error::Result;
use crate::metrics::LatentRecord;
use crate::model::Vae;
use crate::rng::{Purpose, Stream};
use crate::spec::RunSpec;
use figure::{Figure, FontWeight, width};
use grid::{Sheet, Tile};
use paint::Painter;

/// A trained model and what it was trained on.
#[derive(Clone, Debug)]
pub struct Trained<'a> {
    /// How it was trained.
    pub spec: &'a RunSpec,
    /// Its weights.
    pub model: &'a Vae,
    /// The images.
    pub data: &'a Dataset,
    /// Its latents, as they were measured.
    pub latents: &'a [LatentRecord],
    /// What it is called.
    pub label: &'a str,
}

/// The names of all sheets, in the order in which they are shown.
pub const SHEETS: [&str; 5] = ["reconstructions", "samples", "manifold", "traversals", "codes"];

/// Classes across a sheet.
const CLASSES: usize = 10;
/// Images of each class on a sheet of reconstructions.
const EACH: usize = 4;
/// Samples on a side.
const SAMPLES: usize = 10;
/// Codes of the manifold on a side.
const MANIFOLD: usize = 18;
/// Latents whose traversals are shown, and steps from -3 to 3.
const TRAVERSED: usize = 10;
const STEPS: usize = 11;

/// Every sheet that this model has, by name.
pub fn sheets(of: &Trained<'_>) -> Result<Vec<(&'static str, Figure)>> {
    let painter = Painter::of(of);
    let mut all = vec![
        ("reconstructions", reconstructions(of, &painter)?),
        ("samples", samples(of, &painter)?),
        ("traversals", traversals(of, &painter)?),
        ("codes", codes::figure(of, &painter)?),
    ];
    if of.spec.model().latent_dim == 2 {
        all.insert(2, ("manifold", manifold(of, &painter)?));
    }
    Ok(all)
}

/// The same test images through several models: the originals, then a row for each.
pub fn side_by_side(models: &[(Trained<'_>, Vec<String>)]) -> Result<Option<Figure>> {
    let Some((first, _)) = models.first() else { return Ok(None) };
    let (classes, chosen) = by_class(&first.data.test, 1);
    let column: Vec<u32> = chosen.iter().filter_map(|of_class| of_class.first().copied()).collect();
    let subtitle = "The first test image of every class, decoded from the mean of its posterior.";
    let words = models.iter().flat_map(|(_, words)| words);
    let widest = words.map(|line| width(line, 12.0, FontWeight::Regular)).fold(60.0, f64::max);
    let mut sheet = Sheet::new("The same digits", subtitle, column.len(), 3).beside(widest + 14.0);
    sheet.headings(classes.iter().map(|c| c.to_string()));
    sheet.row(&["original".into()], Painter::of(first).originals(&column)?);
    for (model, words) in models {
        sheet.row(words, Painter::of(model).reconstructions(&column)?);
    }
    Ok(Some(sheet.finish(&[])))
}

fn reconstructions(of: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let (classes, chosen) = by_class(&of.data.test, EACH);
    let mut sheet = Sheet::new("Originals over reconstructions", of.label, classes.len(), 2).beside(96.0);
    sheet.headings(classes.iter().map(|c| c.to_string()));
    for i in 0..EACH {
        let indices: Vec<Option<u32>> = chosen.iter().map(|of_class| of_class.get(i).copied()).collect();
        let known: Vec<u32> = indices.iter().flatten().copied().collect();
        if known.is_empty() {
            break;
        }
        let place = |tiles: Vec<Tile>| {
            let mut tiles = tiles.into_iter();
            indices.iter().map(|index| index.and_then(|_| tiles.next())).collect::<Vec<_>>()
        };
        sheet.spaced_row(&["original".into()], place(painter.originals(&known)?));
        sheet.spaced_row(&["reconstruction".into()], place(painter.reconstructions(&known)?));
        sheet.space(8.0);
    }
    Ok(sheet
        .finish(&["Columns are classes. Every image is decoded from the mean of its posterior, without noise.".into()]))
}

fn samples(of: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let d = of.spec.model().latent_dim;
    let mut codes = vec![0f32; SAMPLES * SAMPLES * d];
    let epoch = u64::from(of.spec.training().epochs);
    Stream::new(of.spec.seed(), Purpose::PriorSamples, epoch, 0).fill_normal(&mut codes);
    let mut sheet = Sheet::new("Samples from the prior", of.label, SAMPLES, 2);
    let mut tiles = painter.decoded(codes, SAMPLES * SAMPLES)?.into_iter();
    for _ in 0..SAMPLES {
        sheet.row(&[], tiles.by_ref().take(SAMPLES).collect());
    }
    Ok(sheet.finish(&["z drawn from N(0, 1), then decoded; no image was encoded for these.".into()]))
}

fn manifold(of: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let quantiles: Vec<f64> = (0..MANIFOLD).map(|i| normal::quantile((i as f64 + 0.5) / MANIFOLD as f64)).collect();
    // The second latent rises upwards.
    let codes =
        quantiles.iter().rev().flat_map(|&b| quantiles.iter().flat_map(move |&a| [a as f32, b as f32])).collect();
    let mut tiles = painter.decoded(codes, MANIFOLD * MANIFOLD)?.into_iter();
    let mut sheet = Sheet::new("The manifold of two latents", of.label, MANIFOLD, 1).dense();
    for _ in 0..MANIFOLD {
        sheet.row(&[], tiles.by_ref().take(MANIFOLD).collect());
    }
    let end = quantiles.last().copied().unwrap_or(0.0);
    Ok(sheet.finish(&[format!(
        "Latent 1 to the right, latent 2 upwards, both from {:.2} to {end:.2} in equal steps of the prior's probability.",
        -end
    )]))
}

fn traversals(of: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let d = of.spec.model().latent_dim;
    let mut latents = of.latents.to_vec();
    latents.sort_by(|a, b| b.kl.total_cmp(&a.kl));
    latents.truncate(TRAVERSED);
    let base = painter.means(&[0])?.into_iter().next().unwrap_or_else(|| vec![0.0; d]);
    let values: Vec<f32> = (0..STEPS).map(|i| -3.0 + 6.0 * i as f32 / (STEPS - 1) as f32).collect();
    let mut sheet = Sheet::new("Traversals of the latents with the largest K", of.label, STEPS, 2).beside(96.0);
    sheet.headings(values.iter().map(|v| format!("{v:.1}")));
    for latent in latents {
        let index = latent.latent as usize - 1;
        let codes = values.iter().flat_map(|&v| {
            let mut code = base.clone();
            if let Some(place) = code.get_mut(index) {
                *place = v;
            }
            code
        });
        let words = [format!("latent {}", latent.latent), format!("K {:.2}", latent.kl)];
        sheet.row(&words, painter.decoded(codes.collect(), STEPS)?);
    }
    Ok(sheet.finish(&["The code of the first test image, with one latent at a time set to the value above.".into()]))
}

/// The classes of the images, ten at most, and the first `each` images of every class.
fn by_class(images: &Images, each: usize) -> (Vec<u8>, Vec<Vec<u32>>) {
    let mut classes = images.labels().to_vec();
    classes.sort_unstable();
    classes.dedup();
    classes.truncate(CLASSES);
    let of_class = |class: &u8| {
        let all = images.labels().iter().zip(0u32..).filter(|(label, _)| *label == class);
        all.map(|(_, i)| i).take(each).collect()
    };
    let chosen = classes.iter().map(of_class).collect();
    (classes, chosen)
}
