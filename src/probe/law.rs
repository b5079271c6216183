//! A weight as a function of B, D and d: a sum of a few monomials.

use std::fmt;

use super::design::Shape;
use crate::text::significant;

/// factor * B^batch * D^pixels * d^latents; exponents in halves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Monomial {
    /// The number in front.
    pub factor: f64,
    /// Twice the exponents of B, D and d.
    pub halves: [i32; 3],
}

/// A sum of monomials; none of them: 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Law(pub Vec<Monomial>);

impl Monomial {
    fn power(halves: [i32; 3], at: Shape) -> f64 {
        let sizes = [at.batch, at.pixels, at.latents];
        halves.into_iter().zip(sizes).map(|(half, n)| (n as f64).powf(0.5 * f64::from(half))).product()
    }

    /// The value at these sizes.
    pub fn at(self, shape: Shape) -> f64 {
        self.factor * Monomial::power(self.halves, shape)
    }
}

/// Twice the exponents that single monomials may have, for B, D and d.
const ALONE: [&[i32]; 3] = [&[0, -2, 2, -1, 1, -4, 4], &[0, -2, 2, -1, 1, -4, 4], &[0, -2, 2, -1, 1, -4, 4]];
/// The same for each of two.
const PAIRED: [&[i32]; 3] = [&[0, -2, 2], &[0, -2, 2, -1, 1], &[0, -2, 2]];

impl Law {
    /// The same number at all sizes.
    pub fn constant(factor: f64) -> Self {
        Law(vec![Monomial { factor, halves: [0; 3] }])
    }

    /// The value at these sizes.
    pub fn at(&self, shape: Shape) -> f64 {
        self.0.iter().map(|m| m.at(shape)).sum()
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The monomial, where there is one alone.
    pub fn single(&self) -> Option<Monomial> {
        match self.0.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// The same with every factor times `factor`.
    pub fn times(&self, factor: f64) -> Self {
        Law(self.0.iter().map(|m| Monomial { factor: m.factor * factor, ..*m }).collect())
    }

    /// This over another, where both are monomials.
    pub fn over(&self, other: &Law) -> Option<Law> {
        let (a, b) = (self.single()?, other.single()?);
        let halves = [0, 1, 2].map(|i| a.halves[i] - b.halves[i]);
        Some(Law(vec![Monomial { factor: tidy(a.factor / b.factor, 1e-9), halves }]))
    }

    /// The law of values that were measured at these sizes with relative errors up to `tolerance`; values below `zero` in
    /// size count as 0. None where no sum of two monomials passes through all of them.
    pub fn fit(points: &[(Shape, f64)], tolerance: f64, zero: f64) -> Option<Law> {
        if points.iter().all(|(_, v)| v.abs() <= zero) {
            return Some(Law::default());
        }
        let varies = [
            points.iter().any(|(s, _)| s.batch != points[0].0.batch),
            points.iter().any(|(s, _)| s.pixels != points[0].0.pixels),
            points.iter().any(|(s, _)| s.latents != points[0].0.latents),
        ];
        let exponents = |of: [&[i32]; 3]| -> Vec<[i32; 3]> {
            let along = |axis: usize| if varies[axis] { of[axis] } else { &of[axis][..1] };
            let mut all: Vec<[i32; 3]> = along(0)
                .iter()
                .flat_map(|&b| along(1).iter().flat_map(move |&p| along(2).iter().map(move |&l| [b, p, l])))
                .collect();
            all.sort_by_key(|halves| halves.iter().map(|half| half.abs()).sum::<i32>());
            all
        };
        for halves in exponents(ALONE) {
            let ratios: Vec<f64> = points.iter().map(|(s, v)| v / Monomial::power(halves, *s)).collect();
            let factor = ratios.iter().sum::<f64>() / ratios.len() as f64;
            if ratios.iter().all(|r| (r - factor).abs() <= tolerance * factor.abs()) {
                return Some(Law(vec![Monomial { factor: tidy(factor, tolerance), halves }]));
            }
        }
        // Two unknown factors and a choice among hundreds of pairs want points to spare.
        let sizes: usize = varies.iter().map(|&v| usize::from(v)).sum();
        if points.len() < 5 || sizes == 0 {
            return None;
        }
        let all = exponents(PAIRED);
        let pairs = all.iter().enumerate().flat_map(|(i, one)| all[i + 1..].iter().map(move |two| (*one, *two)));
        pairs.into_iter().find_map(|(one, two)| Law::pair(points, tolerance, one, two))
    }

    fn pair(points: &[(Shape, f64)], tolerance: f64, one: [i32; 3], two: [i32; 3]) -> Option<Law> {
        // Relative errors count: both columns are divided by the value.
        let (mut aa, mut ab, mut bb, mut ay, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (shape, value) in points {
            let (a, b) = (Monomial::power(one, *shape) / value, Monomial::power(two, *shape) / value);
            (aa, ab, bb, ay, by) = (aa + a * a, ab + a * b, bb + b * b, ay + a, by + b);
        }
        let determinant = aa * bb - ab * ab;
        if determinant.abs() < 1e-12 * aa * bb {
            return None;
        }
        let (f, g) = ((ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant);
        let law = Law(vec![
            Monomial { factor: tidy(f, tolerance), halves: one },
            Monomial { factor: tidy(g, tolerance), halves: two },
        ]);
        points.iter().all(|(shape, value)| (law.at(*shape) - value).abs() <= tolerance * value.abs()).then_some(law)
    }
}

/// The number with the fewest digits that is within `tolerance` (relative) of this one, or the inverse of a whole number.
pub(super) fn tidy(value: f64, tolerance: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let inverse = (1.0 / value).round();
    let near = |candidate: f64| (candidate - value).abs() <= tolerance * value.abs();
    for digits in 0..9 {
        let short: f64 = format!("{value:.digits$e}").parse().unwrap_or(value);
        if near(short) {
            return short;
        }
        if digits >= 2 && inverse.abs() >= 1.0 && inverse.abs() < 1e7 && near(1.0 / inverse) {
            return 1.0 / inverse;
        }
    }
    value
}

impl fmt::Display for Monomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        let inverse = 1.0 / self.factor;
        if inverse.abs() >= 3.0 && (inverse - inverse.round()).abs() < 1e-9 * inverse.abs() && decimals(self.factor) > 5
        {
            below.push(format!("{}", inverse.round()));
        } else if self.factor != 1.0 || self.halves.iter().all(|&half| half <= 0) {
            above.push(significant(self.factor));
        }
        for (name, half) in ["B", "D", "d"].into_iter().zip(self.halves) {
            let size = half.abs();
            let text = match (size % 2, size / 2) {
                (0, 1) => name.to_owned(),
                (0, power) => format!("{name}^{power}"),
                (_, 0) => format!("sqrt({name})"),
                (_, power) => format!("{name}^{power}.5"),
            };
            match half.signum() {
                1 => above.push(text),
                -1 => below.push(text),
                _ => {}
            }
        }
        if above.is_empty() {
            above.push("1".to_owned());
        }
        f.write_str(&above.join("*"))?;
        match below.len() {
            0 => Ok(()),
            1 => write!(f, "/{}", below[0]),
            _ => write!(f, "/({})", below.join("*")),
        }
    }
}

/// Significant digits that a number takes to write.
fn decimals(value: f64) -> usize {
    format!("{value:e}").split('e').next().map_or(0, |mantissa| mantissa.chars().filter(char::is_ascii_digit).count())
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        let terms: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&terms.join(" + "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::design::Plan;

    fn found(law: impl Fn(f64, f64, f64) -> f64) -> String {
        let plan = Plan::of(1, 28);
        let points: Vec<(Shape, f64)> = std::iter::once(plan.first)
            .chain(plan.others)
            .map(|s| (s, law(s.batch as f64, s.pixels as f64, s.latents as f64)))
            .collect();
        Law::fit(&points, 1e-7, 0.0).map_or_else(|| "none".to_owned(), |law| law.to_string())
    }

    #[test]
    fn weights_are_read_as_people_write_them() {
        assert_eq!(found(|_, _, _| 1.0), "1");
        assert_eq!(found(|_, d, _| 1.0 / d), "1/D");
        assert_eq!(found(|b, _, _| b / 784.0), "B/784");
        assert_eq!(found(|_, d, _| 784.0 / d), "784/D");
        assert_eq!(found(|b, _, z| 0.1 / (b * z)), "0.1/(B*d)");
        assert_eq!(found(|_, _, _| 0.00025), "0.00025");
        assert_eq!(found(|_, _, _| 1.0 / 100_352.0), "1/100352");
        assert_eq!(found(|_, d, _| 1.0 / d.sqrt()), "1/sqrt(D)");
        assert_eq!(found(|_, _, _| 128.0 / 60_000.0), "0.0021333");
        assert_eq!(found(|_, d, _| 0.5 + 3.0 / d), "0.5 + 3/D");
        assert_eq!(found(|_, _, _| 0.0), "0");
    }

    #[test]
    fn what_is_no_sum_of_monomials_is_not_forced_to_be_one() {
        assert_eq!(found(|b, _, _| (b - 1.0).ln_1p() + 0.1), "none");
        assert_eq!(found(|_, d, z| (d * 0.01).min(z)), "none");
    }
}
