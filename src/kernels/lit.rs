//! A mostly zero matrix as lists of what is not, for [`super::sparse`].

use super::dispatch::Isa;
use super::parallel::{part, run_all};
use super::simd::{LANES, Simd, Task};
use std::ops::Range;

/// Neighbouring rows (or columns) that share a list.
pub(crate) const GROUP: usize = 4;
/// Pieces that the lists of a side are written in.
const LIST_JOBS: usize = 4;

/// A matrix as two sets of lists: for sums along its rows, and for sums down its columns.
#[derive(Clone, Debug, Default)]
pub struct Sparse {
    rows: usize,
    cols: usize,
    pub(crate) by_row: Lists,
    pub(crate) by_col: Lists,
    /// Marks of what is not zero. Bit c % 64 of word c / 64 of each row, ...
    row_bits: Vec<u64>,
    /// ... and bit r % 64 of word r / 64 of each column.
    col_bits: Vec<u64>,
}

/// One list for each group of rows (or columns).
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// Where each list starts, and at last where the last one ends.
    starts: Vec<usize>,
    steps: Vec<Step>,
}

/// A step of the sum at which some row of the group is not zero, and the factors of all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) k: u32,
    pub(crate) x: [f32; GROUP],
}

impl Lists {
    #[inline(always)]
    pub(crate) fn group(&self, group: usize) -> &[Step] {
        &self.steps[self.starts[group]..self.starts[group + 1]]
    }
}

impl Sparse {
    /// Lists the elements of a row-major matrix that are not zero (NaN is not zero).
    ///
    /// # Panics
    /// If `x` is not `rows` x `cols`.
    pub fn new(isa: Isa, x: &[f32], rows: usize, cols: usize) -> Sparse {
        let mut sparse = Sparse::default();
        sparse.set(isa, x, rows, cols);
        sparse
    }

    /// [`Sparse::new`] in the memory of an older one.
    ///
    /// # Panics
    /// If `x` is not `rows` x `cols`.
    pub fn set(&mut self, isa: Isa, x: &[f32], rows: usize, cols: usize) {
        assert_eq!(x.len(), rows * cols, "a {rows} x {cols} matrix needs {} elements, not {}", rows * cols, x.len());
        (self.rows, self.cols) = (rows, cols);
        let (row_words, col_words) = (cols.div_ceil(64), rows.div_ceil(64));
        self.row_bits.clear();
        self.row_bits.resize(rows * row_words, 0);
        self.col_bits.clear();
        self.col_bits.resize(cols * col_words, 0);
        if !x.is_empty() {
            let tasks = x
                .chunks(64 * cols)
                .zip(self.row_bits.chunks_mut(64 * row_words))
                .map(|(x, bits)| Mark { x, cols, bits })
                .collect();
            run_all(isa, tasks);
            transpose_marks(&self.row_bits, row_words, &mut self.col_bits, col_words);
        }
        let measures = vec![
            Measure { bits: &self.row_bits, words: row_words, lines: rows, starts: &mut self.by_row.starts },
            Measure { bits: &self.col_bits, words: col_words, lines: cols, starts: &mut self.by_col.starts },
        ];
        run_all(isa, measures);
        let mut tasks = Vec::with_capacity(2 * LIST_JOBS);
        self.by_row.pieces(|groups, starts, out| {
            tasks.push(Fill {
                x,
                line_step: cols,
                k_step: 1,
                lines: rows,
                bits: &self.row_bits,
                words: row_words,
                groups,
                starts,
                out,
            });
        });
        self.by_col.pieces(|groups, starts, out| {
            tasks.push(Fill {
                x,
                line_step: 1,
                k_step: cols,
                lines: cols,
                bits: &self.col_bits,
                words: col_words,
                groups,
                starts,
                out,
            });
        });
        run_all(isa, tasks);
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// How many elements are not zero. Beyond a third of all, the dense product is faster.
    pub fn lit(&self) -> usize {
        self.row_bits.iter().map(|word| word.count_ones() as usize).sum()
    }
}

impl Lists {
    /// Makes room for lists that end where `starts` says, and hands it out in pieces: the piece's groups, the lists'
    /// starts, and the piece's own steps.
    fn pieces<'a>(&'a mut self, mut piece: impl FnMut(Range<usize>, &'a [usize], &'a mut [Step])) {
        let groups = self.starts.len() - 1;
        let end = self.starts[groups];
        if self.steps.len() < end {
            self.steps.resize(end, Step::default());
        }
        let (starts, mut rest) = (&self.starts, &mut self.steps[..end]);
        for i in 0..LIST_JOBS {
            let groups = part(groups, LIST_JOBS, i);
            let (out, after) = rest.split_at_mut(starts[groups.end] - starts[groups.start]);
            rest = after;
            piece(groups, starts, out);
        }
    }
}

/// Measures the lists of one side.
struct Measure<'a> {
    bits: &'a [u64],
    words: usize,
    lines: usize,
    starts: &'a mut Vec<usize>,
}

impl Task for Measure<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.starts.clear();
        self.starts.push(0);
        let mut end = 0;
        for group in 0..self.lines.div_ceil(GROUP) {
            for word in 0..self.words {
                end += union(self.bits, self.words, self.lines, group, word).count_ones() as usize;
            }
            self.starts.push(end);
        }
    }
}

/// Word `word` of the marks of a group: what is lit in any of its lines.
#[inline(always)]
fn union(bits: &[u64], words: usize, lines: usize, group: usize, word: usize) -> u64 {
    let mut union = 0;
    for line in group * GROUP..(group * GROUP + GROUP).min(lines) {
        union |= bits[line * words + word];
    }
    union
}

/// Writes the lists of some groups.
struct Fill<'a> {
    x: &'a [f32],
    line_step: usize,
    k_step: usize,
    lines: usize,
    bits: &'a [u64],
    words: usize,
    groups: Range<usize>,
    starts: &'a [usize],
    out: &'a mut [Step],
}

impl Task for Fill<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let first = self.starts[self.groups.start];
        for group in self.groups {
            let lines = group * GROUP..(group * GROUP + GROUP).min(self.lines);
            let mut out = self.out[self.starts[group] - first..self.starts[group + 1] - first].iter_mut();
            for word in 0..self.words {
                let mut union = union(self.bits, self.words, self.lines, group, word);
                while union != 0 {
                    let k = word * 64 + union.trailing_zeros() as usize;
                    union &= union - 1;
                    let Some(step) = out.next() else { unreachable!("a list has as many steps as marks") };
                    step.k = k as u32;
                    let at = k * self.k_step + lines.start * self.line_step;
                    if lines.len() < GROUP {
                        step.x = [0.0; GROUP];
                        for i in 0..lines.len() {
                            step.x[i] = self.x[at + i * self.line_step];
                        }
                    } else if self.line_step == 1 {
                        step.x.copy_from_slice(&self.x[at..at + GROUP]);
                    } else {
                        for i in 0..GROUP {
                            step.x[i] = self.x[at + i * self.line_step];
                        }
                    }
                }
            }
        }
    }
}

/// Marks some rows.
struct Mark<'a> {
    x: &'a [f32],
    cols: usize,
    bits: &'a mut [u64],
}

impl Task for Mark<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let words = self.cols.div_ceil(64);
        for (row, bits) in self.x.chunks_exact(self.cols).zip(self.bits.chunks_exact_mut(words)) {
            let (blocks, tail) = row.as_chunks::<64>();
            for (block, word) in blocks.iter().zip(bits.iter_mut()) {
                for (i, x) in block.as_chunks::<LANES>().0.iter().enumerate() {
                    *word |= u64::from(s.nonzero_bits(s.load(x))) << (i * LANES);
                }
            }
            for (i, x) in tail.chunks(LANES).enumerate() {
                bits[words - 1] |= u64::from(s.nonzero_bits(s.load_head(x))) << (i * LANES);
            }
        }
    }
}

/// The marks by column from those by row.
fn transpose_marks(row_bits: &[u64], row_words: usize, col_bits: &mut [u64], col_words: usize) {
    for (i, rows) in row_bits.chunks(64 * row_words).enumerate() {
        for word in 0..row_words {
            let mut block = [0; 64];
            for (block, row) in block.iter_mut().zip(rows.chunks_exact(row_words)) {
                *block = row[word];
            }
            transpose_bits(&mut block);
            let columns = col_bits.chunks_exact_mut(col_words).skip(64 * word);
            for (column, block) in columns.zip(block) {
                column[i] = block;
            }
        }
    }
}

/// Transposes 64 x 64 bits: halves change places, then halves of halves (Hacker's Delight, 7-3, lowest bit first).
fn transpose_bits(x: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0xffff_ffffu64;
    while width > 0 {
        let mut i = 0;
        while i < 64 {
            let swap = (x[i] >> width ^ x[i + width]) & mask;
            x[i] ^= swap << width;
            x[i + width] ^= swap;
            i = (i + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}
