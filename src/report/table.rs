//! A table of aligned columns in plain text.

use std::fmt;

use crate::text::{padded, padded_before, wrap};

/// Cells in columns, the header first.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    /// Columns that begin at the left.
    left: Vec<usize>,
    /// Columns that may be left out where the table is too wide, the least important first.
    optional: Vec<usize>,
}

impl Table {
    /// A table with this header.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Table { rows: vec![header.into_iter().map(Into::into).collect()], left: Vec::new(), optional: Vec::new() }
    }

    /// The same with these columns of words aligned at the left.
    pub fn left(mut self, columns: &[usize]) -> Self {
        self.left = columns.to_vec();
        self
    }

    /// The same with these columns left out where it is too wide, the first one first.
    pub fn optional(mut self, columns: &[usize]) -> Self {
        self.optional = columns.to_vec();
        self
    }

    /// The table in lines of at most `width` characters, as far as that is possible: optional columns are left out, and
    /// named under it, then words in the last column are put on lines of their own.
    pub fn fit(&self, width: Option<usize>) -> String {
        let Some(width) = width else { return self.to_string() };
        let mut left_out: Vec<usize> = Vec::new();
        for &column in &self.optional {
            if self.without(&left_out).width() <= width {
                break;
            }
            left_out.push(column);
        }
        let mut table = self.without(&left_out);
        table.wrap_last(width);
        let mut text = table.to_string();
        if let (Some(header), false) = (self.rows.first(), left_out.is_empty()) {
            left_out.sort_unstable();
            let names: Vec<&str> = left_out.iter().filter_map(|&i| header.get(i)).map(String::as_str).collect();
            text.push_str(&wrap(&format!("(not shown at this width: {})", names.join(", ")), width));
            text.push('\n');
        }
        text
    }

    /// The table without some columns.
    fn without(&self, columns: &[usize]) -> Table {
        let kept = |row: &Vec<String>| {
            row.iter().enumerate().filter(|(i, _)| !columns.contains(i)).map(|(_, cell)| cell.clone()).collect()
        };
        let place = |column: &usize| column - columns.iter().filter(|left_out| *left_out < column).count();
        Table {
            rows: self.rows.iter().map(kept).collect(),
            left: self.left.iter().filter(|column| !columns.contains(column)).map(place).collect(),
            optional: Vec::new(),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |i: usize| self.rows.iter().filter_map(|row| row.get(i)).map(|c| c.chars().count()).max();
        (0..columns).map(|i| width(i).unwrap_or(0)).collect()
    }

    /// Characters of its longest line.
    fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
    }

    /// Breaks the words of the last column, if it begins at the left, so that lines have at most `width` characters.
    fn wrap_last(&mut self, width: usize) {
        /// Narrower columns of words cannot be read.
        const LEAST: usize = 16;
        let widths = self.widths();
        let Some(last) = widths.len().checked_sub(1).filter(|last| self.left.contains(last)) else { return };
        let before: usize = widths[..last].iter().map(|width| width + 2).sum();
        let room = width.saturating_sub(before);
        if room < LEAST || widths[last] <= room {
            return;
        }
        let mut rows = Vec::with_capacity(self.rows.len());
        for mut row in std::mem::take(&mut self.rows) {
            let text = row.get(last).map_or_else(String::new, |cell| wrap(cell, room));
            let mut lines = text.lines();
            if let (Some(cell), Some(first)) = (row.get_mut(last), lines.next()) {
                *cell = first.trim_start().to_owned();
            }
            rows.push(row);
            rows.extend(lines.map(|line| {
                let mut cells = vec![String::new(); last];
                cells.push(line.trim_start().to_owned());
                cells
            }));
        }
        self.rows = rows;
    }

    /// Adds a row; it may be shorter than the header.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate();
            let line: Vec<String> = cells
                .map(
                    |(i, (cell, &width))| {
                        if self.left.contains(&i) { padded(cell, width) } else { padded_before(cell, width) }
                    },
                )
                .collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["beta", "R", "K", "run"]).left(&[3]).optional(&[2]);
        table.row(["1", "85.1", "24.2", "bce sum one two three four"]);
        table.row(["10", "120.5", "9.1", "mse"]);
        table
    }

    #[test]
    fn a_table_that_fits_or_has_no_width_is_whole() {
        let whole = "beta      R     K  run\n   1   85.1  24.2  bce sum one two three four\n  10  120.5   9.1  mse\n";
        assert_eq!(table().fit(None), whole);
        assert_eq!(table().fit(Some(80)), whole);
    }

    #[test]
    fn a_narrow_table_leaves_out_optional_columns_and_breaks_words() {
        let narrow = table().fit(Some(30));
        assert_eq!(
            narrow,
            "beta      R  run\n   1   85.1  bce sum one two\n             three four\n  10  120.5  mse\n(not shown at this width: K)\n"
        );
        for width in 30..90 {
            assert!(table().fit(Some(width)).lines().all(|line| line.chars().count() <= width), "{width}");
        }
    }
}
