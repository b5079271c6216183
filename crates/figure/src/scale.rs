//! Scales: from numbers to positions on an axis, and the ticks of the axis.

use crate::number::significant;

/// Numbers beyond this are not drawn: their differences overflow.
pub const LARGEST: f64 = 1e30;

/// How numbers are spaced on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    Linear,
    /// Linear, with ticks at whole numbers only.
    Integers,
    Log,
    /// One place for each name; the numbers are the indices of the names.
    Names,
}

/// Where a linear axis starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Just below 0, so that marks at 0 are clear of the labels below, unless a number is negative.
    Zero,
    /// A little below the smallest number.
    Data,
}

/// A range of numbers and their spacing on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    spacing: Spacing,
    min: f64,
    max: f64,
    names: Vec<String>,
}

/// A tick of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// A round number.
    pub value: f64,
    /// The number as text.
    pub label: String,
}

/// The margin around the numbers, as a fraction of their range.
const MARGIN: f64 = 0.06;

impl Scale {
    /// A linear scale that includes all drawable `values`; from 0 to 1 if there are none.
    pub fn linear(values: impl IntoIterator<Item = f64>, origin: Origin) -> Self {
        let (mut min, mut max) = range(values.into_iter().filter(|v| drawable(*v))).unwrap_or((0.0, 1.0));
        let from_zero = origin == Origin::Zero && min >= 0.0;
        if from_zero {
            min = 0.0;
        }
        // If the range is tiny compared with the numbers, all tick labels would be the same.
        let least = 1e-6 * max.abs().max(min.abs()).max(1e-12);
        if max - min < least {
            let half = if max.abs() < 1.0 / LARGEST { 0.5 } else { 0.1 * max.abs() };
            max += half;
            min -= if from_zero { 0.0 } else { half };
        }
        let margin = MARGIN * (max - min);
        Scale { spacing: Spacing::Linear, min: min - margin, max: max + margin, names: Vec::new() }
    }

    /// A linear scale for whole numbers such as epochs, from `first` to `last`.
    pub fn integers(first: u32, last: u32) -> Self {
        let (min, max) =
            if first == last { (f64::from(first) - 1.0, f64::from(last) + 1.0) } else { (first.into(), last.into()) };
        let margin = 0.03 * (max - min);
        Scale { spacing: Spacing::Integers, min: min - margin, max: max + margin, names: Vec::new() }
    }

    /// A logarithmic scale that includes all drawable `values` above 0; from 0.1 to 10 if there are none.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let logs = values.into_iter().filter(|v| drawable(*v) && *v >= 1.0 / LARGEST).map(f64::log10);
        let (mut min, mut max) = range(logs).unwrap_or((-1.0, 1.0));
        if max - min < 0.3 {
            let middle = (min + max) / 2.0;
            (min, max) = (middle - 0.15, middle + 0.15);
        }
        let margin = MARGIN * (max - min);
        let [min, max] = [min - margin, max + margin].map(|power| 10f64.powf(power));
        Scale { spacing: Spacing::Log, min, max, names: Vec::new() }
    }

    /// A scale with a place for each name, in this order; the place of a name is its index.
    pub fn names(names: Vec<String>) -> Self {
        Scale { spacing: Spacing::Names, min: -0.5, max: names.len().max(1) as f64 - 0.5, names }
    }

    /// Whether a place stands for a name and not for a number.
    pub fn has_names(&self) -> bool {
        self.spacing == Spacing::Names
    }

    /// Whether `value` is one that the scale has no place for, as 0 has none on a logarithmic scale.
    pub fn is_off(&self, value: f64) -> bool {
        self.position(value).is_none_or(|u| !(-1e-9..=1.0 + 1e-9).contains(&u))
    }

    /// Whether the scale is logarithmic.
    pub fn is_log(&self) -> bool {
        self.spacing == Spacing::Log
    }

    /// The position of `value`: 0 at the lower end, 1 at the upper end, beyond them outside the range. `None` for values
    /// that cannot be drawn and, on a logarithmic scale, for values that are not positive.
    pub fn position(&self, value: f64) -> Option<f64> {
        if !drawable(value) {
            return None;
        }
        match self.spacing {
            Spacing::Linear | Spacing::Integers | Spacing::Names => Some((value - self.min) / (self.max - self.min)),
            Spacing::Log if value < 1.0 / LARGEST => None,
            Spacing::Log => Some((value / self.min).log10() / (self.max / self.min).log10()),
        }
    }

    /// The number at `position` between the ends, the inverse of [`Scale::position`].
    pub fn value_at(&self, position: f64) -> f64 {
        match self.spacing {
            Spacing::Linear | Spacing::Integers | Spacing::Names => self.min + position * (self.max - self.min),
            Spacing::Log => self.min * (self.max / self.min).powf(position),
        }
    }

    /// The ticks in the range, in ascending order: about `wanted`, and every name.
    pub fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let wanted = wanted.max(2);
        match self.spacing {
            Spacing::Linear | Spacing::Integers => self.linear_ticks(wanted),
            Spacing::Log => self.log_ticks(wanted),
            Spacing::Names => {
                let names = self.names.iter().enumerate();
                names.map(|(i, name)| Tick { value: i as f64, label: name.clone() }).collect()
            }
        }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<Tick> {
        let least = if self.spacing == Spacing::Integers { 1.0 } else { 0.0 };
        let step = round_step(((self.max - self.min) / wanted as f64).max(least));
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let label = |v: f64| {
            let plain = (1e-5..1e6).contains(&step) && v.abs() < 1e6;
            if plain { format!("{v:.decimals$}") } else { significant(v) }
        };
        let first = (self.min / step).ceil() as i64;
        (first..first + 16)
            .map(|i| i as f64 * step)
            .take_while(|&value| value <= self.max + 1e-9 * step)
            .map(|value| Tick { value, label: label(value) })
            .collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<Tick> {
        let tick = |value: f64| Tick { value, label: significant(value) };
        let (low, high) = (self.min.log10().ceil() as i32, self.max.log10().floor() as i32);
        let decades = (high - low + 1).max(0) as usize;
        if decades > wanted {
            let every = decades.div_ceil(wanted) as i32;
            return (low..=high).filter(|p| p.rem_euclid(every) == 0).map(|p| tick(10f64.powi(p))).collect();
        }
        // The densest round numbers of which not many more than wanted are in the range.
        const MANTISSAS: [&[f64]; 4] = [
            &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            &[1.0, 2.0, 5.0],
            &[1.0],
        ];
        let round = |mantissas: &[f64]| -> Vec<f64> {
            let values = (low - 1..=high).flat_map(|p| mantissas.iter().map(move |m| (m, p)));
            // Of 2 times 0.01 the nearest number is not that of 0.02.
            let values = values.filter_map(|(m, p)| format!("{m}e{p}").parse::<f64>().ok());
            values.filter(|value| (self.min..=self.max).contains(value)).collect()
        };
        let fits = |values: &Vec<f64>| values.len() <= wanted + 1;
        let chosen = MANTISSAS.into_iter().map(round).find(fits).unwrap_or_else(|| round(MANTISSAS[3]));
        chosen.into_iter().map(tick).collect()
    }
}

/// Whether a number can be drawn: finite and not astronomically large.
pub fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, v| Some(range.map_or((v, v), |(min, max): (f64, f64)| (min.min(v), max.max(v)))))
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|&s| s >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks(5).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Scale::linear([0.0, 205.8], Origin::Zero)), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Scale::linear([80.3, 80.7], Origin::Data)), ["80.3", "80.4", "80.5", "80.6", "80.7"]);
        assert_eq!(labels(&Scale::log([0.05, 784.0])), ["0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&Scale::log([1.0, 4.0])), ["1", "1.5", "2", "3", "4"]);
        assert_eq!(labels(&Scale::log([2.0, 100.0])), ["2", "5", "10", "20", "50", "100"]);
        assert_eq!(labels(&Scale::log([30.0, 45.0])), ["25", "30", "35", "40", "50"]);
        assert_eq!(labels(&Scale::names(vec!["none".into(), "image:2".into()])), ["none", "image:2"]);
    }

    #[test]
    fn any_numbers_make_a_scale() {
        let odd = [f64::NAN, f64::INFINITY, f64::MAX, -1e29, 0.0, -0.0, 1e-300, 5e-324];
        for a in odd {
            for b in odd {
                for scale in
                    [Scale::linear([a, b], Origin::Zero), Scale::linear([a, b], Origin::Data), Scale::log([a, b])]
                {
                    assert!(scale.ticks(5).len() < 20, "{a} {b} {scale:?}");
                    for value in odd {
                        assert!(scale.position(value).is_none_or(|u| !u.is_nan()), "{a} {b} {value} {scale:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn position_and_value_are_inverse() {
        for scale in [Scale::linear([-3.0, 12.0], Origin::Zero), Scale::log([1e-3, 784.0])] {
            for position in [0.0, 0.25, 1.0] {
                assert!((scale.position(scale.value_at(position)).unwrap() - position).abs() < 1e-12);
            }
        }
        assert_eq!(Scale::log([1.0, 10.0]).position(0.0), None);
    }
}
