//! Plots and sheets through the real binary: made from records alone, byte-identical every time, and sensible for any
//! runs.

#[path = "support/fake_run.rs"]
mod fake_run;
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fake_run::{FakeRun, many_fake_runs};
use support::World;

const KINDS: [&str; 5] = ["curves", "rate-distortion", "terms", "latents", "floors"];

fn table(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// Width and height of a PNG, from its first chunk.
fn png_size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn one_command_draws_every_kind_as_svg_and_png() {
    let world = World::new();
    world.run(&["--binarize", "static"]).expect(0);
    world.run(&["--binarize", "static", "--reduction", "mean"]).expect(0);
    let done = world.vae_bench(&["plot", "out", "--out", "pictures"]).expect(0);
    for kind in KINDS {
        let svg = text(world.path().join(format!("pictures/{kind}-idx-static-bce.svg")));
        assert!(svg.starts_with("<svg ") && svg.contains("<title") && svg.contains("<desc"), "{kind}");
        assert!(
            !svg.contains("<text") && !svg.contains("font-family"),
            "{kind}: text is drawn as outlines, without a system font"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{kind}");
        let (width, height) = png_size(&world.path().join(format!("pictures/{kind}-idx-static-bce.png")));
        assert!(width > 1000 && height > 500, "{kind}: {width} x {height}");
        assert!(done.stdout.contains(&format!("{kind}-idx-static-bce.svg")), "{}", done.stdout);
    }
    assert_eq!(done.stderr, "");
    // The text is there for screen readers.
    let floors = text(world.path().join("pictures/floors-idx-static-bce.svg"));
    assert!(floors.contains("aria-label=\"R: reconstruction (nats per image)\""), "quantity and unit");
    assert!(floors.contains("effective beta = b / a"));
}

/// The colors of solid marks, by the first word of their tooltips.
fn colors_of_marks(svg: &str) -> std::collections::BTreeMap<String, std::collections::BTreeSet<String>> {
    let mut found: std::collections::BTreeMap<String, std::collections::BTreeSet<String>> = Default::default();
    for mark in svg.split("class=\"pt\"").collect::<Vec<_>>().windows(2) {
        let element = mark[0].rsplit('<').next().unwrap();
        let (Some(fill), Some(title)) = (element.split("fill=\"").nth(1), mark[1].split("<title>").nth(1)) else {
            continue;
        };
        let label = title.split("epoch ").last().unwrap().trim_start_matches(|c: char| c.is_ascii_digit());
        let word = label.trim_start_matches(" test, ").split([',', ':']).next().unwrap().to_owned();
        let shape = element.split(' ').next().unwrap();
        found.entry(word).or_default().insert(format!("{shape} {}", fill.split('"').next().unwrap()));
    }
    found
}

#[test]
fn a_reduction_has_one_color_and_one_mark_in_all_figures_whatever_stands_beside_it() {
    let world = World::new();
    world.run(&[]).expect(0);
    world.run(&["--reduction", "mean"]).expect(0);
    world.vae_bench(&["plot", "out", "--out", "two"]).expect(0);
    world.run(&["--reduction", "batch-sum"]).expect(0);
    world.vae_bench(&["plot", "out", "--out", "three"]).expect(0);
    let mut all: std::collections::BTreeMap<String, std::collections::BTreeSet<String>> = Default::default();
    for (out, kind) in
        [("two", "terms"), ("two", "curves"), ("three", "terms"), ("three", "curves"), ("three", "latents")]
    {
        for (label, styles) in colors_of_marks(&text(world.path().join(format!("{out}/{kind}-idx-bce.svg")))) {
            all.entry(label).or_default().extend(styles);
        }
    }
    for (label, style) in [("sum", "circle #0072b2"), ("mean", "polygon #d55e00"), ("batch-sum", "polygon #008f68")] {
        let styles = all.get(label).unwrap_or_else(|| panic!("{label} in {all:?}"));
        // Inactive latents are hollow.
        let solid: Vec<&String> = styles.iter().filter(|style| !style.ends_with("#ffffff")).collect();
        assert_eq!(solid, [style], "{label}: {all:?}");
    }
}

#[test]
fn the_same_table_gives_the_pinned_bytes_every_time() {
    let world = World::new();
    let csv = table("merged.csv").display().to_string();
    let formats = ["--format", "svg,png,pdf"];
    for out in ["one", "two"] {
        let args = ["plot", &csv, "--kind", "terms,rate-distortion,curves", "--out", out];
        world.vae_bench(&[&args[..], &formats].concat()).expect(0);
    }
    for kind in ["terms", "rate-distortion", "curves"] {
        for extension in ["svg", "png", "pdf"] {
            let name = format!("{kind}-mnist-bce.{extension}");
            let bytes = |out: &str| std::fs::read(world.path().join(out).join(&name)).unwrap();
            assert!(bytes("one") == bytes("two"), "{name}");
        }
    }
    let drawn = text(world.path().join("one/terms-mnist-bce.svg"));
    let pinned = table("terms.svg");
    if std::env::var_os("VAE_BENCH_PIN").is_some() {
        std::fs::write(&pinned, &drawn).unwrap();
    }
    assert!(drawn == text(&pinned), "tests/data/terms.svg has changed; look at it, then pin it with VAE_BENCH_PIN=1");
}

/// Studies of one setting are drawn against that setting without being told.
#[test]
fn what_varies_is_the_horizontal_axis_in_numeric_order() {
    let world = World::new();
    for d in ["10", "2", "4"] {
        world.run(&["--latent-dim", d, "--epochs", "1"]).expect(0);
    }
    world.vae_bench(&["plot", "out", "--kind", "terms", "--out", "p"]).expect(0);
    let svg = text(world.path().join("p/terms-idx-bce.svg"));
    assert!(svg.contains("aria-label=\"number of latents\"") && !svg.contains("beta as written"));
    // Words have places in natural order: 2 before 10.
    let free = world.path().join("free");
    for bits in ["image:10", "image:2", "latent:0.5"] {
        world.run(&["--free-bits", bits, "--epochs", "1", "--out", "free"]).expect(0);
    }
    world.run(&["--epochs", "1", "--out", "free"]).expect(0);
    world.vae_bench(&["plot", free.to_str().unwrap(), "--kind", "terms", "--out", "q"]).expect(0);
    let svg = text(world.path().join("q/terms-idx-bce.svg"));
    let at = |label: &str| svg.find(&format!("aria-label=\"{label}\"")).unwrap_or_else(|| panic!("{label}"));
    assert!(at("none") < at("image:2") && at("image:2") < at("image:10") && at("image:10") < at("latent:0.5"));
}

#[test]
fn any_column_can_be_on_any_axis_as_a_color_or_as_a_panel() {
    let world = World::new();
    for d in ["2", "4"] {
        for reduction in ["sum", "mean"] {
            world.run(&["--latent-dim", d, "--reduction", reduction, "--epochs", "1"]).expect(0);
        }
    }
    let axes = ["--x", "latent-dim", "--y", "kl", "--color", "reduction", "--facet", "seed"];
    let done = world.vae_bench(&[&["plot", "out", "--out", "p"], &axes[..]].concat()).expect(0);
    assert_eq!(done.stdout, "p/kl-against-latent-dim-idx-bce.svg\np/kl-against-latent-dim-idx-bce.png\n");
    let svg = text(world.path().join("p/kl-against-latent-dim-idx-bce.svg"));
    for words in ["seed 1", "K: KL (nats per image)", "number of latents", "sum", "mean"] {
        assert!(svg.contains(&format!("aria-label=\"{words}\"")), "{words}");
    }
    assert_eq!(svg.matches("class=\"pt\"").count(), 4);
    for axes in [&["--x", "recon", "--y", "kl"][..], &["--y", "active-units,objective"], &["--facet", "latent-dim"]] {
        world.vae_bench(&[&["plot", "out", "--out", "q"], axes].concat()).expect(0);
    }
    let done = world.vae_bench(&["plot", "out", "--x", "latent"]).expect(2);
    assert!(done.stderr.contains("did you mean latent-dim"), "{}", done.stderr);
}

#[test]
fn a_panel_for_a_column_of_print_is_a_pdf_of_that_width_with_text_as_text() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    world.run(&["--epochs", "1", "--reduction", "mean"]).expect(0);
    let args = ["--kind", "terms", "--panel", "elbo", "--width", "3.25in", "--format", "pdf,png", "--out", "p"];
    world.vae_bench(&[&["plot", "out"], &args[..]].concat()).expect(0);
    let pdf = std::fs::read(world.path().join("p/terms-idx-bce-elbo.pdf")).unwrap();
    let plain = String::from_utf8_lossy(&pdf);
    assert!(pdf.starts_with(b"%PDF-1.5") && plain.ends_with("%%EOF\n"));
    assert!(plain.contains("/MediaBox [0 0 234 "), "3.25 inches are 234 points");
    assert!(plain.contains("/FontFile2") && plain.contains("/ToUnicode"), "the font is embedded, text can be searched");
    // The table of objects says where they begin.
    let start: usize = plain.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
    assert!(pdf[start..].starts_with(b"xref"));
    for (i, line) in String::from_utf8_lossy(&pdf[start..]).lines().skip(3).enumerate() {
        let Some(at) = line.strip_suffix(" 00000 n ") else { break };
        assert!(pdf[at.parse::<usize>().unwrap()..].starts_with(format!("{} 0 obj", i + 1).as_bytes()), "{line}");
    }
    assert_eq!(png_size(&world.path().join("p/terms-idx-bce-elbo.png")).0, 975, "300 pixels per inch");
    let done = world.vae_bench(&["plot", "out", "--panel", "bound", "--out", "q"]).expect(2);
    done.error_with(&["no such panel", "elbo"]);
    for width in ["wide", "1in", "NaNin", "1e9in", "-3in"] {
        world.vae_bench(&["plot", "out", &format!("--width={width}")]).expect(2);
    }
}

#[test]
fn file_names_stay_the_same_when_another_loss_joins() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let names = |out: &str| {
        let done = world.vae_bench(&["plot", "out", "--kind", "rate-distortion", "--out", out]).expect(0);
        done.stdout.lines().map(|line| line.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let alone = names("one");
    world.run(&["--epochs", "1", "--loss", "mse"]).expect(0);
    let both = names("two");
    assert_eq!(alone, ["rate-distortion-idx-bce.svg", "rate-distortion-idx-bce.png"]);
    assert!(alone.iter().all(|name| both.contains(name)) && both.len() == 4, "{both:?}");
}

#[test]
fn a_single_epoch_has_no_learning_curve() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    world.vae_bench(&["merge", "out", "--final", "--out", "final.csv"]).expect(0);
    let done = world.vae_bench(&["plot", "final.csv", "--kind", "curves"]).expect(1);
    done.error_with(&["one epoch", "without --final"]);
}

#[test]
fn a_merged_table_draws_what_its_runs_draw() {
    let world = World::new();
    world.run(&[]).expect(0);
    world.run(&["--reduction", "mean", "--hidden", "", "--beta", "0.5"]).expect(0);
    world.run(&["--preset", "pytorch-examples", "--hidden", "32", "--optimizer", "sgd", "--lr", "1e-4"]).expect(0);
    world.vae_bench(&["merge", "out", "--out", "table.csv"]).expect(0);
    let kinds = "terms,rate-distortion,curves,floors";
    world.vae_bench(&["plot", "out", "--kind", kinds, "--out", "runs"]).expect(0);
    world.vae_bench(&["plot", "table.csv", "--kind", kinds, "--out", "table"]).expect(0);
    for kind in kinds.split(',') {
        let svg = |from: &str| text(world.path().join(from).join(format!("{kind}-idx-bce.svg")));
        assert!(svg("runs") == svg("table"), "{kind}");
    }
}

#[test]
fn the_table_in_tests_data_has_the_columns_that_merge_writes() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    world.vae_bench(&["merge", "out", "--out", "fresh.csv"]).expect(0);
    let header = |text: String| text.lines().next().unwrap().to_owned();
    assert_eq!(header(text(table("merged.csv"))), header(text(world.path().join("fresh.csv"))));
}

#[test]
fn a_run_whose_latents_cannot_be_read_is_left_out_with_the_reason() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let latents = world.only_run().join("latents.csv");
    std::fs::remove_file(&latents).unwrap();
    std::fs::create_dir(&latents).unwrap();
    world.run(&["--epochs", "1", "--seed", "2"]).expect(0);
    let done = world.vae_bench(&["plot", "out", "--kind", "rate-distortion", "--out", "p"]).expect(0);
    assert!(done.stderr.contains("left out") && done.stderr.contains("latents.csv"), "{}", done.stderr);
}

#[test]
fn runs_that_cannot_be_compared_never_share_axes() {
    let world = World::new();
    for args in [&["--loss", "bce"][..], &["--loss", "mse"], &["--loss", "gaussian"], &["--binarize", "static"]] {
        world.run(args).expect(0);
    }
    let done = world.vae_bench(&["plot", "out", "--kind", "rate-distortion", "--out", "p"]).expect(0);
    for group in ["bce", "mse", "density", "static-bce"] {
        assert!(done.stdout.contains(&format!("p/rate-distortion-idx-{group}.svg")), "{}", done.stdout);
    }
    assert_eq!(done.stdout.lines().count(), 8);
}

#[test]
fn every_one_of_two_hundred_runs_has_its_mark() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    many_fake_runs(&world.only_run(), &world.path().join("many"), 200);
    world.vae_bench(&["plot", "many", "--kind", "rate-distortion", "--out", "p"]).expect(0);
    let svg = text(world.path().join("p/rate-distortion-idx-bce.svg"));
    assert_eq!(svg.matches("class=\"pt\"").count(), 200);
    assert!(svg.contains("200 runs"));
}

#[test]
fn diverged_unfinished_and_single_epoch_runs_are_drawn_or_named_in_a_note() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    world.run(&["--optimizer", "sgd", "--lr", "1e6"]).expect(4);
    let pattern = world.runs().into_iter().find(|run| text(run.join("run.json")).contains("completed")).unwrap();
    let half =
        FakeRun { name: "under-way", reduction: "sum", beta: 1.0, seed: 3, epochs: 2 }.write(&pattern, &world.out());
    let manifest = text(half.join("run.json")).replace("\"completed\"", "\"running\"");
    std::fs::write(half.join("run.json"), manifest).unwrap();
    world.vae_bench(&["plot", "out", "--out", "p"]).expect(0);
    let curves = text(world.path().join("p/curves-idx-bce.svg"));
    assert!(curves.contains("Diverged"), "the note names it");
    let points = text(world.path().join("p/rate-distortion-idx-bce.svg"));
    assert!(points.contains("2 runs are not drawn"), "diverged, and under way");
    // A diverged run alone has no result, and the command says so.
    let diverged = world.runs().into_iter().find(|run| text(run.join("run.json")).contains("\"diverged\"")).unwrap();
    let path = diverged.display().to_string();
    let done = world.vae_bench(&["plot", &path, "--kind", "terms", "--out", "q"]).expect(1);
    done.error_with(&["nothing could be drawn", "no run is finished"]);
}

#[test]
fn a_missing_cell_and_a_damaged_run_are_left_out_with_a_warning() {
    let world = World::new();
    let csv = text(table("merged.csv"));
    let lines: Vec<&str> = csv.lines().collect();
    // The last row of the first run loses its K.
    let mut cells: Vec<&str> = lines[1].split(',').collect();
    let kl = lines[0].split(',').collect::<Vec<_>>().iter().rposition(|c| *c == "kl").unwrap();
    cells[kl] = "";
    let damaged = format!("{}\n{}\n{}\n", lines[0], cells.join(","), lines[2..].join("\n"));
    std::fs::write(world.path().join("t.csv"), damaged).unwrap();
    let done = world.vae_bench(&["plot", "t.csv", "--kind", "terms", "--out", "p"]).expect(0);
    assert!(done.stderr.contains("line 2: `kl` is empty; the row is left out"), "{}", done.stderr);

    world.run(&["--epochs", "1"]).expect(0);
    let whole = world.only_run();
    let broken = world.out().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("run.json"), "{").unwrap();
    let done = world.vae_bench(&["plot", "out", "--kind", "latents", "--out", "p"]).expect(0);
    assert!(done.stderr.contains("left out") && done.stderr.contains("broken"), "{}", done.stderr);
    std::fs::remove_dir_all(whole).unwrap();
    world.vae_bench(&["plot", "out", "--out", "p"]).expect(1).error_with(&["nothing to show", "run.json"]);
}

#[test]
fn any_file_named_as_a_table_is_drawn_or_refused_in_one_line() {
    let world = World::new();
    let header = text(table("merged.csv")).lines().next().unwrap().to_owned();
    let row = text(table("merged.csv")).lines().nth(1).unwrap().to_owned();
    let columns = header.split(',').count();
    for (name, content) in [
        ("empty.csv", String::new()),
        ("words.csv", "a,b\n1,2\n".into()),
        ("header.csv", format!("{header}\n")),
        ("short.csv", format!("{header}\n{}\n", row.split(',').take(columns / 2).collect::<Vec<_>>().join(","))),
        ("metrics.csv", "epoch,split,objective\n1,test,2\n".into()),
    ] {
        std::fs::write(world.path().join(name), content).unwrap();
        world.vae_bench(&["plot", name, "--out", "p"]).expect(1).error_with(&[name]);
    }
    // Not a number, numbers out of range, bytes that are no text, a quote that is never closed.
    let cells: Vec<&str> = row.split(',').collect();
    for odd in ["NaN", "inf", "-inf", "1e308", "-1e308", "1e-320", "0"] {
        let mut cells = cells.clone();
        for i in cells.len() - 9..cells.len() - 1 {
            cells[i] = odd;
        }
        std::fs::write(world.path().join("odd.csv"), format!("{header}\n{}\n\0{row}\n\"", cells.join(","))).unwrap();
        let done = world.vae_bench(&["plot", "odd.csv", "--out", "p"]);
        assert!(done.code == Some(0) || done.code == Some(1), "{odd}: {}", done.stderr);
        assert!(!done.stderr.contains("panicked"), "{odd}: {}", done.stderr);
    }
}

#[test]
fn images_are_painted_at_the_end_of_a_run_and_by_eval_to_the_same_bytes() {
    let world = World::new();
    let done = world.run(&["--latent-dim", "2", "--images"]).expect(0);
    assert!(done.stdout.contains("images"), "{}", done.stdout);
    let images = world.only_run().join("images");
    let sheets = ["reconstructions", "samples", "manifold", "traversals", "codes"];
    let read = || sheets.map(|sheet| std::fs::read(images.join(format!("{sheet}.png"))).unwrap());
    let first = read();
    for sheet in sheets {
        let (width, height) = png_size(&images.join(format!("{sheet}.png")));
        assert!(width > 400 && height > 200, "{sheet}: {width} x {height}");
    }
    std::fs::remove_dir_all(&images).unwrap();
    let run = world.only_run().display().to_string();
    world.vae_bench(&["eval", &run, "--images"]).expect(0);
    assert!(first == read());
    // Models with one and with three latents have no manifold.
    for (d, there) in [("1", 4), ("3", 4)] {
        let out = format!("z{d}");
        world.run(&["--latent-dim", d, "--images", "--epochs", "1", "--out", &out]).expect(0);
        let run = std::fs::read_dir(world.path().join(&out)).unwrap().next().unwrap().unwrap().path();
        assert_eq!(std::fs::read_dir(run.join("images")).unwrap().count(), there);
    }
}

#[test]
fn the_same_digits_go_through_several_runs() {
    let world = World::new();
    world.run(&[]).expect(0);
    world.run(&["--reduction", "mean"]).expect(0);
    let done = world.vae_bench(&["plot", "out", "--kind", "digits", "--out", "p"]).expect(0);
    assert_eq!(done.stdout, "p/digits.svg\np/digits.png\n");
    let svg = text(world.path().join("p/digits.svg"));
    assert_eq!(svg.matches("<image ").count(), 30, "originals, and two rows of ten");
    assert!(svg.contains("effective beta = 784"));
    assert!(svg.contains("aria-label=\"bce.mean() + kl.sum(1).mean()\""), "the loss in one line");
    let binarised = world.run(&["--binarize", "static"]).expect(0);
    drop(binarised);
    let done = world.vae_bench(&["plot", "out", "--kind", "digits", "--out", "p"]).expect(1);
    done.error_with(&["were tested on other images"]);
    let csv = table("merged.csv").display().to_string();
    world.vae_bench(&["plot", &csv, "--kind", "digits"]).expect(1).error_with(&["needs run directories"]);
}

#[test]
fn latents_are_measured_at_the_end_of_a_run_and_sum_to_its_kl() {
    let world = World::new();
    world.run(&[]).expect(0);
    let rows: Vec<f64> =
        world.read("latents.csv").lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let metrics = world.read("metrics.csv");
    let last: f64 = metrics.lines().last().unwrap().split(',').nth(6).unwrap().parse().unwrap();
    assert_eq!(rows.len(), 4);
    assert!((rows.iter().sum::<f64>() / last - 1.0).abs() < 1e-9, "{rows:?} {last}");
    // A run without the file gets it from eval.
    let before = world.read("latents.csv");
    std::fs::remove_file(world.only_run().join("latents.csv")).unwrap();
    world.vae_bench(&["eval", &world.only_run().display().to_string()]).expect(0);
    assert_eq!(world.read("latents.csv"), before);
}

#[cfg(unix)]
#[test]
fn watch_draws_again_when_runs_change_and_ends_on_ctrl_c() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let child = world.command(&["plot", "out", "--kind", "rate-distortion", "--out", "p", "--watch"]).spawn().unwrap();
    let curves = world.path().join("p/rate-distortion-idx-bce.svg");
    let wait = |what: &str, there: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !there() {
            assert!(start.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("no picture", &|| curves.exists());
    let first = text(&curves);
    world.run(&["--epochs", "1", "--reduction", "mean"]).expect(0);
    wait("not drawn again", &|| text(&curves) != first);
    let kill = std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    support::done(child.wait_with_output().unwrap()).expect(0);
}
