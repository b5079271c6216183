//! The shell blocks of README.md and docs/, run as printed, and what they print.
//!
//! Right before a block stands one of three comments, which no page shows:
//!
//! * `<!-- run -->`: a shell block that is run, in the order of the file, in a directory like a clone's;
//! * `<!-- prints -->`: what the block before it writes to stdout; a line `...` stands for any number of lines;
//! * `<!-- not run: REASON -->`: a shell block that needs more than this machine is sure to have.
//!
//! A shell block without one is an error. Blocks are run where MNIST is: `cargo test --release --test readme --
//! --include-ignored` with VAE_BENCH_DATA_DIR set.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::World;

/// README.md and the files of docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
    pages.sort();
    pages.insert(0, root.join("README.md"));
    pages
}

/// What is done with a block.
#[derive(Debug, PartialEq)]
enum Mark {
    Run,
    Prints,
    NotRun,
    None,
}

/// A fenced block of a page.
#[derive(Debug)]
struct Block {
    line: usize,
    language: String,
    mark: Mark,
    text: String,
}

/// The fenced blocks of `page`.
fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut mark = Mark::None;
    let mut lines = page.lines().enumerate();
    while let Some((i, line)) = lines.next() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text: String = body.flat_map(|line| [line, "\n"]).collect();
            found.push(Block { line: i + 1, language: language.to_owned(), mark, text });
            mark = Mark::None;
        } else if line == "<!-- run -->" {
            mark = Mark::Run;
        } else if line == "<!-- prints -->" {
            mark = Mark::Prints;
        } else if line.starts_with("<!-- not run: ") {
            mark = Mark::NotRun;
        } else if !line.is_empty() {
            mark = Mark::None;
        }
    }
    found
}

/// Where `found` departs from `expected`, if it does.
fn departure(found: &str, expected: &str) -> Option<String> {
    let (found, expected): (Vec<&str>, Vec<&str>) =
        (found.lines().map(str::trim_end).collect(), expected.lines().map(str::trim_end).collect());
    fn matches(found: &[&str], expected: &[&str]) -> bool {
        match (expected.first(), found.first()) {
            (None, None) => true,
            (Some(&"..."), _) => (0..=found.len()).any(|skipped| matches(&found[skipped..], &expected[1..])),
            (Some(expected_line), Some(line)) if expected_line == line => matches(&found[1..], &expected[1..]),
            _ => false,
        }
    }
    if matches(&found, &expected) {
        return None;
    }
    let same = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
    let line = |lines: &[&str]| lines.get(same).map_or("nothing".to_owned(), |line| format!("{line:?}"));
    Some(format!("its line {} is {}, the page has {}", same + 1, line(&found), line(&expected)))
}

#[test]
fn every_shell_block_says_whether_it_is_run() {
    let mut unmarked = Vec::new();
    for page in pages() {
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            if block.language == "sh" && matches!(block.mark, Mark::None | Mark::Prints) {
                unmarked.push(format!(
                    "{}:{}: {}",
                    page.display(),
                    block.line,
                    block.text.lines().next().unwrap_or("")
                ));
            }
        }
    }
    assert!(unmarked.is_empty(), "mark with `<!-- run -->` or `<!-- not run: REASON -->`:\n{}", unmarked.join("\n"));
}

/// A directory that holds what a clone holds, with `results` to write to.
fn clone_of_the_repository(world: &World) -> PathBuf {
    let (root, clone) = (Path::new(env!("CARGO_MANIFEST_DIR")), world.path().join("clone"));
    std::fs::create_dir_all(clone.join("results")).unwrap();
    for name in ["experiments", "scripts", "examples", "docs", "pictures"] {
        copy(&root.join(name), &clone.join(name));
    }
    for study in std::fs::read_dir(root.join("results")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = study.file_name().unwrap().to_owned();
        if name != "runs" {
            copy(&study, &clone.join("results").join(name));
        }
    }
    clone
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_name() != "runs" {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// Every file under `dir`, with its size, but for what lies under results/runs, which git ignores.
fn listing(dir: &Path, root: &Path, into: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        if path == root.join("results/runs") {
            continue;
        }
        match path.is_dir() {
            true => listing(&path, root, into),
            false => into.push((path.clone(), entry.metadata().unwrap().len())),
        }
    }
    into.sort();
}

#[test]
#[ignore = "needs MNIST: set VAE_BENCH_DATA_DIR"]
fn the_blocks_of_the_pages_run_as_printed_and_leave_the_clone_clean() {
    let data = PathBuf::from(std::env::var_os("VAE_BENCH_DATA_DIR").expect("set VAE_BENCH_DATA_DIR"));
    let data = std::path::absolute(data).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_vae-bench"));
    let path = std::env::join_paths(
        [program.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut ran = 0;
    for page in pages() {
        let blocks = blocks(&std::fs::read_to_string(&page).unwrap());
        if !blocks.iter().any(|block| block.mark == Mark::Run) {
            continue;
        }
        let world = World::new();
        let clone = clone_of_the_repository(&world);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        listing(&clone, &clone, &mut before);
        let mut printed = String::new();
        for block in blocks {
            let at = format!("{}:{}", page.display(), block.line);
            match block.mark {
                Mark::Run => {
                    let output = Command::new("bash")
                        .args(["-euo", "pipefail", "-c", &block.text])
                        .current_dir(&clone)
                        .env("PATH", &path)
                        .env("COLUMNS", "132")
                        .env("VAE_BENCH_DATA_DIR", &data)
                        .output()
                        .unwrap();
                    let stderr = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{at}: {}\n{stderr}", output.status);
                    printed = String::from_utf8(output.stdout).unwrap();
                    ran += 1;
                }
                Mark::Prints => {
                    if let Some(why) = departure(&printed, &block.text) {
                        panic!("{at}: the block before it prints something else; {why}\n{printed}");
                    }
                }
                Mark::NotRun | Mark::None => {}
            }
        }
        listing(&clone, &clone, &mut after);
        assert_eq!(after, before, "{}: its commands change files that git tracks or would show", page.display());
    }
    assert!(ran > 5, "only {ran} blocks were run");
}

#[test]
fn the_table_of_loss_lines_says_what_explain_says_of_its_flags() {
    let readme = std::fs::read_to_string(pages().remove(0)).unwrap();
    let section = readme.split("## Which loss is yours?").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let world = World::new();
    let mut rows = 0;
    for row in section.lines().filter(|line| line.ends_with("` |")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [.., says, flags] = cells[..] else { panic!("{row}") };
        let flags: Vec<&str> = flags.trim_matches(['`', ' ', '|']).split(' ').collect();
        let explained =
            world.vae_bench(&[&["explain", "--data", "synthetic", "--json"], &flags[..]].concat()).expect(0);
        let explained: serde_json::Value = serde_json::from_str(&explained.stdout).unwrap();
        let column = if says.contains("sigma^2") { "beta_sigma2" } else { "beta_effective" };
        let value = explained[column].as_f64().unwrap();
        let number = says.split([' ', ':']).filter_map(|word| word.parse::<f64>().ok()).next().unwrap();
        assert!((number / value - 1.0).abs() < 5e-3, "{row}: {column} is {value}");
        rows += 1;
    }
    assert_eq!(rows, 6);
}

#[test]
fn three_dots_stand_for_any_number_of_lines() {
    assert_eq!(departure("a\nb\nc\n", "a\n...\nc\n"), None);
    assert_eq!(departure("a\nc\n", "a\n...\nc\n"), None);
    assert!(departure("a\nb\n", "a\n...\nc\n").is_some());
    assert!(departure("a\nb\n", "a\n").unwrap().contains("line 2"));
    let page = "<!-- run -->\n```sh\none\n```\n\ntext\n```\ntwo\n```\n<!-- prints -->\n```\nthree\n```\n";
    let marks: Vec<Mark> = blocks(page).into_iter().map(|block| block.mark).collect();
    assert_eq!(marks, [Mark::Run, Mark::None, Mark::Prints]);
}
