//! Rows of tiles below a title, with text beside and below them.

use figure::{Anchor, Color, Figure, FontWeight, Item, TextItem, wrap};

/// A small greyscale image.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) grey: Vec<u8>,
}

/// A sheet under construction.
pub(super) struct Sheet {
    figure: Figure,
    columns: usize,
    scale: usize,
    gap: f64,
    margin: f64,
    headings: Vec<String>,
    /// The top of the next row.
    y: f64,
    /// The right end of the widest row so far.
    right: f64,
}

const EDGE: f64 = 14.0;
const SMALL: f64 = 11.0;
const LINE: f64 = 15.0;
/// The minimum width of title and notes.
const MIN_WIDTH: f64 = 420.0;

impl Sheet {
    /// An empty sheet with `columns` tiles per row, each pixel of a tile `scale` pixels wide.
    pub(super) fn new(title: &str, subtitle: &str, columns: usize, scale: usize) -> Self {
        let mut figure = Figure {
            width: 0.0,
            height: 0.0,
            title: title.to_owned(),
            description: subtitle.to_owned(),
            items: Vec::new(),
        };
        figure.items.push(Item::Text(TextItem::new((EDGE, EDGE + 11.0), title, 15.0).bold()));
        let mut y = EDGE + 18.0;
        for line in wrap(subtitle, SMALL, FontWeight::Regular, MIN_WIDTH) {
            figure.text((EDGE, y + 11.0), line, SMALL, Anchor::Start, Color::Muted);
            y += LINE;
        }
        let headings = Vec::new();
        Sheet { figure, columns, scale, gap: 3.0, margin: 0.0, headings, y: y + 8.0, right: EDGE + MIN_WIDTH }
    }

    /// The same sheet with a left margin for text beside the rows.
    pub(super) fn margin(mut self, width: f64) -> Self {
        self.margin = width;
        self
    }

    /// The same sheet without gaps between tiles.
    pub(super) fn dense(mut self) -> Self {
        self.gap = 0.0;
        self
    }

    /// Headings above the columns of the next row.
    pub(super) fn headings(&mut self, headings: impl Iterator<Item = String>) {
        self.headings = headings.collect();
    }

    /// Adds space above the next row.
    pub(super) fn space(&mut self, height: f64) {
        self.y += height;
    }

    /// Adds a row of tiles with lines of text on the left.
    pub(super) fn row(&mut self, lines: &[String], tiles: Vec<Tile>) {
        self.sparse_row(lines, tiles.into_iter().map(Some).collect());
    }

    /// Adds a row in which columns may be empty.
    pub(super) fn sparse_row(&mut self, lines: &[String], tiles: Vec<Option<Tile>>) {
        let scale = self.scale as f64;
        let Some(height) = tiles.iter().flatten().map(|t| t.height as f64 * scale).reduce(f64::max) else { return };
        let width = tiles.iter().flatten().map(|t| t.width as f64 * scale).fold(0.0, f64::max);
        let x = |i: usize| EDGE + self.margin + i as f64 * (width + self.gap);
        if !self.headings.is_empty() {
            for (i, heading) in std::mem::take(&mut self.headings).into_iter().enumerate() {
                self.figure.text((x(i) + width / 2.0, self.y + 9.0), heading, SMALL, Anchor::Middle, Color::Muted);
            }
            self.y += LINE;
        }
        let first = self.y + height / 2.0 + 4.0 - LINE * (lines.len().max(1) - 1) as f64 / 2.0;
        for (i, line) in lines.iter().enumerate() {
            let at = (EDGE + self.margin - 10.0, first + LINE * i as f64);
            let color = if i == 0 { Color::Text } else { Color::Muted };
            self.figure.text(at, line.clone(), if i == 0 { 12.0 } else { SMALL }, Anchor::End, color);
        }
        for (i, tile) in tiles.into_iter().take(self.columns).enumerate() {
            let Some(Tile { width, height, grey }) = tile else { continue };
            let (at, pixels) = ((x(i), self.y), (width, height));
            self.figure.items.push(Item::Image { at, pixels, scale: self.scale, grey, tooltip: None });
            self.right = self.right.max(at.0 + width as f64 * scale);
        }
        self.y += height + self.gap;
    }

    /// The finished figure, with notes below the rows.
    pub(super) fn finish(mut self, notes: &[String]) -> Figure {
        self.y += 4.0;
        for line in notes.iter().flat_map(|n| wrap(n, SMALL, FontWeight::Regular, self.right - EDGE)) {
            self.figure.text((EDGE, self.y + 11.0), line, SMALL, Anchor::Start, Color::Muted);
            self.y += LINE;
        }
        self.figure.width = self.right + EDGE;
        self.figure.height = self.y + EDGE;
        self.figure
    }
}
