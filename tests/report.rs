//! The page: one file, true to the records, safe with any name, and working in a real browser.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/fake_run.rs"]
mod fake_run;
mod support;

use std::path::{Path, PathBuf};

use browser::Browser;
use fake_run::{FakeRun, many_fake_runs, verdict};
use serde_json::{Value, json};
use support::World;

const EVIL: &str = "<script>window.evil = 1</script>'\"&<img src=x onerror=evil()>";

fn page(world: &World) -> String {
    std::fs::read_to_string(world.path().join("report.html")).unwrap()
}

/// Two real runs, one of them with images, and a fake run with a script in every text.
fn three_runs() -> World {
    let world = World::new();
    world.run(&["--images"]).expect(0);
    let pattern = world.only_run();
    world.run(&["--reduction", "mean"]).expect(0);
    let evil = FakeRun { name: "evil", reduction: "sum", beta: 3.0, seed: 9, epochs: 2 }.write(&pattern, &world.out());
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(evil.join("run.json")).unwrap()).unwrap();
    manifest["run"] = json!(EVIL);
    manifest["argv"] = json!(["vae-bench", EVIL]);
    manifest["host"]["name"] = json!(EVIL);
    std::fs::write(evil.join("run.json"), manifest.to_string()).unwrap();
    world.vae_bench(&["report", "out", "--out", "report.html"]).expect(0);
    world
}

#[test]
fn the_page_says_what_was_run_and_what_the_results_are() {
    let world = three_runs();
    let page = page(&world);
    for words in ["3 runs", "effective beta 784", "Skip to the findings", "as optimised", "configuration"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("data:image/png;base64,"), "the sheets of the run that has them");
    assert!(page.contains("2 of 3 runs have no images."));
    assert!(!page.contains("http-equiv=\"refresh\""));
}

#[test]
fn text_from_files_never_becomes_markup() {
    let page = page(&three_runs());
    assert!(!page.contains("<script>window") && !page.contains("<img src=x"));
    assert!(page.contains("&lt;script&gt;window.evil"));
}

#[test]
fn the_page_requests_nothing() {
    let page = page(&three_runs());
    for word in ["http://", "https://", "src=\"/", "@import", "url(/", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_run_is_repeated_by_the_command_that_the_page_shows() {
    let world = World::new();
    world.run(&["--reduction", "mean", "--hidden", "", "--loss", "gaussian", "--sigma2", "0.5"]).expect(0);
    world.run(&["--preset", "beta-vae", "--hidden", "16,8"]).expect(0);
    world.vae_bench(&["report", "out"]).expect(0);
    let page = page(&world);
    let commands: Vec<String> = page
        .split("<pre tabindex=\"0\">")
        .skip(1)
        .map(|rest| {
            rest.split("</pre>").next().unwrap().replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&")
        })
        .collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        assert!(command.starts_with("vae-bench --"), "{command}");
        let binary = format!("'{}'", env!("CARGO_BIN_EXE_vae-bench"));
        let line = command.replacen("vae-bench", &binary, 1) + " --out out";
        // The place of the data is no part of a page that is shown to others.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).current_dir(world.path()).env("VAE_BENCH_DATA_DIR", world.path().join("data"));
        let done = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(stderr.contains("this run was finished before"), "{command}: {stderr}");
    }
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn a_page_of_a_hundred_runs_is_below_five_megabytes() {
    let world = World::new();
    world.run(&["--images"]).expect(0);
    let pattern = world.only_run();
    many_fake_runs(&pattern, &world.path().join("many"), 100);
    for entry in std::fs::read_dir(world.path().join("many")).unwrap() {
        let images = entry.unwrap().path().join("images");
        std::fs::create_dir(&images).unwrap();
        for sheet in ["reconstructions.png", "samples.png"] {
            std::fs::copy(pattern.join("images").join(sheet), images.join(sheet)).unwrap();
        }
    }
    world.vae_bench(&["report", "many"]).expect(0);
    let page = page(&world);
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(page.contains("more sheets are in"), "a note tells that sheets were left out");
    assert_eq!(page.matches("<tr class=\"run\"").count(), 100);
}

#[test]
fn the_page_of_a_merged_table_says_that_there_are_no_images() {
    let world = World::new();
    let csv = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/merged.csv").display().to_string();
    world.vae_bench(&["report", &csv]).expect(0);
    let page = page(&world);
    assert!(page.contains("None of these runs has images."));
    assert!(page.contains("a merged table does not hold the KL of every latent"));
}

/// The fake run `name` with this reduction and beta below `out`.
fn fake(world: &World, pattern: &Path, name: &str, reduction: &str, beta: f64) -> PathBuf {
    FakeRun { name, reduction, beta, seed: 1, epochs: 2 }.write(pattern, &world.path().join("fake"))
}

/// Replaces the verdict in the `run.json` of a fake run.
fn judge(run: &Path, verdict: Value) {
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap();
    manifest["verdict"] = verdict;
    std::fs::write(run.join("run.json"), manifest.to_string()).unwrap();
}

fn page_of_fakes(world: &World) -> String {
    world.vae_bench(&["report", "fake", "--out", "report.html"]).expect(0);
    page(world)
}

/// Before, the page said "the largest of a run that did not is 7840" of an untrained run with K 0.
#[test]
fn an_untrained_run_is_no_run_that_did_not_collapse() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let pattern = world.only_run();
    fake(&world, &pattern, "active", "sum", 0.5);
    fake(&world, &pattern, "collapsed", "sum", 1000.0);
    let untrained = fake(&world, &pattern, "untrained", "sum", 7840.0);
    judge(&untrained, verdict("none-active", "above"));
    let page = page_of_fakes(&world);
    let sentence = "All runs with effective beta 1000 or more collapsed, and none with 0.5 or less. \
                    1 run is not counted, because its latents were not judged.";
    assert!(page.contains(sentence), "{page}");
    assert!(!page.contains("is 7840"));
}

#[test]
fn where_the_weights_of_collapsed_and_other_runs_overlap_the_page_names_no_threshold() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let pattern = world.only_run();
    fake(&world, &pattern, "a", "sum", 0.5);
    let collapsed = fake(&world, &pattern, "b", "sum", 0.6);
    judge(&collapsed, verdict("none-active", "at"));
    fake(&world, &pattern, "c", "sum", 0.7);
    let page = page_of_fakes(&world);
    assert!(page.contains("3 runs: 2 all active, 1 collapsed."));
    for claim in ["or more collapsed", "Runs collapsed at", "All runs collapsed"] {
        assert!(!page.contains(claim), "{claim}");
    }
}

/// Before, the page said of any runs that they lie on one curve.
#[test]
fn how_well_reductions_agree_at_one_effective_weight_is_measured_on_the_runs() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let pattern = world.only_run();
    fake(&world, &pattern, "sum", "sum", 2.0);
    let page = page_of_fakes(&world);
    for claim in ["one curve", "fall together", "under different reductions"] {
        assert!(!page.contains(claim), "one run shows nothing about reductions: {claim}");
    }
    let mean = fake(&world, &pattern, "mean", "mean", 2.0 / 784.0);
    shift_last_row(&mean, 0.5, -0.25);
    // Another effective weight: no pair.
    fake(&world, &pattern, "other", "sum", 3.0);
    let page = page_of_fakes(&world);
    let sentence = "1 pair of runs has the same effective beta under different reductions; the largest differences are \
                    0.5 in R and 0.25 in K.";
    assert!(page.contains(sentence), "{page}");
    assert!(!page.contains("one curve") && !page.contains("fall together"));
}

/// A VQ-VAE of one epoch below `out`.
fn train_vq(world: &World, flags: &[&str]) {
    let base = ["--model", "vq-vae", "--codes", "2", "--code-dim", "4", "--codebook-size", "8", "--epochs", "1"];
    world.run(&[&base, flags].concat()).expect(0);
}

#[test]
fn a_page_of_vq_vaes_says_what_the_ratio_leaves_and_how_many_entries_are_used() {
    let world = World::new();
    train_vq(&world, &["--commitment-cost", "0.01"]);
    train_vq(&world, &["--commitment-cost", "1"]);
    train_vq(&world, &["--commitment-cost", "1", "--codebook-update", "ema"]);
    world.vae_bench(&["report", "out", "--out", "report.html"]).expect(0);
    let page = page(&world);
    // N ln K = 2 ln 8.
    let sentence = "With rho from 0.01 to 1 the rate of the VQ-VAEs is N ln K = 4.2 nats in every run; R goes from ";
    assert!(page.contains(sentence), "{page}");
    assert!(page.contains(" of 3 VQ-VAEs use every codebook entry; the fewest in use are "));
    for heading in ["rho", "entries used", "C", "perplexity"] {
        assert!(page.contains(&format!("<th class=\"n\" scope=\"col\">{heading}</th>")), "{heading}");
    }
    // What follows from the update of the codebook is no part of a name.
    assert!(page.contains("commitment cost 1, ema codebook") && page.contains("commitment cost 1, gradient codebook"));
    for word in ["scope=\"col\">active<", "scope=\"col\">effective beta<", "b · K", "codebook decay", "runs collapsed"]
    {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_page_of_both_families_begins_with_the_plane_and_the_lowest_bound_of_each() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    train_vq(&world, &[]);
    world.vae_bench(&["report", "out", "--out", "report.html"]).expect(0);
    let page = page(&world);
    let opening = &page[page.find("id=\"main\"").unwrap()..page.find("id=\"plots\"").unwrap()];
    assert!(
        opening.contains(" for a VAE, at effective beta 1 and ") && opening.contains(" for a VQ-VAE, at rho 0.25.")
    );
    assert!(opening.contains("The VQ-VAE uses ") && opening.contains(" of 8 codebook entries."));
    assert!(opening.contains("Rate against distortion"), "{opening}");
    for heading in ["effective beta", "rho", "latents or entries in use"] {
        assert!(page.contains(&format!("<th class=\"n\" scope=\"col\">{heading}</th>")), "{heading}");
    }
}

/// Adds to R and K in the last row of `metrics.csv`, which is of the test images.
fn shift_last_row(run: &Path, recon: f64, kl: f64) {
    let path = run.join("metrics.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, last) = text.trim_end().rsplit_once('\n').unwrap();
    let header: Vec<&str> = head.lines().next().unwrap().split(',').collect();
    let cells = last.split(',').zip(&header).map(|(cell, column)| match *column {
        "recon" => (cell.parse::<f64>().unwrap() + recon).to_string(),
        "kl" => (cell.parse::<f64>().unwrap() + kl).to_string(),
        _ => cell.to_owned(),
    });
    let last = cells.collect::<Vec<_>>().join(",");
    std::fs::write(&path, format!("{head}\n{last}\n")).unwrap();
}

#[test]
fn in_a_browser_it_loads_sorts_filters_and_shows_values() {
    let Some(browser) = Browser::open() else { return };
    let world = three_runs();
    browser.size(1280, 900);
    browser.requests();
    browser.visit(&world.path().join("report.html"));
    assert_eq!(browser.eval("return window.evil"), Value::Null);
    assert_eq!(browser.eval("return document.querySelectorAll('img[src=x]').length"), 0);

    // Sorting by click: numbers as numbers, in both directions.
    let place = |name: &str| {
        let script = format!(
            "return [...document.querySelectorAll('#table thead th')].findIndex((h) => h.dataset.name === '{name}')"
        );
        browser.eval(&script).as_u64().unwrap_or_else(|| panic!("{name}"))
    };
    let at = place("effective beta");
    let effective = format!("#table thead th:nth-child({}) button", at + 1);
    let shown = format!(
        "return [...document.getElementById('table').tBodies].filter((b) => !b.hidden).map((b) => b.rows[0].cells[{at}].textContent.trim())"
    );
    let column = shown.as_str();
    browser.click(&effective);
    assert_eq!(browser.eval(column), json!(["1", "3", "784"]));
    browser.click(&effective);
    assert_eq!(browser.eval(column), json!(["784", "3", "1"]));
    assert_eq!(browser.eval("return document.querySelectorAll('th[aria-sort=descending]').length"), 1);

    // Conditions on columns, and words that are whole cells.
    let filter = |text: &str| {
        browser.eval(&format!(
            "const f = document.getElementById('filter'); f.value = {}; f.dispatchEvent(new Event('input')); return 0",
            json!(text)
        ));
        browser.eval(column)
    };
    for (text, rows) in [
        ("effective beta = 784", json!(["784"])),
        ("effective beta=78", json!([])),
        ("mean 784", json!(["784"])),
        ("effective beta > 1", json!(["784", "3"])),
        ("reduction = sum, effective-beta <= 1", json!(["1"])),
        ("reduction=mean effective beta=784", json!(["784"])),
        ("verdict != collapsed", json!(["784", "3", "1"])),
        ("784", json!(["784"])),
        ("78", json!([])),
    ] {
        assert_eq!(filter(text), rows, "{text}");
    }
    assert_eq!(filter("reduction=mean"), json!(["784"]));
    assert_eq!(browser.eval("return document.getElementById('count').textContent"), "1 of 3 runs");
    assert_eq!(browser.eval("return location.hash"), "#filter=reduction%3Dmean");
    browser.click("#csv");
    let csv = browser.eval("return document.getElementById('download').dataset.csv");
    let lines: Vec<&str> = csv.as_str().unwrap().lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("run,loss,reduction,beta,effective beta")
            && lines[1].contains(",784,"),
        "{csv}"
    );
    filter("reduction = wrong");
    assert_eq!(browser.eval("return document.getElementById('count').textContent"), "0 of 3 runs");
    filter("colour = 3");
    assert!(
        browser
            .eval("return document.getElementById('count').textContent")
            .as_str()
            .unwrap()
            .contains("no column “colour”")
    );
    filter("");

    // The settings of a run fold out below its row, and its address opens them.
    let hidden = "return document.getElementById('table').tBodies[0].rows[1].hidden";
    assert_eq!(browser.eval(hidden), true);
    browser.click("#table tbody .open");
    assert_eq!(browser.eval(hidden), false);
    browser.click("#table tbody .open");
    assert_eq!(browser.eval(hidden), true);
    browser.eval("location.hash = document.getElementById('table').tBodies[0].id");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(browser.eval(hidden), false);

    // Tooltips by mouse and by keyboard.
    let tip = "const t = document.getElementById('tip'); return [getComputedStyle(t).visibility, t.textContent]";
    browser.point_at("figure .wide svg .pt");
    let shown = browser.eval(tip);
    assert_eq!(shown[0], "visible");
    assert!(shown[1].as_str().unwrap().contains("effective beta"), "{shown}");
    browser.keys("figure svg", "\u{e014}");
    assert_eq!(browser.eval(tip)[0], "visible");
    browser.screenshot("report-1280-tip.png");
    browser.keys("figure svg", "\u{e00c}");
    assert_eq!(browser.eval(tip)[0], "hidden");

    // The page was the only request, and the log is empty.
    let requests = browser.requests();
    assert!(requests.len() == 1 && requests[0].starts_with("file:///"), "{requests:?}");
    let log = browser.log("browser");
    assert!(log.is_empty(), "{log:?}");

    // On a phone only tables and plots are wider than the screen, and they scroll inside the page.
    for (scheme, background) in [("light", "rgb(245, 246, 248)"), ("dark", "rgb(12, 14, 17)")] {
        browser.scheme(scheme);
        assert_eq!(browser.eval("return getComputedStyle(document.body).backgroundColor"), background);
        for (width, height) in [(1280, 900), (390, 844)] {
            browser.size(width, height);
            let wide = browser.eval("return document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} at {width}");
            for part in ["main", "plots", "findings", "runs", "images", "settings"] {
                browser.eval(&format!("document.getElementById('{part}').scrollIntoView()"));
                browser.screenshot(&format!("report-{width}-{scheme}-{part}.png"));
            }
        }
    }
}

#[test]
fn configurations_of_one_weight_come_by_name_and_the_headline_says_which_is_best() {
    let world = World::new();
    for bits in ["image:2", "image:10", "latent:0.5"] {
        for seed in ["1", "2"] {
            world.run(&["--epochs", "1", "--free-bits", bits, "--seed", seed]).expect(0);
        }
    }
    world.vae_bench(&["report", "out", "--out", "report.html"]).expect(0);
    let page = page(&world);
    let headline = page.split("<h1").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap();
    assert!(headline.contains("The lowest") && headline.contains(", seed "), "{headline}");
    assert!(headline.contains("free bits ") && !headline.contains("bce-sum-b1"), "a setting, not a hash: {headline}");
    let findings = page.split("id=\"findings\"").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    let places = ["image:2<", "image:10<", "latent:0.5<"].map(|bits| findings.find(bits).unwrap());
    assert!(places.is_sorted(), "numbers by value: {findings}");
    // The sections come in the order of their links.
    let links = ["plots", "findings", "runs", "images", "settings"];
    let sections = links.map(|id| page.find(&format!("href=\"#{id}\"")).unwrap());
    assert!(sections.is_sorted(), "{sections:?}");
    let ids = links.map(|id| page.find(&format!("aria-labelledby=\"{id}-h\"")));
    assert!(ids.is_sorted() && ids.iter().all(Option::is_some), "{ids:?}");
}

#[test]
fn what_is_folded_on_the_screen_is_unfolded_on_paper() {
    let Some(browser) = Browser::open() else { return };
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    many_fake_runs(&world.only_run(), &world.path().join("many"), 40);
    world.vae_bench(&["report", "many", "--out", "report.html"]).expect(0);
    browser.visit(&world.path().join("report.html"));
    let open = "return document.querySelectorAll('details.fold').length - document.querySelectorAll('details.fold[open]').length";
    assert_ne!(browser.eval(open), 0, "a long table is folded");
    browser.eval("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.eval(open), 0);
    browser.eval("dispatchEvent(new Event('afterprint'))");
    assert_ne!(browser.eval(open), 0);
}
