//! The posterior means of test images in the plane of two latents, each drawn as the digit of its class.

use super::paint::Painter;
use super::trained::Trained;
use crate::error::Result;
use figure::chart::{Axis, Caption, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale};
use figure::{Color, Figure, Fill, Shape};

/// More codes would cover each other.
const MAX_CODES: usize = 2000;

pub(super) fn figure(trained: &Trained<'_>, painter: &Painter<'_>) -> Result<Figure> {
    let images = &trained.data.test;
    let indices: Vec<u32> = (0..images.len().min(MAX_CODES) as u32).collect();
    let means = painter.means(&indices)?;
    let d = trained.spec.family().latent_dim();
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
    let mut classes: Vec<u8> = (0..means.len()).map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    let key = |class: &u8| Entry::Key {
        color: Color::Category((*class).into()),
        shape: Some((Shape::Square, Fill::Solid)),
        dash: None,
        label: class.to_string(),
    };
    let legend = std::iter::once(Entry::Heading("Class".into())).chain(classes.iter().map(key)).collect();
    let content = points.iter().enumerate().map(|(i, &at)| Content::Letter {
        at,
        letter: char::from_digit(u32::from(class(i)) % 10, 10).unwrap_or('?'),
        color: Color::Category(class(i).into()),
    });
    let plot = Plot {
        name: "codes".into(),
        heading: String::new(),
        x: axis(active.first(), points.iter().map(|p| p.0).collect()),
        y: axis(active.get(1), points.iter().map(|p| p.1).collect()),
        content: content.collect(),
        labels: Vec::new(),
        note: None,
    };
    Ok(Chart { caption, legend, panels: vec![plot], columns: 1, size: (560.0, 440.0) }.figure(None))
}
