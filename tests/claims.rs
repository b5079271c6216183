//! Every number that README.md, results/README.md, results/wild/README.md and docs/ quote from committed results, recomputed.
//!
//! A quoted number carries a mark right behind it, an HTML comment that no page shows:
//!
//! ```text
//! <!-- rows
//! final = results/scaling-mismatch/final.csv split=test
//! bce_sum = final loss=bce reduction=sum
//! -->
//! R is 80.3<!--= mean(bce_sum.recon)--> nats.
//! ```
//!
//! A `rows` comment names sets of rows: a file or another set, and filters `column=value` (also `!=`, `<`, `<=`, `>`, `>=`;
//! numbers compare as numbers). A file is a CSV, a JSON object (one row; nested keys are joined by `_`), or the text of
//! `explain kl` (columns `block`, `label` without spaces, `value`). A mark is one of
//!
//! * `= EXPRESSION`: the number, rounded to the digits shown;
//! * `up: EXPRESSION` or `down: EXPRESSION`: a bound, rounded up or down to the digits shown;
//! * `given`, perhaps with `: WHERE`: a setting, or a number that something else checks.
//!
//! An expression has `+ - * /`, parentheses, numbers, `SET.COLUMN` where all rows of the set agree, and the functions mean,
//! median, min, max, std, sum and count of `SET.COLUMN` or of expressions, and abs.
//!
//! In a paragraph or table that has a mark or names a path under `results/`, every decimal number outside of code needs a
//! mark; after `<!-- every number -->` that holds for every paragraph until the next heading. `VAE_BENCH_PIN=1 cargo test
//! --release --test claims` writes the recomputed numbers into the files and prints every change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The pages that quote numbers.
fn pages(root: &Path) -> Vec<String> {
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut pages: Vec<String> = docs.map(|name| format!("docs/{}", name.to_string_lossy())).collect();
    pages.retain(|page| page.ends_with(".md"));
    pages.sort();
    ["README.md", "results/README.md", "results/wild/README.md"].map(str::to_owned).into_iter().chain(pages).collect()
}

#[test]
fn every_quoted_number_is_what_the_committed_results_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pin = std::env::var_os("VAE_BENCH_PIN").is_some();
    let mut wrong = Vec::new();
    let mut marks = 0;
    for file in pages(root) {
        let text = std::fs::read_to_string(root.join(&file)).unwrap();
        let checked = check(&text, root);
        marks += checked.marks;
        if pin && !checked.rewritten.is_empty() {
            std::fs::write(root.join(&file), rewrite(&text, &checked.rewritten)).unwrap();
        }
        for Replacement { line, shown, found, expression, .. } in &checked.rewritten {
            let message = format!("{file}:{line}: quotes {shown}, the results give {found}: {expression}");
            if pin { println!("{message}; written") } else { wrong.push(message) }
        }
        wrong.extend(checked.errors.iter().map(|(line, why)| format!("{file}:{line}: {why}")));
    }
    assert!(marks > 100, "only {marks} marks: were the comments stripped?");
    assert!(wrong.is_empty(), "{}\n(VAE_BENCH_PIN=1 rewrites numbers)", wrong.join("\n"));
}

/// What a file holds.
#[derive(Default)]
struct Checked {
    marks: usize,
    rewritten: Vec<Replacement>,
    errors: Vec<(usize, String)>,
}

/// A quoted number that differs from the recomputed one.
struct Replacement {
    line: usize,
    start: usize,
    shown: String,
    found: String,
    expression: String,
}

/// How a value becomes the digits shown.
#[derive(Clone, Copy)]
enum Rounding {
    Nearest,
    Up,
    Down,
}

impl Rounding {
    fn digits(self, value: f64, decimals: usize) -> String {
        let scale = 10f64.powi(decimals as i32);
        // A bound that is met to the last bit is met.
        let slack = 1e-9 * (value * scale).abs().max(1.0);
        let rounded = match self {
            Rounding::Nearest => value,
            Rounding::Up => (value * scale - slack).ceil() / scale,
            Rounding::Down => (value * scale + slack).floor() / scale,
        };
        let text = format!("{rounded:.decimals$}");
        if text.trim_matches(['-', '0', '.']).is_empty() { text.trim_start_matches('-').to_owned() } else { text }
    }
}

/// Checks the marks of `text`, whose paths start at `root`.
fn check(text: &str, root: &Path) -> Checked {
    let mut checked = Checked::default();
    let (visible, comments) = masked(text);
    let line_of = |at: usize| 1 + text[..at].matches('\n').count();
    let mut sets = Sets { root: root.to_owned(), rows: BTreeMap::new() };
    for (at, comment) in &comments {
        let Some(definitions) = comment.strip_prefix("rows") else { continue };
        for (i, line) in definitions.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if let Err(why) = sets.define(line) {
                checked.errors.push((line_of(*at) + i, why));
            }
        }
    }
    let mut marked = Vec::new();
    for (at, comment) in &comments {
        let (rounding, expression) = if let Some(expression) = comment.strip_prefix('=') {
            (Some(Rounding::Nearest), expression)
        } else if let Some(expression) = comment.strip_prefix("up:") {
            (Some(Rounding::Up), expression)
        } else if let Some(expression) = comment.strip_prefix("down:") {
            (Some(Rounding::Down), expression)
        } else if comment.starts_with("given") {
            (None, "")
        } else {
            continue;
        };
        checked.marks += 1;
        let line = line_of(*at);
        let Some((start, shown)) = number_before(text, *at) else {
            checked.errors.push((line, format!("no number stands before the mark {comment:?}")));
            continue;
        };
        marked.push(start);
        let Some(rounding) = rounding else { continue };
        match sets.value(expression) {
            Ok(value) => {
                let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                let found = rounding.digits(value, decimals);
                if found != shown {
                    let (shown, expression) = (shown.to_owned(), expression.trim().to_owned());
                    checked.rewritten.push(Replacement { line, start, shown, found, expression });
                }
            }
            Err(why) => checked.errors.push((line, format!("{why}: {}", expression.trim()))),
        }
    }
    for at in unmarked(text, &visible, &comments, &marked) {
        let number: String = text[at..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let why = format!("{number} has no mark (a setting: <!--given-->; a result: see tests/claims.rs)");
        checked.errors.push((line_of(at), why));
    }
    checked
}

/// The text with spaces in place of code, link targets and comments, byte for byte; and the comments, by where they begin.
fn masked(text: &str) -> (Vec<u8>, Vec<(usize, String)>) {
    let mut visible = text.as_bytes().to_vec();
    let mut comments = Vec::new();
    let mut hide = |from: usize, to: usize| {
        visible[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
        let until = |end: &str, skip: usize| {
            text.get(at + skip..).and_then(|rest| rest.find(end)).map_or(text.len(), |i| at + skip + i + end.len())
        };
        let end = if line_start && rest.starts_with(b"```") {
            until("\n```", 3)
        } else if rest.starts_with(b"<!--") {
            let end = until("-->", 4);
            comments.push((at, text[at + 4..end.saturating_sub(3).max(at + 4)].trim().to_owned()));
            end
        } else if rest.starts_with(b"`") {
            until("`", 1)
        } else if rest.starts_with(b"](") {
            until(")", 2)
        } else {
            at += 1;
            continue;
        };
        hide(at, end);
        at = end;
    }
    (visible, comments)
}

/// The number that ends at `at`, emphasis aside, and where it begins.
fn number_before(text: &str, at: usize) -> Option<(usize, &str)> {
    let end = text[..at].trim_end_matches('*').len();
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let mut start = text[..end].trim_end_matches(digits).len();
    let number = &text[start..end];
    number.parse::<f64>().ok()?;
    let before = &text[..start];
    if before.ends_with('-') && !before[..start - 1].ends_with(|c: char| c.is_alphanumeric()) {
        start -= 1;
    }
    Some((start, &text[start..end]))
}

/// Where decimal numbers without a mark begin, in the blocks that must mark them.
fn unmarked(text: &str, visible: &[u8], comments: &[(usize, String)], marked: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    let (mut at, mut strict) = (0, false);
    let ends_of_blocks = text.match_indices("\n\n").map(|(i, _)| i + 2).chain([text.len()]);
    for end in ends_of_blocks {
        let block = at..end;
        let here = |p: usize| block.contains(&p);
        strict &= !text[block.clone()].trim_start().starts_with("## ");
        strict |= comments.iter().any(|(p, comment)| here(*p) && comment == "every number");
        if strict || marked.iter().any(|p| here(*p)) || text[block.clone()].contains("results/") {
            let mut i = at;
            while i < end {
                let length = visible[i..end].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
                let token = std::str::from_utf8(&visible[i..i + length]).unwrap_or_default().trim_end_matches('.');
                let in_a_word = i > 0 && visible[i - 1].is_ascii_alphabetic();
                let decimal = token.contains('.') && token.parse::<f64>().is_ok() && !in_a_word;
                if decimal && !marked.iter().any(|&p| p == i || (p + 1 == i && visible[p] == b'-')) {
                    found.push(i);
                }
                i += length.max(1);
            }
        }
        at = end;
    }
    found
}

/// `text` with the recomputed numbers.
fn rewrite(text: &str, replacements: &[Replacement]) -> String {
    let mut out = text.to_owned();
    let mut last_first: Vec<_> = replacements.iter().collect();
    last_first.sort_by_key(|r| std::cmp::Reverse(r.start));
    for r in last_first {
        out.replace_range(r.start..r.start + r.shown.len(), &r.found);
    }
    out
}

type Row = BTreeMap<String, String>;

/// The named sets of rows of a file.
struct Sets {
    root: PathBuf,
    rows: BTreeMap<String, Vec<Row>>,
}

impl Sets {
    /// `name = file-or-set filter filter`
    fn define(&mut self, line: &str) -> Result<(), String> {
        let (name, rest) = line.split_once('=').ok_or_else(|| format!("no definition: {line:?}"))?;
        let mut parts = rest.split_whitespace();
        let from = parts.next().ok_or_else(|| format!("no file or set: {line:?}"))?;
        let mut rows = match self.rows.get(from) {
            Some(rows) => rows.clone(),
            None => read(&self.root.join(from)).map_err(|why| format!("{from}: {why}"))?,
        };
        for filter in parts {
            let (column, comparison, wanted) = ["!=", "<=", ">=", "=", "<", ">"]
                .iter()
                .find_map(|c| filter.split_once(c).map(|(column, wanted)| (column, *c, wanted)))
                .ok_or_else(|| format!("no filter: {filter:?}"))?;
            if rows.iter().any(|row| !row.contains_key(column)) {
                return Err(format!("{from} has no column {column:?}"));
            }
            rows.retain(|row| holds(&row[column], comparison, wanted));
        }
        if rows.is_empty() {
            return Err(format!("no row: {}", line.trim()));
        }
        match self.rows.insert(name.trim().to_owned(), rows) {
            None => Ok(()),
            Some(_) => Err(format!("{} is defined twice", name.trim())),
        }
    }

    fn value(&self, expression: &str) -> Result<f64, String> {
        let mut parser = Parser { sets: self, rest: expression.trim() };
        let value = parser.sum().and_then(Value::one)?;
        if parser.rest.is_empty() { Ok(value) } else { Err(format!("not understood from {:?}", parser.rest)) }
    }
}

fn holds(cell: &str, comparison: &str, wanted: &str) -> bool {
    let order = match (cell.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(cell), Ok(wanted)) => cell.partial_cmp(&wanted),
        _ => Some(cell.cmp(wanted)),
    };
    match comparison {
        "=" => order.is_some_and(|o| o.is_eq()),
        "!=" => order.is_some_and(|o| o.is_ne()),
        "<" => order.is_some_and(|o| o.is_lt()),
        "<=" => order.is_some_and(|o| o.is_le()),
        ">" => order.is_some_and(|o| o.is_gt()),
        _ => order.is_some_and(|o| o.is_ge()),
    }
}

/// The rows of a file.
fn read(path: &Path) -> Result<Vec<Row>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .map_err(|e: csv::Error| e.to_string()),
        Some("json") => {
            let mut row = Row::new();
            flatten("", &serde_json::from_str(&text).map_err(|e| e.to_string())?, &mut row);
            Ok(vec![row])
        }
        Some("txt") => Ok(labelled_values(&text)),
        _ => Err("neither .csv, .json nor .txt".to_owned()),
    }
}

fn flatten(prefix: &str, value: &serde_json::Value, row: &mut Row) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}_{key}") };
                flatten(&name, value, row);
            }
        }
        serde_json::Value::String(text) => drop(row.insert(prefix.to_owned(), text.clone())),
        other => drop(row.insert(prefix.to_owned(), other.to_string())),
    }
}

/// The lines `  label   value ...` of `explain kl`; each line without indentation begins a block, counted from 1.
fn labelled_values(text: &str) -> Vec<Row> {
    let mut block = 0;
    let mut rows = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            block += 1;
        } else if let Some((label, rest)) = line.trim_start().split_once("  ") {
            let value = rest.split_whitespace().next().unwrap_or_default();
            let cells = [("block", block.to_string()), ("label", label.replace(' ', "")), ("value", value.to_owned())];
            rows.push(cells.map(|(column, cell)| (column.to_owned(), cell)).into());
        }
    }
    rows
}

/// A number, or the numbers of a column.
enum Value {
    Number(f64),
    Column(Vec<f64>),
}

impl Value {
    fn one(self) -> Result<f64, String> {
        match self {
            Value::Number(value) => Ok(value),
            Value::Column(values) => match values.split_first() {
                Some((first, rest)) if rest.iter().all(|value| value == first) => Ok(*first),
                _ => Err(format!("{} numbers where one is needed", values.len())),
            },
        }
    }

    fn all(self) -> Vec<f64> {
        match self {
            Value::Number(value) => vec![value],
            Value::Column(values) => values,
        }
    }
}

/// Reads an expression from its left end.
struct Parser<'a> {
    sets: &'a Sets,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, symbol: char) -> bool {
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn word(&mut self, part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut left = self.product()?;
        loop {
            left = match (self.take('+'), self.rest.starts_with('-')) {
                (true, _) => Value::Number(left.one()? + self.product()?.one()?),
                (false, true) => {
                    self.take('-');
                    Value::Number(left.one()? - self.product()?.one()?)
                }
                (false, false) => return Ok(left),
            };
        }
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut left = self.atom()?;
        loop {
            if self.take('*') {
                left = Value::Number(left.one()? * self.atom()?.one()?);
            } else if self.take('/') {
                left = Value::Number(left.one()? / self.atom()?.one()?);
            } else {
                return Ok(left);
            }
        }
    }

    fn atom(&mut self) -> Result<Value, String> {
        if self.take('(') {
            let inner = self.sum()?;
            return if self.take(')') { Ok(inner) } else { Err("a parenthesis is open".to_owned()) };
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let number = self.word(|c| c.is_ascii_digit() || c == '.');
            return number.parse().map(Value::Number).map_err(|_| format!("{number} is no number"));
        }
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.take('(') {
            let mut values = self.sum()?.all();
            while self.take(',') {
                values.extend(self.sum()?.all());
            }
            if !self.take(')') {
                return Err(format!("{name}( is not closed"));
            }
            return aggregate(name, values).map(Value::Number);
        }
        if !self.take('.') {
            return Err(format!("{name:?} is neither SET.COLUMN nor a function"));
        }
        let column = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        let rows = self.sets.rows.get(name).ok_or_else(|| format!("no set of rows is called {name}"))?;
        let cell = |row: &Row| {
            let cell = row.get(column).ok_or_else(|| format!("{name} has no column {column}"))?;
            cell.parse::<f64>().map_err(|_| format!("{name}.{column} has the cell {cell:?}"))
        };
        rows.iter().map(cell).collect::<Result<_, _>>().map(Value::Column)
    }
}

fn aggregate(function: &str, mut values: Vec<f64>) -> Result<f64, String> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Ok(match function {
        "mean" => mean,
        "sum" => values.iter().sum(),
        "count" => n,
        "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "std" => (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt(),
        "median" => {
            values.sort_by(f64::total_cmp);
            (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
        }
        "abs" if values.len() == 1 => values[0].abs(),
        other => return Err(format!("no function is called {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with `text` beside a table of K by epoch: 1.25, 2.25 and 4.
    fn findings(text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.csv"), "epoch,kl,recon\n1,1.25,\n2,2.25,\n3,4.0,\n").unwrap();
        std::fs::write(dir.path().join("t.json"), "{\"a\": {\"b\": 0.5}, \"c\": null}").unwrap();
        std::fs::write(dir.path().join("t.txt"), "KL one\n  sum / 2    1.125 nats\nKL two\n  sum / 2    0.8\n")
            .unwrap();
        let rows = "<!-- rows\nall = t.csv\nlate = all epoch>=2\nj = t.json\nkl = t.txt block=2 label=sum/2\n-->\n\n";
        let checked = check(&format!("{rows}{text}"), dir.path());
        let wrong = checked.rewritten.into_iter().map(|r| format!("{} -> {}", r.shown, r.found));
        wrong.chain(checked.errors.into_iter().map(|(line, why)| format!("{line}: {why}"))).collect()
    }

    #[test]
    fn numbers_that_the_table_gives_pass() {
        assert_eq!(
            findings("K **2.5**<!--= mean(all.kl)--> (1.2<!--down: min(all.kl)--> to 4.0<!--= max(all.kl)-->)"),
            [""; 0]
        );
        assert_eq!(findings("-1.75<!--= mean(all.kl) - 4.25--> and 3<!--= count(all.kl)-->"), [""; 0]);
        assert_eq!(findings("0.78<!--= median(late.kl) / 4--> 0.5<!--= j.a_b--> 0.80<!--= kl.value-->"), [""; 0]);
        assert_eq!(findings("no mark, no rule: 1.89\n\nbut 0.3<!--given--> of `beta 0.7`\n\n```\n1.5\n```\n"), [""; 0]);
    }

    #[test]
    fn wrong_numbers_missing_marks_and_missing_rows_are_found() {
        assert_eq!(findings("2.6<!--= mean(all.kl)-->"), ["2.6 -> 2.5"]);
        assert_eq!(findings("within 1.2<!--up: min(all.kl)-->"), ["1.2 -> 1.3"]);
        for (text, word) in [
            ("2.5<!--= mean(all.kl)--> and 7.5", "7.5 has no mark"),
            ("<!-- every number -->\n\nso 7.5 it is", "7.5 has no mark"),
            ("see results/x: 7.5", "7.5 has no mark"),
            ("K<!--= mean(all.kl)-->", "no number stands before"),
            ("2.5<!--= all.kl-->", "3 numbers where one is needed"),
            ("2.5<!--= mean(none.kl)-->", "no set of rows is called none"),
            ("2.5<!--= mean(all.recon)-->", "has the cell \"\""),
            ("<!-- rows\nx = all epoch=9\n-->", "no row"),
        ] {
            let found = findings(text);
            assert!(found.len() == 1 && found[0].contains(word), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_rewritten_file_has_the_recomputed_numbers_and_nothing_else_changed() {
        let replacement = |start, shown: &str, found: &str| Replacement {
            line: 1,
            start,
            shown: shown.to_owned(),
            found: found.to_owned(),
            expression: String::new(),
        };
        let text = "a 9.5 b 10 c";
        assert_eq!(rewrite(text, &[replacement(2, "9.5", "10.5"), replacement(8, "10", "9")]), "a 10.5 b 9 c");
    }
}
