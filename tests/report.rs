//! The page: one file, true to the records, safe with any name, and at work in a real browser.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/study.rs"]
mod study;
mod support;

use std::path::PathBuf;

use browser::Browser;
use serde_json::{Value, json};
use study::{Made, many};
use support::World;

const EVIL: &str = "<script>window.evil = 1</script>'\"&<img src=x onerror=evil()>";

fn page(world: &World) -> String {
    std::fs::read_to_string(world.path().join("report.html")).unwrap()
}

/// Two real runs, one of them with images, and a made-up one whose every word is hostile.
fn three_runs() -> World {
    let world = World::new();
    world.run(&["--images"]).expect(0);
    let pattern = world.only_run();
    world.run(&["--reduction", "mean"]).expect(0);
    let evil = Made { name: "evil", reduction: "sum", beta: 3.0, seed: 9, epochs: 2 }.write(&pattern, &world.out());
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(evil.join("run.json")).unwrap()).unwrap();
    manifest["run"] = json!(EVIL);
    manifest["argv"] = json!(["vae-bench", EVIL]);
    manifest["host"]["name"] = json!(EVIL);
    std::fs::write(evil.join("run.json"), manifest.to_string()).unwrap();
    world.vae_bench(&["report", "out", "--out", "report.html"]).expect(0);
    world
}

#[test]
fn the_page_says_in_words_what_was_run_and_what_came_out() {
    let world = three_runs();
    let page = page(&world);
    for words in ["3 runs", "effective beta 784", "Skip to the findings", "Objective ledger", "Canonical ledger"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("data:image/png;base64,"), "the sheets of the run that has them");
    assert!(page.contains("2 of 3 runs have no images."));
    assert!(!page.contains("http-equiv=\"refresh\""));
}

#[test]
fn what_a_file_holds_never_becomes_markup() {
    let page = page(&three_runs());
    assert!(!page.contains("<script>window") && !page.contains("<img src=x"));
    assert!(page.contains("&lt;script&gt;window.evil"));
}

#[test]
fn the_page_asks_nobody_for_anything() {
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
        let done = std::process::Command::new("sh").args(["-c", &line]).current_dir(world.path()).output().unwrap();
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
    many(&pattern, &world.path().join("many"), 100);
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
    assert!(page.contains("more sheets lie in"), "what was left out is told");
    assert_eq!(page.matches("<tr data-outcome").count(), 100);
}

#[test]
fn a_merged_table_makes_a_page_and_says_that_it_has_no_images() {
    let world = World::new();
    let csv = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/merged.csv").display().to_string();
    world.vae_bench(&["report", &csv]).expect(0);
    let page = page(&world);
    assert!(page.contains("None of these runs has images."));
    assert!(page.contains("a merged table does not hold the KL of every latent"));
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

    // Sorting, by a person's click: numbers as numbers, both ways.
    let heading = |name: &str| {
        let script = format!(
            "return [...document.querySelectorAll('thead tr:last-child th')].findIndex((h) => h.textContent === '{name}') + 1"
        );
        format!("thead tr:last-child th:nth-child({}) button", browser.eval(&script))
    };
    let effective = heading("effective beta");
    let column = "return [...document.querySelectorAll('#table tbody tr')].filter((r) => !r.hidden).map((r) => r.cells[8].textContent)";
    browser.click(&effective);
    assert_eq!(browser.eval(column), json!(["1", "3", "784"]));
    browser.click(&effective);
    assert_eq!(browser.eval(column), json!(["784", "3", "1"]));
    assert_eq!(browser.eval("return document.querySelectorAll('th[aria-sort=descending]').length"), 1);

    browser.keys("#filter", "mean 784");
    assert_eq!(browser.eval(column), json!(["784"]));
    assert_eq!(browser.eval("return document.getElementById('count').textContent"), "1 of 3 runs");

    // Values, by mouse and by keyboard.
    let tip = "const t = document.getElementById('tip'); return [getComputedStyle(t).visibility, t.textContent]";
    browser.point_at("figure svg circle.pt");
    let shown = browser.eval(tip);
    assert_eq!(shown[0], "visible");
    assert!(shown[1].as_str().unwrap().contains("effective beta"), "{shown}");
    browser.keys("figure svg", "\u{e014}");
    assert_eq!(browser.eval(tip)[0], "visible");
    browser.screenshot("report-1280-tip.png");
    browser.keys("figure svg", "\u{e00c}");
    assert_eq!(browser.eval(tip)[0], "hidden");

    // Nothing was asked for but the page, and nothing complained.
    let requests = browser.requests();
    assert!(requests.len() == 1 && requests[0].starts_with("file:///"), "{requests:?}");
    let log = browser.log("browser");
    assert!(log.is_empty(), "{log:?}");

    // On a phone nothing but tables and plots is wider than the screen, and they scroll in themselves.
    for (scheme, background) in [("light", "rgb(245, 246, 248)"), ("dark", "rgb(12, 14, 17)")] {
        browser.scheme(scheme);
        assert_eq!(browser.eval("return getComputedStyle(document.body).backgroundColor"), background);
        for (width, height) in [(1280, 900), (390, 844)] {
            browser.size(width, height);
            let wide = browser.eval("return document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} at {width}");
            for part in ["main", "plots", "images", "runs", "settings"] {
                browser.eval(&format!("document.getElementById('{part}').scrollIntoView()"));
                browser.screenshot(&format!("report-{width}-{scheme}-{part}.png"));
            }
        }
    }
}
