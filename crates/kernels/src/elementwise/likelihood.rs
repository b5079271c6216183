//! Reconstruction losses: sums over each image and their gradient, in one pass.
//!
//! | [`Loss`] | value of an element | gradient in the prediction |
//! |---|---|---|
//! | `BernoulliLogits` | max(l, 0) - l x + ln(1 + e^-\|l\|) | sigmoid(l) - x |
//! | `Squared` | (p - x)^2 | 2 (p - x) |
//!
//! Elements are computed in `f32`. A row is summed in sixteen `f64` parts (element j goes to part j mod 16), which are
//! added as a fixed tree and rounded once: the sum depends on that row alone, not on the rows beside it or on threads.
//!
//! Error of a Bernoulli element against exact arithmetic: 2.0e-7 relative, of its gradient 8.8e-8
//! absolute; of a row's sum below 1e-7 in practice. NaN gives NaN.

use super::math::{exp_of_nonpositive, log1p_of_unit};
use crate::simd::{Isa, LANES, Simd, Task, total};
use crate::system::parallel::{elements, rows_per_chunk, run_all};

/// Which loss of a prediction against a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Negative log-likelihood of the target under Bernoulli variables, from their logits.
    BernoulliLogits,
    /// Squared error.
    Squared,
}

/// The factor of each row's gradient: dL/d(sum of the row).
#[derive(Clone, Copy, Debug)]
pub enum Scale<'a> {
    /// The same for all rows.
    All(f32),
    /// One for each row.
    Rows(&'a [f32]),
}

impl<'a> Scale<'a> {
    fn check(self, rows: usize) {
        if let Scale::Rows(scale) = self {
            assert_eq!(scale.len(), rows, "{rows} rows need {rows} scales, not {}", scale.len());
        }
    }

    /// The scale of rows `from..`.
    fn from(self, from: usize) -> Scale<'a> {
        match self {
            Scale::All(_) => self,
            Scale::Rows(scale) => Scale::Rows(&scale[from..]),
        }
    }

    #[inline(always)]
    fn of_row(self, row: usize) -> f32 {
        match self {
            Scale::All(scale) => scale,
            Scale::Rows(scale) => scale[row],
        }
    }
}

/// `sums[i]` = loss of row i, summed over its `cols` elements, and `grad` = scale times the gradient.
///
/// # Panics
/// If `prediction`, `target` or `grad` are not `sums.len()` x `cols`, or `scale` has another number of rows.
#[expect(clippy::too_many_arguments, reason = "inputs, their shape, and two outputs")]
pub fn row_sums_and_grad(
    isa: Isa,
    loss: Loss,
    prediction: &[f32],
    target: &[f32],
    cols: usize,
    scale: Scale,
    sums: &mut [f32],
    grad: &mut [f32],
) {
    let rows = sums.len();
    check("a prediction", prediction.len(), rows, cols);
    check("a target", target.len(), rows, cols);
    check("a gradient", grad.len(), rows, cols);
    scale.check(rows);
    if cols == 0 {
        sums.fill(0.0);
        return;
    }
    let deep = rows_per_chunk(cols);
    let tasks = sums
        .chunks_mut(deep)
        .zip(grad.chunks_mut(deep * cols))
        .zip(prediction.chunks(deep * cols).zip(target.chunks(deep * cols)))
        .enumerate()
        .map(|(i, ((sums, grad), (prediction, target)))| Rows {
            loss,
            prediction,
            target,
            cols,
            scale: scale.from(i * deep),
            sums,
            grad,
        });
    run_all(isa, tasks);
}

/// `sums[i]` = loss of row i against its target, without the slopes: the rows of `prediction` are those of the first
/// of `targets` targets, then as many of the second, and so on. The same bytes as [`row_sums_and_grad`] gives.
///
/// # Panics
/// If the rows are no multiple of the targets, or lengths do not fit together.
pub fn row_sums(isa: Isa, loss: Loss, prediction: &[f32], target: &[f32], targets: usize, sums: &mut [f32]) {
    let (rows, cols) = (sums.len(), target.len().checked_div(targets).unwrap_or(0));
    check("a target", target.len(), targets, cols);
    check("a prediction", prediction.len(), rows, cols);
    if rows == 0 || cols == 0 {
        sums.fill(0.0);
        return;
    }
    let each = rows / targets;
    assert_eq!(each * targets, rows, "{rows} rows for {targets} targets");
    let deep = rows_per_chunk(cols);
    let mut tasks = Vec::with_capacity(rows.div_ceil(deep) + targets);
    let of_targets = sums.chunks_mut(each).zip(prediction.chunks(each * cols)).zip(target.chunks(cols));
    for ((sums, prediction), target) in of_targets {
        let parts = sums.chunks_mut(deep).zip(prediction.chunks(deep * cols));
        tasks.extend(parts.map(|(sums, prediction)| Sums { loss, prediction, target, sums }));
    }
    run_all(isa, tasks);
}

/// Some rows of one target.
struct Sums<'a> {
    loss: Loss,
    prediction: &'a [f32],
    target: &'a [f32],
    sums: &'a mut [f32],
}

impl Task for Sums<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.loss {
            Loss::BernoulliLogits => sums::<S, BernoulliLogits>(s, self),
            Loss::Squared => sums::<S, Squared>(s, self),
        }
    }
}

#[inline(always)]
fn sums<S: Simd, E: Element>(s: S, task: Sums) {
    let (targets, target_tail) = task.target.as_chunks::<LANES>();
    for (row, out) in task.prediction.chunks_exact(task.target.len()).zip(task.sums) {
        let (predictions, prediction_tail) = row.as_chunks::<LANES>();
        let mut sum = s.sum_zero();
        for i in 0..predictions.len() {
            // The slope is not used, and the compiler leaves it out.
            let (value, _) = E::at(s, s.load(&predictions[i]), s.load(&targets[i]));
            sum = s.sum_add(sum, value);
        }
        if !prediction_tail.is_empty() {
            let (value, _) = E::at(s, s.load_head(prediction_tail), s.load_head(target_tail));
            sum = s.sum_add(sum, s.keep_head(value, prediction_tail.len()));
        }
        *out = total(s.sum_lanes(sum)) as f32;
    }
}

fn check(what: &str, len: usize, rows: usize, cols: usize) {
    let needed = elements(what, rows, cols);
    assert_eq!(len, needed, "{what} of {rows} x {cols} needs {needed} elements, not {len}");
}

/// Some rows of a loss.
struct Rows<'a> {
    loss: Loss,
    prediction: &'a [f32],
    target: &'a [f32],
    cols: usize,
    scale: Scale<'a>,
    sums: &'a mut [f32],
    grad: &'a mut [f32],
}

impl Task for Rows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // One loop for each loss, so that no vector branches.
        match self.loss {
            Loss::BernoulliLogits => rows::<S, BernoulliLogits>(s, self),
            Loss::Squared => rows::<S, Squared>(s, self),
        }
    }
}

#[inline(always)]
fn rows<S: Simd, E: Element>(s: S, task: Rows) {
    let cols = task.cols;
    for row in 0..task.prediction.len() / cols {
        let here = row * cols..(row + 1) * cols;
        let scale = s.splat(task.scale.of_row(row));
        let (predictions, prediction_tail) = task.prediction[here.clone()].as_chunks::<LANES>();
        let (targets, target_tail) = task.target[here.clone()].as_chunks::<LANES>();
        let (grads, grad_tail) = task.grad[here].as_chunks_mut::<LANES>();
        let mut sum = s.sum_zero();
        for i in 0..predictions.len() {
            // The same place in the next row: another thread may have computed it, and has it in its cache.
            s.prefetch(predictions[i].as_ptr().wrapping_add(cols));
            s.prefetch(grads[i].as_ptr().wrapping_add(cols));
            let (value, grad) = E::at(s, s.load(&predictions[i]), s.load(&targets[i]));
            sum = s.sum_add(sum, value);
            s.store(&mut grads[i], s.mul(scale, grad));
        }
        if !prediction_tail.is_empty() {
            let (value, grad) = E::at(s, s.load_head(prediction_tail), s.load_head(target_tail));
            sum = s.sum_add(sum, s.keep_head(value, prediction_tail.len()));
            s.store_head(grad_tail, s.mul(scale, grad));
        }
        task.sums[row] = total(s.sum_lanes(sum)) as f32;
    }
}

/// A loss of sixteen elements: (value, grad).
trait Element {
    fn at<S: Simd>(s: S, prediction: S::V, target: S::V) -> (S::V, S::V);
}

struct BernoulliLogits;

impl Element for BernoulliLogits {
    #[inline(always)]
    fn at<S: Simd>(s: S, l: S::V, x: S::V) -> (S::V, S::V) {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let minus_size = s.sub(zero, s.abs(l));
        let u = exp_of_nonpositive(s, minus_size);
        // max(l, 0) - l x, NaN for a NaN; fused, so that x = 1 cancels exactly.
        let line = s.fma(s.sub(zero, l), x, s.max(zero, l));
        let value = s.add(line, log1p_of_unit(s, u));
        // sigmoid(l) is 1 / (1 + u) above 0 and u / (1 + u) below: no cancellation on either side.
        let sigmoid = s.div(s.if_greater(l, zero, one, u), s.add(one, u));
        (value, s.sub(sigmoid, x))
    }
}

struct Squared;

impl Element for Squared {
    #[inline(always)]
    fn at<S: Simd>(s: S, p: S::V, x: S::V) -> (S::V, S::V) {
        let d = s.sub(p, x);
        (s.mul(d, d), s.add(d, d))
    }
}
