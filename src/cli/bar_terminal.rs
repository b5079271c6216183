//! The terminal under progress bars: a change of its width never costs a line that scrolled past above them.
//!
//! indicatif fills each row to the last column and lets the terminal go on in the next one. A terminal that lays lines out
//! anew when its window changes takes such rows for one long line, and the bar that is cleared next takes rows away from
//! the lines above it. Here each row ends before the last column, with a line break; and where rows of the bars have been
//! broken by a narrower window, the next ones are drawn below in place of over them.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

use crate::terminal::{draw, stderr_size};

/// Bars on stderr, drawn at most `hz` times per second.
pub(super) fn bars_on_stderr(hz: u8) -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(BarTerminal::default()), hz)
}

#[derive(Debug, Default)]
struct BarTerminal(Mutex<Rows>);

/// What has been written, and what waits to be written in one piece.
#[derive(Debug, Default)]
struct Rows {
    out: String,
    /// Characters of the row that is written.
    column: usize,
    /// The row is complete, and its line break is written before the next one.
    ended: bool,
    /// The longest row of this drawing.
    longest: usize,
    /// Rows were broken: nothing is cleared until something is written.
    below: bool,
}

/// Columns and rows of the terminal; those of a small one where they cannot be told.
fn size() -> (usize, usize) {
    stderr_size().unwrap_or((80, 24))
}

impl Rows {
    /// Begins a drawing, `up` rows above; in a new row where rows were broken at `width` columns.
    fn begin(&mut self, up: usize, width: usize) {
        if self.longest > width {
            self.below = true;
            (self.ended, self.column) = (false, 0);
            self.out.push_str("\r\n");
        }
        self.longest = 0;
        if up > 0 && !self.below {
            self.out.push_str(&format!("\x1b[{up}A"));
        }
    }

    fn write(&mut self, text: &str, width: usize) {
        if text == "\r" {
            (self.ended, self.column) = (false, 0);
            self.out.push('\r');
            return;
        }
        if text.is_empty() {
            return;
        }
        self.below = false;
        if self.ended {
            (self.ended, self.column) = (false, 0);
            self.out.push_str("\r\n");
        }
        if text.chars().all(|c| c == ' ') {
            // What fills the row.
            self.out.push_str("\x1b[K");
            self.ended = true;
            return;
        }
        let mut in_code = false;
        for c in text.chars() {
            if in_code || c == '\x1b' {
                in_code = !(in_code && c.is_ascii_alphabetic());
            } else {
                if self.column >= width {
                    self.out.push_str("\r\n");
                    self.column = 0;
                }
                self.column += 1;
                self.longest = self.longest.max(self.column);
            }
            self.out.push(c);
        }
        self.ended = self.column >= width;
    }

    fn clear(&mut self) {
        if !self.below {
            (self.ended, self.column) = (false, 0);
            self.out.push_str("\r\x1b[2K");
        }
    }
}

impl BarTerminal {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for BarTerminal {
    /// One less than there are: the last column stays free.
    fn width(&self) -> u16 {
        u16::try_from(size().0.saturating_sub(1).max(1)).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(size().1).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.rows().begin(n, size().0);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        let mut rows = self.rows();
        if n > 0 && !rows.below {
            rows.out.push_str(&format!("\x1b[{n}B"));
        }
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.rows().out.push_str(&format!("\x1b[{n}C"));
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.rows().out.push_str(&format!("\x1b[{n}D"));
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        let mut rows = self.rows();
        (rows.ended, rows.column) = (false, 0);
        rows.out.push_str("\r\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.rows().write(text, usize::from(self.width()));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.rows().clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        draw(std::mem::take(&mut self.rows().out));
        Ok(())
    }
}

impl Drop for BarTerminal {
    fn drop(&mut self) {
        let mut rows = self.rows();
        if rows.ended {
            rows.out.push_str("\r\n");
        }
        draw(std::mem::take(&mut rows.out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_with_line_breaks_before_the_last_column_and_are_cleared_where_they_are() {
        let mut rows = Rows::default();
        for row in ["done", "bar"] {
            rows.write(row, 9);
            rows.write("      ", 9);
        }
        assert_eq!(std::mem::take(&mut rows.out), "done\x1b[K\r\nbar\x1b[K");
        rows.begin(1, 10);
        rows.clear();
        assert_eq!(std::mem::take(&mut rows.out), "\x1b[1A\r\x1b[2K");
        rows.write("\x1b[31mtwelve\x1b[0m chars", 9);
        assert_eq!(std::mem::take(&mut rows.out), "\x1b[31mtwelve\x1b[0m ch\r\nars");
    }

    #[test]
    fn rows_that_a_narrower_window_has_broken_are_left_alone() {
        let mut rows = Rows::default();
        rows.write("a long bar", 19);
        rows.write("         ", 19);
        rows.out.clear();
        rows.begin(2, 5);
        rows.clear();
        rows.write("bar", 4);
        assert_eq!(rows.out, "\r\nbar");
        rows.out.clear();
        rows.begin(0, 4);
        rows.clear();
        assert_eq!(rows.out, "\r\x1b[2K", "and the next drawing is as usual");
    }
}
