//! From numbers to places on an axis, and the round numbers that are written at it.

use crate::number::significant;

/// Numbers beyond this are not drawn: differences of such are no longer numbers.
pub const LARGEST: f64 = 1e30;

/// The way numbers are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    Linear,
    /// Linear, and only whole numbers are written.
    Counting,
    Log,
}

/// Where a linear axis begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At 0, where no number is below it.
    Zero,
    /// A little below the least number.
    Data,
}

/// An axis without a place: a range of numbers and how they are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    spread: Spread,
    min: f64,
    max: f64,
}

/// A round number on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The number.
    pub value: f64,
    /// As it is written.
    pub label: String,
}

/// About so many round numbers are written.
const TICKS: f64 = 5.0;

/// Room around the numbers, as a part of their range.
const MARGIN: f64 = 0.06;

impl Scale {
    /// Equal steps; around all drawable `values`, or from 0 to 1 where there are none.
    pub fn linear(values: impl IntoIterator<Item = f64>, origin: Origin) -> Self {
        let (mut min, mut max) = range(values.into_iter().filter(|v| drawable(*v))).unwrap_or((0.0, 1.0));
        let from_zero = origin == Origin::Zero && min >= 0.0;
        if from_zero {
            min = 0.0;
        }
        // A range that is next to nothing beside the numbers would write the same label at every tick.
        let least = 1e-6 * max.abs().max(min.abs()).max(1e-12);
        if max - min < least {
            let half = if max.abs() < 1.0 / LARGEST { 0.5 } else { 0.1 * max.abs() };
            max += half;
            min -= if from_zero { 0.0 } else { half };
        }
        let room = MARGIN * (max - min);
        Scale { spread: Spread::Linear, min: if from_zero { 0.0 } else { min - room }, max: max + room }
    }

    /// Equal steps for whole numbers, such as epochs; from `first` to `last`.
    pub fn counting(first: u32, last: u32) -> Self {
        let (min, max) =
            if first == last { (f64::from(first) - 1.0, f64::from(last) + 1.0) } else { (first.into(), last.into()) };
        let room = 0.03 * (max - min);
        Scale { spread: Spread::Counting, min: min - room, max: max + room }
    }

    /// Equal factors; around all drawable `values` above 0, or from 0.1 to 10 where there are none.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let logs = values.into_iter().filter(|v| drawable(*v) && *v >= 1.0 / LARGEST).map(f64::log10);
        let (mut min, mut max) = range(logs).unwrap_or((-1.0, 1.0));
        if max - min < 0.3 {
            (min, max) = (min - 0.5, max + 0.5);
        }
        let room = MARGIN * (max - min);
        Scale { spread: Spread::Log, min: 10f64.powf(min - room), max: 10f64.powf(max + room) }
    }

    /// The place of `value` between the ends, 0 and 1; it may lie outside. None where it has none: 0 among logarithms.
    pub fn unit(&self, value: f64) -> Option<f64> {
        if !drawable(value) {
            return None;
        }
        match self.spread {
            Spread::Linear | Spread::Counting => Some((value - self.min) / (self.max - self.min)),
            Spread::Log if value < 1.0 / LARGEST => None,
            Spread::Log => Some((value / self.min).log10() / (self.max / self.min).log10()),
        }
    }

    /// The number at the place `unit` between the ends.
    pub fn at(&self, unit: f64) -> f64 {
        match self.spread {
            Spread::Linear | Spread::Counting => self.min + unit * (self.max - self.min),
            Spread::Log => self.min * (self.max / self.min).powf(unit),
        }
    }

    /// Round numbers in the range, in ascending order.
    pub fn ticks(&self) -> Vec<Tick> {
        match self.spread {
            Spread::Linear | Spread::Counting => self.linear_ticks(),
            Spread::Log => self.log_ticks(),
        }
    }

    fn linear_ticks(&self) -> Vec<Tick> {
        let least = if self.spread == Spread::Counting { 1.0 } else { 0.0 };
        let step = round_step(((self.max - self.min) / TICKS).max(least));
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

    fn log_ticks(&self) -> Vec<Tick> {
        let tick = |value: f64| Tick { value, label: significant(value) };
        let inside = |value: &f64| (self.min..=self.max).contains(value);
        let (low, high) = (self.min.log10().ceil() as i32, self.max.log10().floor() as i32);
        let decades = high - low + 1;
        if decades >= 3 {
            let every = (f64::from(decades) / 7.0).ceil() as i32;
            return (low..=high).filter(|p| p.rem_euclid(every) == 0).map(|p| tick(10f64.powi(p))).collect();
        }
        (low - 1..=high)
            .flat_map(|p| [1.0, 2.0, 5.0].map(|m: f64| (m * 10f64.powi(p) * 1e12).round() / 1e12))
            .filter(inside)
            .map(tick)
            .collect()
    }
}

/// Whether a number has a place in a picture.
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
        scale.ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn round_numbers_are_written_at_an_axis() {
        assert_eq!(labels(&Scale::linear([0.0, 205.8], Origin::Zero)), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Scale::linear([80.3, 80.7], Origin::Data)), ["80.3", "80.4", "80.5", "80.6", "80.7"]);
        assert_eq!(labels(&Scale::log([0.05, 784.0])), ["0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&Scale::log([1.0, 4.0])), ["1", "2"]);
    }

    #[test]
    fn any_numbers_make_an_axis() {
        let odd = [f64::NAN, f64::INFINITY, f64::MAX, -1e29, 0.0, -0.0, 1e-300, 5e-324];
        for a in odd {
            for b in odd {
                for scale in
                    [Scale::linear([a, b], Origin::Zero), Scale::linear([a, b], Origin::Data), Scale::log([a, b])]
                {
                    assert!(scale.ticks().len() < 20, "{a} {b} {scale:?}");
                    for value in odd {
                        assert!(scale.unit(value).is_none_or(|u| !u.is_nan()), "{a} {b} {value} {scale:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_place_and_its_number_belong_together() {
        for scale in [Scale::linear([-3.0, 12.0], Origin::Zero), Scale::log([1e-3, 784.0])] {
            for unit in [0.0, 0.25, 1.0] {
                assert!((scale.unit(scale.at(unit)).unwrap() - unit).abs() < 1e-12);
            }
        }
        assert_eq!(Scale::log([1.0, 10.0]).unit(0.0), None);
    }
}
