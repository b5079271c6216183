//! The posterior means of test images in the plane of two latents, each drawn as the digit of its class.

use super::paint::Painter;
use super::trained::Trained;
use crate::error::Result;
use figure::color::category;
use figure::layout::{Axis, Caption, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Anchor, Figure, Item, TextItem};

/// More codes would cover each other.
const MAX_CODES: usize = 2000;
/// The number of colors; classes with the same color are distinguished by the digit.
const COLORS: usize = 6;

pub(super) fn figure(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let images = &trained.data.test;
    let indices: Vec<u32> = (0..images.len().min(MAX_CODES) as u32).collect();
    let means = painter.means(&indices)?;
    let d = trained.spec.model().latent_dim;
    let mut active: Vec<usize> = (0..d).collect();
    let variance =
        |j: &usize| trained.latents.iter().find(|l| l.latent as usize == j + 1).map_or(0.0, |l| l.mean_variance);
    if d > 2 {
        active.sort_by(|a, b| variance(b).total_cmp(&variance(a)));
    }
    let class = |i: usize| images.labels().get(i).copied().unwrap_or(0);
    let position = |i: usize| {
        let x = f64::from(means[i][active[0]]);
        let y = active.get(1).map_or_else(|| f64::from(class(i)), |&j| f64::from(means[i][j]));
        (x, y)
    };
    let points: Vec<(f64, f64)> = (0..means.len()).map(position).collect();
    let axis = |latent: Option<&usize>, values: Vec<f64>| match latent {
        // The range always includes the bulk of the prior: the codes of a collapsed model are one point within it.
        Some(j) => Axis {
            label: format!("mean of latent {}", j + 1),
            scale: Scale::linear(values.into_iter().chain([-2.0, 2.0]), Origin::Data),
        },
        None => Axis { label: "class".into(), scale: Scale::linear(values, Origin::Data) },
    };
    let mut notes = vec![format!("The first {} test images.", means.len())];
    if d > 2 {
        notes.push(format!("The two of {d} latents whose posterior means vary most."));
    }
    let caption = Caption {
        title: "Codes of the test images".into(),
        subtitle: trained.label.to_owned(),
        description: notes.join(" "),
        notes,
    };
    let mut layout = Layout::new(&caption, Grid { columns: 1, rows: 1, width: 520.0, height: 440.0 }, &[]);
    let x = axis(active.first(), points.iter().map(|p| p.0).collect());
    let y = axis(active.get(1), points.iter().map(|p| p.1).collect());
    let panel = layout.panel((0, 0), "Posterior means, drawn as the digit of their class", x, y);
    for (i, &(x, y)) in points.iter().enumerate() {
        let Some((x, y)) = panel.point(x, y) else { continue };
        let color = category(usize::from(class(i)) % COLORS);
        let text = TextItem::new((x, y + 3.0), class(i).to_string(), 8.5).bold().anchored(Anchor::Middle);
        layout.figure.items.push(Item::Text(text.colored(color)));
    }
    Ok(layout.figure)
}
