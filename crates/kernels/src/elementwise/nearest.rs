//! The nearest entry of a codebook, as a VQ-VAE quantises with it (van den Oord et al. 2017, equations 1 and 2).
//!
//! |z - e|^2 = |z|^2 - 2 (z.e - |e|^2 / 2), so the nearest entry is the one of the largest score z.e - |e|^2 / 2: one
//! matrix product for all vectors and all entries. Of entries at the same score the first one is taken.

use crate::gemm::matmul::{Epilogue, MatRef, matmul};
use crate::simd::{Isa, LANES, Simd, Task, total};
use crate::system::parallel::{elements, rows_per_chunk, run_all};

/// A codebook: entries of `dim` numbers each.
#[derive(Clone, Copy, Debug)]
pub struct Codebook<'a> {
    /// `[entries, dim]`
    pub entries: &'a [f32],
    /// Numbers in an entry.
    pub dim: usize,
}

impl Codebook<'_> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len().checked_div(self.dim).unwrap_or(0)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Buffers of a search.
#[derive(Debug, Default)]
pub struct Scores {
    /// -|e|^2 / 2 of every entry.
    bias: Vec<f32>,
    /// z.e - |e|^2 / 2, `[vectors, entries]`.
    scores: Vec<f32>,
}

/// The number of the entry that is nearest to each of the vectors `z`, `[vectors, dim]`. A vector without a score that is
/// a number gets entry 0.
///
/// # Panics
/// If the codebook is empty or has an entry of another length, or `z` is not `codes.len()` vectors.
pub fn search(isa: Isa, codebook: Codebook, z: &[f32], scores: &mut Scores, codes: &mut [u32]) {
    let Codebook { entries, dim } = codebook;
    let (vectors, count) = (codes.len(), codebook.len());
    assert!(count > 0 && entries.len() == count * dim, "a codebook of {} numbers in entries of {dim}", entries.len());
    assert_eq!(z.len(), elements("the vectors", vectors, dim), "vectors of another length than the entries");
    let Scores { bias, scores } = scores;
    bias.clear();
    bias.extend(entries.chunks_exact(dim).map(|entry| -0.5 * entry.iter().fold(0.0, |sum, e| sum + e * e)));
    scores.resize(elements("the scores", vectors, count), 0.0);
    let (z, entries) = (MatRef::new(z, vectors, dim), MatRef::new(entries, count, dim));
    matmul(isa, z, entries.t(), scores, Epilogue::Bias(bias));
    let rows = rows_per_chunk(count);
    let tasks = scores.chunks(rows * count).zip(codes.chunks_mut(rows));
    run_all(isa, tasks.map(|(scores, codes)| Largest { scores, count, codes }));
}

/// The entries numbered `codes`, one after the other.
///
/// # Panics
/// If a number is out of range, or `out` has not room for as many entries.
pub fn gather(codebook: Codebook, codes: &[u32], out: &mut [f32]) {
    let Codebook { entries, dim } = codebook;
    assert_eq!(out.len(), elements("the entries", codes.len(), dim), "room for another number of entries");
    for (out, &code) in out.chunks_exact_mut(dim.max(1)).zip(codes) {
        out.copy_from_slice(&entries[code as usize * dim..][..dim]);
    }
}

/// The squared distance of each image's vectors from their entries: sum (z - e)^2, `out.len()` images of equal length.
///
/// # Panics
/// If the lengths do not fit together.
pub fn distances(isa: Isa, z: &[f32], quantised: &[f32], out: &mut [f32]) {
    let width = z.len().checked_div(out.len()).unwrap_or(0);
    assert!(z.len() == width * out.len() && z.len() == quantised.len(), "vectors and entries of different lengths");
    let rows = rows_per_chunk(width);
    let tasks = out.chunks_mut(rows).zip(z.chunks(rows * width.max(1)).zip(quantised.chunks(rows * width.max(1))));
    run_all(isa, tasks.map(|(out, (z, quantised))| Distances { z, quantised, width, out }));
}

/// Adds 2 `scale[i]` (z - e) to `grad` for every image i: the gradient of its commitment term in z.
///
/// # Panics
/// If the lengths do not fit together.
pub fn add_commitment_grad(scale: &[f32], z: &[f32], quantised: &[f32], grad: &mut [f32]) {
    let width = z.len().checked_div(scale.len()).unwrap_or(0);
    assert!(z.len() == width * scale.len() && z.len() == quantised.len() && z.len() == grad.len());
    let rows = grad.chunks_exact_mut(width.max(1)).zip(z.chunks_exact(width.max(1)));
    for ((grad, z), (quantised, &scale)) in rows.zip(quantised.chunks_exact(width.max(1)).zip(scale)) {
        for ((grad, z), e) in grad.iter_mut().zip(z).zip(quantised) {
            *grad += 2.0 * scale * (z - e);
        }
    }
}

/// The gradient of the codebook terms in the entries: 2 `scale[i]` (e - z), summed over the vectors of each entry in their
/// order; 0 for an entry that no vector has. `grad` is that of the codebook, `[entries, dim]`.
///
/// # Panics
/// If the lengths do not fit together.
pub fn codebook_grad(scale: &[f32], z: &[f32], quantised: &[f32], codes: &[u32], dim: usize, grad: &mut [f32]) {
    let per_image = codes.len().checked_div(scale.len()).unwrap_or(0);
    assert!(codes.len() == per_image * scale.len() && z.len() == codes.len() * dim && z.len() == quantised.len());
    grad.fill(0.0);
    let vectors = z.chunks_exact(dim.max(1)).zip(quantised.chunks_exact(dim.max(1)));
    for (i, ((z, quantised), &code)) in vectors.zip(codes).enumerate() {
        let scale = 2.0 * scale[i / per_image.max(1)];
        let grad = &mut grad[code as usize * dim..][..dim];
        for ((grad, z), e) in grad.iter_mut().zip(z).zip(quantised) {
            *grad += scale * (e - z);
        }
    }
}

struct Largest<'a> {
    scores: &'a [f32],
    count: usize,
    codes: &'a mut [u32],
}

impl Task for Largest<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (row, code) in self.scores.chunks_exact(self.count).zip(self.codes) {
            let (vectors, rest) = row.as_chunks::<LANES>();
            // In this order of arguments a NaN is never the largest.
            let mut largest = s.splat(f32::NEG_INFINITY);
            for v in vectors {
                largest = s.max(s.load(v), largest);
            }
            let mut lanes = [0.0; LANES];
            s.store(&mut lanes, largest);
            let mut most = f32::NEG_INFINITY;
            for &score in lanes.iter().chain(rest) {
                if score > most {
                    most = score;
                }
            }
            *code = row.iter().position(|&score| score == most).unwrap_or(0) as u32;
        }
    }
}

struct Distances<'a> {
    z: &'a [f32],
    quantised: &'a [f32],
    width: usize,
    out: &'a mut [f32],
}

impl Task for Distances<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (i, out) in self.out.iter_mut().enumerate() {
            let at = i * self.width..(i + 1) * self.width;
            let mut sum = s.sum_zero();
            for (z, e) in self.z[at.clone()].chunks(LANES).zip(self.quantised[at].chunks(LANES)) {
                let gap = s.sub(s.load_head(z), s.load_head(e));
                sum = s.sum_add(sum, s.mul(gap, gap));
            }
            *out = total(s.sum_lanes(sum)) as f32;
        }
    }
}
