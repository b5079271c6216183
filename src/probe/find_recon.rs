//! Which reconstruction: with the posterior held, the values follow one hypothesis.

use super::design::{Inputs, PixelRegime};
use super::finding::Scored;
use super::fit::{linear, spread};
use super::recon_form::{Joint, ReconForm};
use super::session::{Session, Stop, refused, refused_with};

const DESIGNS: u64 = 10;

/// The hypothesis that holds, and the residuals of all, best first.
pub(super) fn find_recon(session: &mut Session<'_>, base: &Inputs) -> Result<(ReconForm, Vec<Scored>), Stop> {
    let designs: Vec<Inputs> = (0..DESIGNS)
        .map(|k| {
            let mut inputs = base.clone();
            inputs.redraw_pixels(100 + k, PixelRegime::Unit);
            inputs
        })
        .collect();
    let values = designs.iter().map(|inputs| session.ask(inputs)).collect::<Result<Vec<f64>, Stop>>()?;
    if spread(&values) == 0.0 {
        return Err(refused("it does not depend on the reconstruction"));
    }
    let tolerance = session.tolerance(&values);
    if tolerance > 1e-2 {
        return Err(refused(format!(
            "the reconstruction's part is lost in rounding: it moves the loss by {:e} of {:e}",
            spread(&values),
            values[0].abs()
        )));
    }
    let forms = ReconForm::all();
    let mut scores: Vec<(ReconForm, f64)> = forms
        .iter()
        .filter_map(|&form| {
            let feature: Vec<f64> = designs.iter().map(|inputs| form.value(inputs)).collect();
            Some((form, linear(&[feature], &values)?.residual))
        })
        .collect();
    scores.sort_by(|a, b| a.1.total_cmp(&b.1));
    let named: Vec<Scored> =
        scores.iter().map(|(form, residual)| Scored { name: form.to_string(), residual: *residual }).collect();
    match scores.as_slice() {
        [(_, first), (_, second), ..] if *first <= tolerance && *second <= 5.0 * tolerance => {
            Err(refused_with("two reconstruction losses fit equally well, so neither is claimed", named))
        }
        [(form, first), ..] if *first <= tolerance => Ok((*form, named)),
        _ => Err(refused_with(unknown(session, base, &designs, &values, tolerance)?, named)),
    }
}

/// What can be said of a reconstruction that is none of the hypotheses.
fn unknown(
    session: &mut Session<'_>,
    base: &Inputs,
    designs: &[Inputs],
    values: &[f64],
    tolerance: f64,
) -> Result<String, Stop> {
    let forms: Vec<ReconForm> = ReconForm::all().into_iter().filter(|form| form.joint == Joint::Mean).collect();
    let features: Vec<Vec<f64>> =
        forms.iter().map(|form| designs.iter().map(|inputs| form.value(inputs)).collect()).collect();
    for (i, one) in features.iter().enumerate() {
        for (j, two) in features.iter().enumerate().skip(i + 1) {
            if let Some(fit) = linear(&[one.clone(), two.clone()], values).filter(|fit| fit.residual <= tolerance) {
                let (a, b) =
                    (crate::text::significant(fit.coefficients[0]), crate::text::significant(fit.coefficients[1]));
                return Ok(format!(
                    "its reconstruction is no single loss but fits a mix of two: {a} * ({}) + {b} * ({})",
                    forms[i], forms[j]
                ));
            }
        }
    }
    let moved = |pixels: &[usize]| {
        let mut inputs = base.clone();
        for &i in pixels {
            inputs.recon[i] = 1.0 - inputs.recon[i];
        }
        inputs
    };
    let here = session.ask(base)?;
    let last = base.recon.len() - 1;
    let mut change = |pixels: &[usize]| session.ask(&moved(pixels)).map(|value| value - here);
    let (neighbours, apart) =
        (change(&[0])? + change(&[1])? - change(&[0, 1])?, change(&[0])? + change(&[last])? - change(&[0, last])?);
    let size = change(&[0])?.abs() + change(&[last])?.abs();
    let interacts = |gap: f64| gap.abs() > 1e-3 * size + 1e-12 * here.abs();
    Ok(match (interacts(neighbours), interacts(apart)) {
        (false, false) => {
            "its reconstruction is a sum over pixels of a function that is none of those known".to_owned()
        }
        (true, false) => {
            "its reconstruction is no sum over pixels: pixels of one image interact (a perceptual or structural term?)"
                .to_owned()
        }
        (_, true) => "its reconstruction is no sum over images: pixels of different images interact".to_owned(),
    })
}
