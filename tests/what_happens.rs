//! docs/what-happens-when.md names a test for each fault: each of these tests exists.

use std::path::{Path, PathBuf};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The last column of each row of the tables in `text`.
fn last_cells(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.map(|row| (row, row.trim_end_matches('|').rsplit('|').next().unwrap().trim()))
}

#[test]
fn each_test_that_the_table_of_faults_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/what-happens-when.md")).unwrap();
    let mut paths = Vec::new();
    ["src", "tests", "crates"].iter().for_each(|dir| sources(&root.join(dir), &mut paths));
    let code: Vec<(PathBuf, String)> =
        paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect();
    let mut named = 0;
    for (row, cell) in last_cells(&text).filter(|(_, cell)| !["test", "exceptions"].contains(cell)) {
        for name in cell.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
            let (place, test) = name.rsplit_once("::").unwrap();
            let file = place.rsplit("::").find(|part| *part != "tests").unwrap();
            let is_test =
                |text: &str| ["", "    "].iter().any(|indent| text.contains(&format!("#[test]\n{indent}fn {test}()")));
            let exists = code.iter().any(|(path, text)| {
                // `file::tests::name`, `folder::file::name`, and the tests of a module in a file of their own.
                let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
                let is_there = parts.any(|part| part.trim_end_matches(".rs") == file)
                    || path.ends_with(format!("{file}_tests.rs"));
                is_there && is_test(text)
            });
            assert!(exists, "{name}, of the row {row}");
            named += 1;
        }
    }
    assert!(named > 50, "{named} tests are named");
}
