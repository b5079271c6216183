//! What a person sees on a terminal, at several widths, with colours and without: the real binary under `script`.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use support::{World, skipped, small};

/// A terminal of so many columns.
struct Terminal {
    columns: usize,
    term: &'static str,
    no_color: &'static str,
}

const PLAIN: Terminal = Terminal { columns: 80, term: "xterm-256color", no_color: "1" };

/// What the terminal shows of a command, with its escape codes; none where there is no `script` to make one.
fn shown(world: &World, args: &[&str], terminal: &Terminal) -> Option<String> {
    let words: Vec<String> = args.iter().map(|word| format!("'{word}'")).collect();
    let line = format!(
        "stty cols {} rows 50; exec '{}' {}",
        terminal.columns,
        env!("CARGO_BIN_EXE_vae-bench"),
        words.join(" ")
    );
    let plain = world.command(&[]);
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(world.path()).env_clear().stdin(std::process::Stdio::null());
    for (name, value) in std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("VAE_BENCH_")) {
        command.env(name, value);
    }
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("TERM", terminal.term).env("NO_COLOR", terminal.no_color).env("LC_ALL", "C.UTF-8");
    let Ok(output) = command.output() else {
        skipped("install `script` (util-linux)");
        return None;
    };
    Some(String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"))
}

/// What stays on the screen of lines that are replaced: the text after the last return of each line, without escape codes.
fn lines(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A control sequence ends with a letter.
            let _ = chars.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            plain.push(c);
        }
    }
    plain.lines().map(|line| line.rsplit('\r').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_epoch_is_shown_once_and_lines_end_at_words_at_every_width() {
    let world = World::new();
    for (columns, seed) in [(60, "1"), (80, "2"), (171, "3")] {
        let args = small(&["--seed", seed, "--epochs", "3"]);
        let Some(text) = shown(&world, &args, &Terminal { columns, ..PLAIN }) else { return };
        let lines = lines(&text);
        for epoch in 0..=3 {
            // A bar begins with the epoch as well, and has no numbers of a split.
            let count = text.matches(&format!("epoch {epoch}/3   t")).count();
            assert_eq!(count, 1, "epoch {epoch} at {columns}: {text:?}");
        }
        assert!(!lines.iter().any(|line| line.contains("train R  train K")), "{text:?}");
        let after = lines.iter().position(|line| line.starts_with("verdict")).unwrap();
        let path = world.path().display().to_string().len();
        for line in lines[after..].iter().filter(|line| !line.starts_with("records")) {
            assert!(line.chars().count() <= columns.max(path), "{columns}: {line:?}");
        }
        // A finished run has shown no epoch: its table is there.
        let again = shown(&world, &args, &Terminal { columns, ..PLAIN }).unwrap();
        let table: Vec<&str> = again.lines().filter(|line| line.contains("test R")).collect();
        assert!(!table.is_empty() && table[0].len() <= columns, "{again}");
    }
}

#[test]
fn tables_leave_out_columns_and_break_words_on_narrow_terminals() {
    let world = World::new();
    world.run(&["--beta", "1"]).expect(0);
    world.run(&["--beta", "4"]).expect(0);
    let commands: &[&[&str]] = &[
        &["presets"],
        &["ls", "out"],
        &["status", "out"],
        &["compare", "idx-bce-sum-b1", "idx-bce-sum-b4", "--out", "out"],
        &["explain", "--data", "idx", "--data-dir", "data"],
        &["data", "info", "--data", "idx", "--data-dir", "data"],
        &["sweep", "--grid", "betta=1"],
    ];
    for columns in [60, 80, 171] {
        for args in commands {
            let Some(text) = shown(&world, args, &Terminal { columns, ..PLAIN }) else { return };
            for line in text.lines() {
                // A word that is longer than the line, such as a digest or a path, stays whole.
                let is_one_word = line
                    .trim()
                    .split("  ")
                    .last()
                    .map(str::trim)
                    .is_some_and(|last| !last.contains(' ') && last.len() > columns / 3);
                assert!(line.chars().count() <= columns || is_one_word, "{args:?} at {columns}: {line:?}");
            }
        }
    }
}

#[test]
fn a_dumb_terminal_gets_every_line_and_no_bar() {
    let world = World::new();
    let terminal = Terminal { term: "dumb", no_color: "", columns: 100 };
    let Some(text) = shown(&world, &small(&["--epochs", "3"]), &terminal) else { return };
    assert!((0..=3).all(|epoch| text.contains(&format!("epoch {epoch}/3"))), "{text:?}");
    assert!(!text.contains('\u{1b}') && !text.contains('█') && !text.contains("left"), "{text:?}");
}

#[test]
fn verdicts_errors_and_warnings_have_colours_where_they_are_wanted() {
    let world = World::new();
    let run = small(&["--epochs", "1", "--beta", "784"]);
    let wrong = ["--beta", "x"];
    let wanted = Terminal { no_color: "", ..PLAIN };
    let Some(text) = shown(&world, &run, &wanted) else { return };
    assert!(text.contains("\u{1b}[33mnone-active\u{1b}[0m") || text.contains("\u{1b}[1;31mCOLLAPSED"), "{text:?}");
    assert!(shown(&world, &wrong, &wanted).unwrap().starts_with("\u{1b}[1;31merror:\u{1b}[0m"));
    assert!(shown(&world, &["ls", "out"], &wanted).unwrap().contains("\u{1b}["));
    for args in [&run[..], &wrong, &["ls", "out"], &["--help"]] {
        let text = shown(&world, args, &PLAIN).unwrap();
        let colours = text.matches("\u{1b}[3").count() + text.matches("\u{1b}[1;3").count();
        assert_eq!(colours, 0, "{args:?}: {text:?}");
    }
    // Not a terminal: no escape codes, whatever the variables.
    assert!(!world.vae_bench(&["ls", "out"]).expect(0).stdout.contains('\u{1b}'));
}

#[test]
fn the_progress_of_a_run_has_a_rate_with_commas_and_the_time_of_all_epochs() {
    let world = World::new();
    let args = [
        "--data",
        "synthetic",
        "--train-size",
        "20000",
        "--test-size",
        "100",
        "--hidden",
        "16",
        "--epochs",
        "2",
        "--out",
        "out",
    ];
    let Some(text) = shown(&world, &args, &Terminal { columns: 120, ..PLAIN }) else { return };
    assert!(text.contains(" images/s") && text.contains(" left"), "{text:?}");
    let rate = text.split(" images/s").next().unwrap().split_whitespace().last().unwrap().to_owned();
    assert!(rate.chars().all(|c| c.is_ascii_digit() || c == ',') && (rate.len() < 4 || rate.contains(',')), "{rate}");
}

#[test]
fn the_last_words_of_a_sweep_are_the_answer() {
    let world = World::new();
    let args = [&["sweep", "--grid", "beta=4,1"], &small(&["--epochs", "1"])[..]].concat();
    let Some(text) = shown(&world, &args, &Terminal { columns: 60, ..PLAIN }) else { return };
    let lines = lines(&text);
    let header = lines.iter().position(|line| line.contains("test R") && line.contains("verdict")).unwrap();
    assert!(
        lines[header + 1].trim_start().starts_with("1 ") && lines[header + 2].trim_start().starts_with("4 "),
        "{text}"
    );
    assert!(lines[header].len() <= 60);
}

/// A window of `tmux`, which lays its lines out anew when it changes, as most terminals do.
struct Window {
    socket: String,
}

impl Window {
    fn tmux(&self, args: &[&str]) -> Option<String> {
        let output = Command::new("tmux").args(["-L", &self.socket, "-f", "/dev/null"]).args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// All lines, those that were broken at its border in one piece.
    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"]).unwrap_or_default()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

/// What stays in a window whose width changes all the time while the command runs; none where there is no tmux.
fn resized(world: &World, name: &str, args: &[&str]) -> Option<String> {
    let words: Vec<String> = args.iter().map(|word| format!("'{word}'")).collect();
    let binary = env!("CARGO_BIN_EXE_vae-bench");
    let line = format!(
        "cd '{}'; LC_ALL=C.UTF-8 NO_COLOR=1 '{binary}' {}; echo ENDED; exec sleep 600",
        world.path().display(),
        words.join(" ")
    );
    let window = Window { socket: format!("vae-bench-test-{name}-{}", std::process::id()) };
    let started = window.tmux(&["new-session", "-d", "-x", "171", "-y", "50", &line]);
    if started.is_none() || window.tmux(&["list-sessions"]).is_none_or(|sessions| sessions.is_empty()) {
        skipped("install tmux");
        return None;
    }
    for columns in [60, 171, 80, 60, 80, 171].iter().cycle().take(3000) {
        window.tmux(&["resize-window", "-x", &columns.to_string(), "-y", "50"]);
        std::thread::sleep(std::time::Duration::from_millis(60));
        if window.text().lines().any(|line| line.trim() == "ENDED") {
            break;
        }
    }
    window.tmux(&["resize-window", "-x", "171", "-y", "50"]);
    Some(window.text())
}

#[test]
fn no_line_of_a_run_is_lost_in_a_window_that_changes_its_width() {
    let world = World::new();
    let args = small(&["--epochs", "24", "--hidden", "256", "--threads", "1"]);
    let Some(text) = resized(&world, "run", &args) else { return };
    for epoch in 0..=24 {
        let count = text.matches(&format!("epoch {epoch:>2}/24   t")).count();
        assert_eq!(count, 1, "epoch {epoch}: {text}");
    }
    assert!(text.contains("verdict") && text.contains("ENDED"), "{text}");
}

#[test]
fn no_line_of_a_sweep_is_lost_in_a_window_that_changes_its_width() {
    let world = World::new();
    let rest = small(&["--grid", "seed=1..8", "--jobs", "2", "--threads", "1", "--epochs", "10"]);
    let Some(text) = resized(&world, "sweep", &[&["sweep"], &rest[..]].concat()) else { return };
    for seed in 1..=8 {
        let of_seed = |line: &&str| line.starts_with("done ") && line.contains(&format!("-s{seed}-"));
        assert_eq!(text.lines().filter(of_seed).count(), 1, "seed {seed}: {text}");
    }
    assert!(text.contains("8 of 8 runs: 8 done now"), "{text}");
}
