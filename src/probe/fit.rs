//! Least squares on a few points.

use nalgebra::{DMatrix, DVector};

/// A linear fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    /// A coefficient for each feature, then the constant.
    pub coefficients: Vec<f64>,
    /// The largest difference over the range of the values.
    pub residual: f64,
}

/// Range of the values.
pub(super) fn spread(values: &[f64]) -> f64 {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    high - low
}

/// Fits `values` by a combination of `features` (one list for each) and a constant. None where a number is not finite.
pub(super) fn linear(features: &[Vec<f64>], values: &[f64]) -> Option<Fit> {
    let (rows, columns) = (values.len(), features.len() + 1);
    if features.iter().flatten().chain(values).any(|v| !v.is_finite()) || spread(values) == 0.0 {
        return None;
    }
    // Centred and scaled columns: means of thousands beside spreads of one cost no digits.
    let centre = |list: &[f64]| list.iter().sum::<f64>() / rows as f64;
    let (centres, scales): (Vec<f64>, Vec<f64>) =
        features.iter().map(|f| (centre(f), spread(f).max(f64::MIN_POSITIVE))).unzip();
    let matrix = DMatrix::from_fn(rows, columns - 1, |r, c| (features[c][r] - centres[c]) / scales[c]);
    let middle = centre(values);
    let right = DVector::from_fn(rows, |r, _| values[r] - middle);
    let solved = matrix.clone().svd(true, true).solve(&right, 1e-12).ok()?;
    let residual = (matrix * &solved - right).amax() / spread(values);
    let mut coefficients: Vec<f64> = solved.iter().zip(&scales).map(|(c, scale)| c / scale).collect();
    let constant = middle - coefficients.iter().zip(&centres).map(|(c, centre)| c * centre).sum::<f64>();
    coefficients.push(constant);
    Some(Fit { coefficients, residual })
}
