//! The kinds of sheets, and drawing them.

use super::grid::{Sheet, Tile};
use super::paint::Painter;
use super::trained::Trained;
use super::{codebook, codes, normal};
use crate::data::Images;
use crate::error::Result;
use crate::rng::{Purpose, Stream};
use crate::spec::FamilySpec;
use figure::{Figure, FontWeight, width};

/// A kind of sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetKind {
    /// Test images and their reconstructions.
    Reconstructions,
    /// Decoded samples from the prior.
    Samples,
    /// The decoded plane of two latents; of models with two latents.
    Manifold,
    /// One latent at a time moved from -3 to 3.
    Traversals,
    /// The posterior means of test images.
    Codes,
    /// Every codebook entry decoded, of a VQ-VAE with one code per image.
    Codebook,
    /// How often each codebook entry is used, of a VQ-VAE.
    CodeUse,
}

impl SheetKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [SheetKind; 7] = [
        SheetKind::Reconstructions,
        SheetKind::Samples,
        SheetKind::Manifold,
        SheetKind::Traversals,
        SheetKind::Codes,
        SheetKind::Codebook,
        SheetKind::CodeUse,
    ];

    /// The name of its file, without an extension.
    pub fn name(self) -> &'static str {
        match self {
            SheetKind::Reconstructions => "reconstructions",
            SheetKind::Samples => "samples",
            SheetKind::Manifold => "manifold",
            SheetKind::Traversals => "traversals",
            SheetKind::Codes => "codes",
            SheetKind::Codebook => "codebook",
            SheetKind::CodeUse => "code-use",
        }
    }

    /// Whether a model of this family and these sizes has such a sheet.
    fn applies_to(self, family: FamilySpec) -> bool {
        match (self, family) {
            (SheetKind::Reconstructions | SheetKind::Samples, _) => true,
            (SheetKind::Traversals | SheetKind::Codes, FamilySpec::Vae { .. }) => true,
            (SheetKind::Manifold, FamilySpec::Vae { latent_dim, .. }) => latent_dim == 2,
            (SheetKind::CodeUse, FamilySpec::VqVae { .. }) => true,
            (SheetKind::Codebook, FamilySpec::VqVae { shape, .. }) => shape.codes == 1,
            (SheetKind::Codebook | SheetKind::CodeUse, FamilySpec::Vae { .. }) => false,
            (SheetKind::Manifold | SheetKind::Traversals | SheetKind::Codes, FamilySpec::VqVae { .. }) => false,
        }
    }
}

/// The number of classes on a sheet.
const CLASSES: usize = 10;
/// The number of images per class on a sheet of reconstructions.
const IMAGES_PER_CLASS: usize = 4;
/// The rows and the columns of a sheet of samples.
const SAMPLES: usize = 10;
/// The rows and the columns of a manifold.
const MANIFOLD: usize = 18;
/// The number of latents on a sheet of traversals.
const TRAVERSED: usize = 10;
/// The number of steps from -3 to 3 of a traversal.
const STEPS: usize = 11;

/// Every sheet that applies to the model.
///
/// # Errors
/// If the model cannot be evaluated.
pub fn sheets(trained: &Trained<'_>) -> Result<Vec<(SheetKind, Figure)>> {
    let painter = Painter::new(trained);
    let mut all = Vec::new();
    for kind in SheetKind::ALL.into_iter().filter(|kind| kind.applies_to(trained.spec.family())) {
        let figure = match kind {
            SheetKind::Reconstructions => reconstructions(trained, &painter)?,
            SheetKind::Samples => match trained.spec.family() {
                FamilySpec::Vae { latent_dim, .. } => samples(trained, &painter, latent_dim)?,
                FamilySpec::VqVae { shape, .. } => codebook::samples(trained, &painter, shape)?,
            },
            SheetKind::Manifold => manifold(trained, &painter)?,
            SheetKind::Traversals => traversals(trained, &painter)?,
            SheetKind::Codes => codes::figure(trained, &painter)?,
            SheetKind::Codebook => codebook::decoded(trained, &painter)?,
            SheetKind::CodeUse => codebook::uses(trained, &painter)?,
        };
        all.push((kind, figure));
    }
    Ok(all)
}

/// The same test images through several models, under `title`: a row of originals, then a row per model with its lines of text.
///
/// # Errors
/// If a model cannot be evaluated.
pub fn side_by_side(title: &str, models: &[(Trained<'_>, Vec<String>)]) -> Result<Option<Figure>> {
    let Some((first, _)) = models.first() else { return Ok(None) };
    let (classes, chosen) = by_class(&first.data.test, 1);
    let column: Vec<u32> = chosen.iter().filter_map(|of_class| of_class.first().copied()).collect();
    let subtitle = "The first test image of every class, encoded and decoded by each model.";
    let lines = models.iter().flat_map(|(_, lines)| lines);
    let widest = lines.map(|line| width(line, 12.0, FontWeight::Regular)).fold(60.0, f64::max);
    let mut sheet = Sheet::new(title, subtitle, column.len(), 3).margin(widest + 14.0);
    sheet.headings(classes.iter().map(|c| c.to_string()));
    sheet.row(&["original".into()], Painter::new(first).originals(&column)?);
    for (model, lines) in models {
        sheet.row(lines, Painter::new(model).reconstructions(&column)?);
    }
    Ok(Some(sheet.finish(&[])))
}

fn reconstructions(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let (classes, chosen) = by_class(&trained.data.test, IMAGES_PER_CLASS);
    let mut sheet = Sheet::new("Originals over reconstructions", trained.label, classes.len(), 2).margin(96.0);
    sheet.headings(classes.iter().map(|c| c.to_string()));
    for i in 0..IMAGES_PER_CLASS {
        let indices: Vec<Option<u32>> = chosen.iter().map(|of_class| of_class.get(i).copied()).collect();
        let known: Vec<u32> = indices.iter().flatten().copied().collect();
        if known.is_empty() {
            break;
        }
        // A class without an `i`-th image leaves its column empty.
        let in_columns = |tiles: Vec<Tile>| {
            let mut tiles = tiles.into_iter();
            indices.iter().map(|index| index.and_then(|_| tiles.next())).collect::<Vec<_>>()
        };
        sheet.sparse_row(&["original".into()], in_columns(painter.originals(&known)?));
        sheet.sparse_row(&["reconstruction".into()], in_columns(painter.reconstructions(&known)?));
        sheet.space(8.0);
    }
    let from = match trained.spec.family() {
        FamilySpec::Vae { .. } => "its posterior mean, without noise",
        FamilySpec::VqVae { .. } => "the codebook entries nearest to its codes",
    };
    Ok(sheet.finish(&[format!("Columns are classes. Each image is decoded from {from}.")]))
}

fn samples(trained: &Trained<'_>, painter: &Painter<'_>, d: usize) -> Result<Figure> {
    let mut codes = vec![0f32; SAMPLES * SAMPLES * d];
    let epoch = u64::from(trained.spec.training().epochs);
    Stream::new(trained.spec.seed(), Purpose::PriorSamples, epoch, 0).fill_normal(&mut codes);
    let mut sheet = Sheet::new("Samples from the prior", trained.label, SAMPLES, 2);
    let mut tiles = painter.decoded(codes, SAMPLES * SAMPLES)?.into_iter();
    for _ in 0..SAMPLES {
        sheet.row(&[], tiles.by_ref().take(SAMPLES).collect());
    }
    Ok(sheet.finish(&["Decoded from z drawn from N(0, 1), without an input image.".into()]))
}

fn manifold(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let quantiles: Vec<f64> = (0..MANIFOLD).map(|i| normal::quantile((i as f64 + 0.5) / MANIFOLD as f64)).collect();
    // The second latent increases upwards.
    let codes =
        quantiles.iter().rev().flat_map(|&b| quantiles.iter().flat_map(move |&a| [a as f32, b as f32])).collect();
    let mut tiles = painter.decoded(codes, MANIFOLD * MANIFOLD)?.into_iter();
    let mut sheet = Sheet::new("The manifold of two latents", trained.label, MANIFOLD, 1).dense();
    for _ in 0..MANIFOLD {
        sheet.row(&[], tiles.by_ref().take(MANIFOLD).collect());
    }
    let end = quantiles.last().copied().unwrap_or(0.0);
    Ok(sheet.finish(&[format!(
        "Latent 1 to the right, latent 2 upwards, both from {:.2} to {end:.2} in equal steps of prior probability.",
        -end
    )]))
}

fn traversals(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let d = trained.spec.family().latent_dim();
    let mut latents = trained.latents.to_vec();
    latents.sort_by(|a, b| b.kl.total_cmp(&a.kl));
    latents.truncate(TRAVERSED);
    let base = painter.means(&[0])?.into_iter().next().unwrap_or_else(|| vec![0.0; d]);
    let values: Vec<f32> = (0..STEPS).map(|i| -3.0 + 6.0 * i as f32 / (STEPS - 1) as f32).collect();
    let mut sheet = Sheet::new("Traversals of the latents with the largest K", trained.label, STEPS, 2).margin(96.0);
    sheet.headings(values.iter().map(|v| format!("{v:.1}")));
    for latent in latents {
        let index = latent.latent as usize - 1;
        let codes = values.iter().flat_map(|&v| {
            let mut code = base.clone();
            if let Some(element) = code.get_mut(index) {
                *element = v;
            }
            code
        });
        let lines = [format!("latent {}", latent.latent), format!("K {:.2}", latent.kl)];
        sheet.row(&lines, painter.decoded(codes.collect(), STEPS)?);
    }
    Ok(sheet.finish(&[
        "The posterior mean of the first test image, with one latent at a time set to the value above.".into()
    ]))
}

/// The classes of the images, at most ten, and the first `each` images of every class.
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
