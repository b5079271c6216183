//! The codebook of a VQ-VAE: its entries decoded, how often each is used, and images from random codes.

use super::grid::Sheet;
use super::paint::Painter;
use super::trained::Trained;
use crate::error::Result;
use crate::model::CodeShape;
use crate::objective::CodeUse;
use crate::rng::{Purpose, Stream};
use figure::chart::{Axis, Caption, Chart, Content, Plot};
use figure::scale::{Origin, Scale};
use figure::{Color, Dash, Figure};

/// Entries in a row of decoded ones, and samples in a row and a column.
const COLUMNS: usize = 16;
const SAMPLES: usize = 10;
/// More decoded entries would not be looked at.
const MAX_DECODED: usize = 512;

/// Every entry of the codebook decoded, for models with one code per image: what the model can draw at all.
pub(super) fn decoded(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let counts = counts(trained, painter)?;
    let mut order: Vec<u32> = (0..counts.len() as u32).collect();
    order.sort_by_key(|&code| std::cmp::Reverse(counts[code as usize]));
    let used = counts.iter().filter(|&&count| count > 0).count();
    let shown = &order[..order.len().min(MAX_DECODED)];
    let mut sheet = Sheet::new("The codebook, entry by entry", trained.label, COLUMNS, 2);
    for row in shown.chunks(COLUMNS) {
        sheet.row(&[], painter.of_codes(row)?);
    }
    Ok(sheet.finish(&[format!(
        "Everything that the model can draw: one image per entry, the most used first. {used} of {} entries are used on the \
         test images.",
        counts.len()
    )]))
}

/// How often each entry is the nearest on the test images, from the most to the least used.
pub(super) fn uses(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let uses = CodeUse { counts: counts(trained, painter)? };
    let (perplexity, used, size) = (uses.perplexity(), uses.used(), uses.counts.len());
    let mut counts = uses.counts;
    counts.sort_unstable_by_key(|&count| std::cmp::Reverse(count));
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let notes = vec![format!(
        "{used} of {size} entries are used, perplexity {perplexity:.1}; with equal use every entry would have a share of \
         {:.4}.",
        1.0 / size as f64
    )];
    let caption = Caption {
        title: "Use of the codebook".into(),
        subtitle: trained.label.to_owned(),
        description: notes.join(" "),
        notes,
    };
    let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / total).collect();
    let bars = shares.iter().zip(1u32..).map(|(&share, rank)| Content::Line {
        points: vec![(f64::from(rank), 0.0), (f64::from(rank), share)],
        color: Color::Category(0),
        width: 2.5,
        dash: Dash::Solid,
        tooltip: None,
    });
    let plot = Plot {
        name: "uses".into(),
        heading: "Share of each entry on the test images".into(),
        x: Axis { label: "entry, by use".into(), scale: Scale::linear([1.0, size as f64], Origin::Data) },
        y: Axis { label: "share of all codes".into(), scale: Scale::linear(shares.iter().copied(), Origin::Zero) },
        content: bars.collect(),
        labels: Vec::new(),
        note: None,
    };
    Ok(Chart { caption, legend: Vec::new(), panels: vec![plot], columns: 1, size: (520.0, 280.0) }.figure(None))
}

/// Images from codes drawn uniformly, the prior of R + N ln K.
pub(super) fn samples(trained: &Trained<'_>, painter: &Painter<'_>, shape: CodeShape) -> Result<Figure> {
    let epoch = u64::from(trained.spec.training().epochs);
    let mut stream = Stream::new(trained.spec.seed(), Purpose::PriorSamples, epoch, 0);
    let size = shape.codebook_size as f64;
    let mut sheet = Sheet::new("Samples from the prior", trained.label, SAMPLES, 2);
    for _ in 0..SAMPLES {
        let codes: Vec<u32> = (0..SAMPLES * shape.codes).map(|_| (f64::from(stream.uniform()) * size) as u32).collect();
        sheet.row(&[], painter.of_codes(&codes)?);
    }
    Ok(sheet.finish(&["Decoded from codes drawn uniformly and independently, without an input image.".into()]))
}

fn counts(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Vec<u64>> {
    let size = trained.spec.family().codebook_size().unwrap_or(0);
    let all: Vec<u32> = (0..trained.data.test.len() as u32).collect();
    let mut counts = vec![0u64; size];
    for code in painter.codes(&all)? {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    Ok(counts)
}
