//! Sweeps through the real binary: the same table however they are run, killed, shared out or resumed.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use support::{Done, World, csv, done};

/// 24 runs of two epochs, each some tens of milliseconds.
const GRID: &str = "\
[base]
data = 'idx'
data-dir = 'data'
hidden = '32'
latent-dim = 4
epochs = 2
batch-size = 32
[grid]
loss = ['bce', 'mse']
beta = { logspace = [0.1, 10, 4] }
seed = '1..3'
";

fn world_with(grid: &str) -> World {
    let world = World::new();
    std::fs::write(world.path().join("grid.toml"), grid).unwrap();
    world
}

fn sweep(world: &World, out: &str, args: &[&str]) -> Done {
    world.vae_bench(&[&["sweep", "grid.toml", "--out", out], args].concat())
}

fn start(world: &World, out: &str, args: &[&str]) -> Child {
    world.command(&[&["sweep", "grid.toml", "--out", out], args].concat()).spawn().unwrap()
}

/// The merged table of all the directories.
fn merged(world: &World, outs: &[&str]) -> String {
    let done = world.vae_bench(&[&["merge"], outs].concat()).expect(0);
    assert!(!done.stderr.contains("missing") && !done.stderr.contains("not finished"), "{}", done.stderr);
    done.stdout
}

/// The table of an undisturbed sweep.
fn undisturbed(world: &World) -> String {
    sweep(world, "undisturbed", &[]).expect(0);
    merged(world, &["undisturbed"])
}

fn ids(world: &World) -> Vec<String> {
    sweep(world, "out", &["--format", "ids"]).expect(0).stdout.lines().map(str::to_owned).collect()
}

/// When each finished run was finished.
fn finished(out: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let Ok(entries) = std::fs::read_dir(out) else { return BTreeMap::new() };
    let json = entries.map(|entry| entry.unwrap().path().join("run.json"));
    let done = json.filter(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"completed\"")));
    done.map(|path| (path.clone(), std::fs::metadata(&path).unwrap().modified().unwrap())).collect()
}

#[test]
fn a_sweep_killed_at_twenty_moments_ends_with_the_bytes_of_an_undisturbed_one() {
    let world = world_with(GRID);
    let begun = Instant::now();
    let table = undisturbed(&world);
    assert_eq!(csv(&table).1.len(), 24 * 5, "two splits of two epochs, and the untrained model");
    // Moments spread over the whole; where within a run they fall is up to the machine.
    let step = begun.elapsed().as_millis() as u64 / 20;
    let mut done_before = finished(&world.out());
    let mut hits = 0;
    for kill in 0..20u64 {
        let mut child = start(&world, "out", &[]);
        std::thread::sleep(Duration::from_millis(step / 2 + kill * 7919 % step.max(1)));
        hits += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let now = finished(&world.out());
        assert!(done_before.iter().all(|run| now.get(run.0) == Some(run.1)), "a finished run was run again");
        done_before = now;
    }
    assert!(hits >= 5, "killed too late to test anything");
    sweep(&world, "out", &[]).expect(0);
    let now = finished(&world.out());
    assert!(done_before.iter().all(|run| now.get(run.0) == Some(run.1)) && now.len() == 24);
    assert!(merged(&world, &["out"]) == table, "the same bytes");
    for run in world.runs() {
        let left = std::fs::read_dir(&run).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let locks: Vec<_> = left.filter(|name| name.starts_with(".lock")).collect();
        assert!(locks.is_empty(), "{}: {locks:?}", run.display());
    }
}

#[test]
fn shards_processes_jobs_and_commands_all_give_the_same_table() {
    let world = world_with(&GRID.replace("batch-size = 32", "batch-size = 200"));
    let table = undisturbed(&world);
    for count in [3, 24] {
        let dirs: Vec<String> = (1..=count).map(|i| format!("of{count}-{i}")).collect();
        // In any order, into directories of their own.
        for i in (1..=count).rev() {
            let done = sweep(&world, &dirs[i - 1], &["--shard", &format!("{i}/{count}"), "--quiet"]).expect(0);
            assert!(done.stdout.contains(&format!("{} of 24 runs", 24 / count)), "{}", done.stdout);
        }
        assert!(merged(&world, &dirs.iter().map(String::as_str).collect::<Vec<_>>()) == table, "{count} shards");
    }

    // Two processes at once: each run once, and either one ends when all is done.
    let both = [start(&world, "two", &["--jobs", "1"]), start(&world, "two", &["--jobs", "2"])];
    let done_now: usize = both
        .into_iter()
        .map(|child| {
            let done = done(child.wait_with_output().unwrap()).expect(0);
            done.stderr.lines().filter(|line| line.contains("done  ") && !line.contains("by another process")).count()
        })
        .sum();
    assert_eq!(done_now, 24, "nothing is run twice");
    assert!(merged(&world, &["two"]) == table, "two processes");

    sweep(&world, "wide", &["--jobs", "5", "--threads", "2"]).expect(0);
    assert!(merged(&world, &["wide"]) == table, "jobs and threads");

    for id in ids(&world) {
        sweep(&world, "only", &["--only", &id]).expect(0);
    }
    assert!(merged(&world, &["only"]) == table, "one by one");

    let commands = sweep(&world, "typed", &["--format", "commands"]).expect(0).stdout;
    assert_eq!(commands.lines().count(), 24);
    for line in commands.lines() {
        let args: Vec<&str> = line.split(' ').skip(1).collect();
        world.vae_bench(&args).expect(0);
    }
    sweep(&world, "typed", &[]).expect(0);
    assert!(merged(&world, &["typed"]) == table, "the commands");
}

/// Whether a run has measured its untrained model and not finished its first epoch.
fn is_under_way(out: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(out) else { return false };
    let tables = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path().join("metrics.csv")));
    tables.flatten().any(|text| text.lines().count() == 2)
}

#[cfg(unix)]
#[test]
fn a_warned_sweep_saves_its_runs_and_exits_75_and_goes_on_to_the_same_bytes() {
    let slow = GRID.replace("batch-size = 32", "batch-size = 1").replace("seed = '1..3'", "seed = 1");
    let world = world_with(&slow.replace("loss = ['bce', 'mse']", "loss = 'bce'"));
    let table = undisturbed(&world);
    for signal in ["USR1", "TERM", "INT"] {
        let child = start(&world, signal, &[]);
        let begun = Instant::now();
        while !is_under_way(&world.path().join(signal)) && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let stopped = done(child.wait_with_output().unwrap()).expect(75);
        assert!(stopped.stderr.contains("the same command goes on"), "{}", stopped.stderr);
        let status = world.vae_bench(&["status", signal]).expect(0).stdout;
        assert!(status.contains("unfinished") && status.contains("pending"), "{status}");
        let resumed = sweep(&world, signal, &[]).expect(0);
        assert!(resumed.stderr.contains("after epoch"), "{}", resumed.stderr);
        assert!(merged(&world, &[signal]) == table, "SIG{signal}");
    }
}

/// Five runs: one that diverges, one in a directory that cannot be written, one on a disk that is full.
const TROUBLE: &str = "\
[base]
data = 'idx'
data-dir = 'data'
hidden = '32'
latent-dim = 4
epochs = 2
[grid]
seed = '1..4'
[[run]]
seed = 5
optimizer = 'sgd'
lr = 0.01
reduction = 'batch-sum'
epochs = 3
";

#[cfg(target_os = "linux")]
#[test]
fn runs_that_fail_are_told_with_their_reasons_and_their_siblings_finish() {
    let world = world_with(TROUBLE);
    let runs = ids(&world);
    // In a namespace of its own this process may mount what it likes.
    let script = format!(
        "set -e; unset $(env | sed -n 's/^\\(VAE_BENCH_[A-Z_]*\\)=.*/\\1/p'); mkdir -p out/{full} out/{closed}; mount -t tmpfs -o size=100k tmpfs out/{full}; \
         mount -t tmpfs -o ro tmpfs out/{closed}; exec {program} sweep grid.toml --out out",
        full = runs[0],
        closed = runs[1],
        program = env!("CARGO_BIN_EXE_vae-bench")
    );
    if !Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .status()
        .is_ok_and(|s| s.success())
    {
        use std::io::Write;
        let _ = std::io::stderr().write_all(b"NOT RUN: full and read-only disks need `unshare -rm`\n");
        return;
    }
    let output = Command::new("unshare").args(["-rm", "sh", "-c", &script]).current_dir(world.path()).output().unwrap();
    let failed = done(output).expect(1);
    let reason = |run: &str| failed.stderr.lines().rfind(|line| line.starts_with(run)).unwrap_or_default().to_owned();
    assert!(reason(&runs[0]).contains("no space left on device"), "{}", failed.stderr);
    assert!(reason(&runs[0]).contains("it resumes"), "{}", failed.stderr);
    assert!(reason(&runs[1]).contains("read-only file system"), "{}", failed.stderr);
    assert!(reason(&runs[4]).contains("diverged") && reason(&runs[4]).contains("lr"), "{}", failed.stderr);
    assert!(failed.stdout.contains("2 done now") && failed.stdout.contains("3 failed"), "{}", failed.stdout);
    // With room again, all but the one that cannot be done are done.
    let again = sweep(&world, "out", &[]).expect(1);
    assert!(again.stdout.contains("2 done now, 2 done before, 1 failed"), "{}", again.stdout);
}

#[test]
fn a_failure_stops_the_others_only_where_that_was_asked_for() {
    let world = world_with(&TROUBLE.replace("seed = '1..4'", "seed = '1..2'"));
    let runs = ids(&world);
    std::fs::create_dir_all(world.out()).unwrap();
    std::fs::write(world.out().join(&runs[0]), "in the way").unwrap();
    let stopped = sweep(&world, "out", &["--fail-fast", "--jobs", "1"]).expect(1);
    assert!(stopped.stderr.contains("2 runs open"), "{}", stopped.stderr);
    let went_on = sweep(&world, "out", &["--jobs", "1"]).expect(1);
    assert!(went_on.stdout.contains("1 done now") && went_on.stdout.contains("2 failed"), "{}", went_on.stdout);
    assert!(went_on.stderr.contains(&runs[0]), "{}", went_on.stderr);
}

#[test]
fn the_plan_is_listed_with_states_and_the_time_that_is_left() {
    let world = world_with(TROUBLE);
    let list = sweep(&world, "out", &["--dry-run"]).expect(0).stdout;
    assert!(list.contains("5 runs: 5 pending") && list.contains("unknown until one run"), "{list}");
    assert!(!world.out().exists(), "a dry run writes nothing");
    sweep(&world, "out", &["--filter", "seed>=4"]).expect(1);
    let list = sweep(&world, "out", &["--dry-run"]).expect(0).stdout;
    assert!(list.contains("5 runs: 1 done, 1 diverged, 3 pending"), "{list}");
    assert!(list.contains("about ") && list.contains("from the clocks of"), "{list}");
    assert!(list.contains("infinite or NaN in epoch"), "{list}");
    let lines = sweep(&world, "out", &["--format", "jsonl"]).expect(0).stdout;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[3]["state"], &lines[3]["epochs_done"]), (&"done".into(), &2.into()));
    assert_eq!((&lines[4]["state"], &lines[0]["settings"]["latent-dim"]), (&"diverged".into(), &4.into()));
    assert!(lines[0]["seconds_left"].as_f64().unwrap() > 0.0);
    // Later, the directory alone tells the same.
    let status = world.vae_bench(&["status", "out"]).expect(0).stdout;
    assert!(status.contains("5 runs: 1 done, 1 diverged, 3 pending"), "{status}");
    let merge = world.vae_bench(&["merge", "out"]).expect(0);
    assert!(
        merge.stderr.contains("grid: 3 of 5 runs are missing")
            && merge.stderr.contains(lines[0]["run"].as_str().unwrap())
    );
}

#[test]
fn flags_make_the_sweep_that_a_file_makes_and_win_over_it() {
    let world = world_with(GRID);
    let tail =
        ["--", "--data", "idx", "--data-dir", "data", "--hidden", "32", "--latent-dim", "4", "--batch-size", "32"];
    let grids = ["sweep", "--format", "ids", "--grid", "loss=bce,mse", "--grid", "beta=logspace:0.1,10,4"];
    let typed = |seeds: &str, more: &[&str]| {
        let list = world.vae_bench(&[&grids[..], &["--grid", seeds], &tail, more].concat()).expect(0).stdout;
        list.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(typed("seed=1..3", &["--epochs", "2"]), ids(&world), "both in the same order");
    assert_eq!(typed("seed=1", &["--epochs", "2"]).len(), 8);
    let narrowed = sweep(&world, "out", &["--format", "ids", "--", "--seed", "1"]).expect(0);
    assert_eq!(narrowed.stdout.lines().count(), 8);
    assert!(narrowed.stderr.contains("16 of 24 runs are the same as others"), "{}", narrowed.stderr);
    let variable = world
        .command(&["sweep", "grid.toml", "--format", "ids"])
        .envs([("VAE_BENCH_SEED", "9"), ("VAE_BENCH_LATENT_DIM", "5")])
        .output()
        .unwrap();
    let variable = done(variable).expect(0).stdout;
    assert!(variable.lines().all(|id| id.contains("-z5-s") && !id.contains("-s9-")), "{variable}");
}

#[test]
fn what_cannot_be_swept_is_refused_before_anything_is_written() {
    let world = world_with(GRID);
    let write = |text: &str| std::fs::write(world.path().join("bad.toml"), text).unwrap();
    write("[grid]\nbeta = [\n  1,\n  'x',\n]\n");
    world.vae_bench(&["sweep", "bad.toml"]).expect(2).error_with(&["bad.toml: line 4", "x"]);
    write("[base]\nepochs = 1\n[gird]\nbeta = 1\n");
    world.vae_bench(&["sweep", "bad.toml"]).expect(2).error_with(&["line 3", "gird", "[[zip]]"]);
    write("[grid]\nseed = '1..1000'\nbatch-size = '1..1000'\n");
    world.vae_bench(&["sweep", "bad.toml"]).expect(2).error_with(&["more than 100000 runs"]);
    for (args, words) in [
        (&["sweep"][..], &["FILE.toml"][..]),
        (&["sweep", "none.toml"], &["none.toml"]),
        (&["sweep", "grid.toml", "--shard", "4/3"], &["--shard", "from 1 to N"]),
        (&["sweep", "grid.toml", "--shard", "auto"], &["SLURM_ARRAY_TASK_ID"]),
        (&["sweep", "grid.toml", "--only", "nobody"], &["nobody", "--format ids"]),
        (&["sweep", "grid.toml", "--filter", "beta>100"], &["none of the 24 runs"]),
        (&["sweep", "grid.toml", "--filter", "bta>1"], &["bta"]),
        (&["sweep", "--grid", "beta=1,2", "--", "--beta", "3"], &["beta=1,2", "--beta 3", "contradict"]),
        (&["sweep", "--grid", "beta=x"], &["--grid beta=x"]),
        (&["sweep", "grid.toml", "--", "--out", "x"], &["after --", "--out"]),
        (&["sweep", "grid.toml", "--jobs", "0"], &["--jobs"]),
        (&["sweep", "grid.toml", "--jobs", "1000", "--", "--hidden", "100000"], &["--jobs 1000", "GiB"]),
        (&["sweep", "--grid", "loss=bce", "--grid", "sigma2=1"], &["loss=bce", "contradict"]),
        (&["status", "nowhere"], &["nowhere"]),
    ] {
        let refused = world.vae_bench(args);
        assert!(matches!(refused.code, Some(1 | 2)), "{args:?}: {:?}", refused.code);
        refused.error_with(words);
    }
    assert!(!world.path().join("results").exists());
    std::fs::create_dir_all(world.out()).unwrap();
    std::fs::write(world.out().join("x.plan.jsonl"), "{\"run\":\"../../etc\",\"settings\":{}}\n").unwrap();
    world.vae_bench(&["status", "out"]).expect(1).error_with(&["x.plan.jsonl", "line 1", "no name of a run"]);
}

#[test]
fn a_run_that_another_process_has_is_waited_for_and_a_single_run_says_who_has_it() {
    let slow = GRID.replace("epochs = 2", "epochs = 60").replace("seed = '1..3'", "seed = 1");
    let world = world_with(&slow);
    let id = ids(&world).remove(0);
    let first = start(&world, "out", &["--only", &id]);
    let lock = world.out().join(&id).join(".lock.1");
    while !lock.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let listed = sweep(&world, "out", &["--dry-run", "--only", &id]).expect(0).stdout;
    assert!(listed.contains("1 running") && listed.contains(&format!("process {}", first.id())), "{listed}");
    let command = sweep(&world, "out", &["--only", &id, "--format", "commands"]).expect(0).stdout;
    let single: Vec<&str> = command.split_whitespace().skip(1).collect();
    world.vae_bench(&single).expect(1).error_with(&[&format!("process {}", first.id()), "wait for it"]);
    let mut second = start(&world, "out", &["--only", &id]);
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines();
    let waiting = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("waiting for 1 run locked"));
    assert!(waiting.is_some_and(|line| line.contains(&format!("process {}", first.id()))));
    let mut first = first;
    first.kill().unwrap();
    first.wait().unwrap();
    let taken_over = lines.map(Result::unwrap).any(|line| line.contains("1/1  done"));
    assert!(second.wait().unwrap().success() && taken_over);
}

#[test]
fn means_over_seeds_have_a_row_a_configuration_and_agree_with_the_rows_they_are_made_of() {
    let world = world_with(GRID);
    sweep(&world, "out", &["--quiet", "--filter", "loss=bce"]).expect(0);
    let (header, rows) = csv(&world.vae_bench(&["merge", "out", "--final", "--mean"]).expect(0).stdout);
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    assert_eq!(rows.len(), 4 * 2, "four betas, two splits");
    let distinct = |header: &[String]| header.iter().collect::<std::collections::BTreeSet<_>>().len() == header.len();
    assert!(distinct(&header), "no two columns of one name: {header:?}");
    assert!(
        !header.contains(&"seed".to_owned()) && rows.iter().all(|row| row[at("n")] == "3" && row.len() == header.len())
    );
    let (all, single) = csv(&world.vae_bench(&["merge", "out", "--final"]).expect(0).stdout);
    assert!(distinct(&all), "{all:?}");
    let from = |name: &str| all.iter().position(|h| h == name).unwrap();
    let first = &rows[0];
    let kl: Vec<f64> = single
        .iter()
        .filter(|row| row[from("beta")] == first[at("beta")] && row[from("split")] == first[at("split")])
        .map(|row| row[from("kl")].parse().unwrap())
        .collect();
    assert_eq!(kl.len(), 3);
    let mean = kl.iter().sum::<f64>() / 3.0;
    let std = (kl.iter().map(|k| (k - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    let cell = |name: &str| first[at(name)].parse::<f64>().unwrap();
    assert!((cell("kl_mean") - mean).abs() < 1e-12 && (cell("kl_std") - std).abs() < 1e-12);
    assert_eq!(first[at("active_units_mean")].is_empty(), first[at("split")] == "train");
}

#[test]
fn json_lines_tell_every_run_and_the_whole() {
    let world = world_with(TROUBLE);
    let swept = sweep(&world, "out", &["--json"]).expect(1);
    let lines: Vec<serde_json::Value> = swept.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines.iter().filter(|line| line["status"] == "completed").count(), 4);
    let end = &lines[5];
    assert_eq!((&end["runs"], &end["done_now"], &end["open"]), (&5.into(), &4.into(), &0.into()));
    assert!(end["failed"][0]["reason"].as_str().unwrap().contains("diverged"));
}

#[test]
fn the_experiments_of_this_repository_can_be_planned() {
    let world = World::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    for (name, count) in [("scaling-mismatch", 18), ("beta-sweep", 156), ("latent-dim", 18), ("free-bits", 39)] {
        let file = root.join(format!("{name}.toml"));
        let list = world.vae_bench(&["sweep", file.to_str().unwrap(), "--format", "ids"]).expect(0);
        assert_eq!((list.stdout.lines().count(), list.stderr.as_str()), (count, ""), "{name}");
    }
}

#[test]
fn two_sweeps_typed_into_one_directory_leave_two_plans() {
    let world = World::new();
    let tail = ["--", "--data", "idx", "--data-dir", "data", "--hidden", "8", "--latent-dim", "2", "--epochs", "1"];
    let sweep = |grid: &str, shard: &str| {
        let args = ["sweep", "--grid", grid, "--shard", shard, "--out", "out", "--quiet"];
        world.vae_bench(&[&args[..], &tail].concat()).expect(0)
    };
    sweep("seed=1..2", "1/2");
    sweep("beta=2,4", "1/1");
    let merged = world.vae_bench(&["merge", "out"]).expect(0);
    assert!(merged.stderr.contains("1 of 2 runs are missing"), "that of the first sweep: {}", merged.stderr);
    let status = world.vae_bench(&["status", "out"]).expect(0).stdout;
    assert!(status.contains("4 runs: 3 done, 1 pending"), "{status}");
    // The same sweep again is the same plan.
    sweep("seed=1..2", "2/2");
    let plans = std::fs::read_dir(world.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(plans.filter(|name| name.ends_with(".plan.jsonl")).count(), 2);
    assert_eq!(world.vae_bench(&["merge", "out"]).expect(0).stderr, "");
}

#[test]
fn missing_data_stops_the_sweep_once_with_exit_code_3() {
    let world = World::new();
    let args = ["sweep", "--grid", "seed=1..6", "--jobs", "3", "--out", "out"];
    let failed = world.vae_bench(&[&args[..], &["--", "--data", "mnist", "--epochs", "1"]].concat()).expect(3);
    assert_eq!(failed.stderr.matches("FAILED").count(), 1, "{}", failed.stderr);
    assert!(failed.stdout.contains("0 done now, 0 done before, 1 failed, 5 open"), "{}", failed.stdout);
    // Runs of other data are done.
    let both = world_with(
        "[base]\nepochs = 1\nhidden = '8'\nlatent-dim = 2\n[[zip]]\ndata = ['mnist', 'idx']\ndata-dir = ['none', 'data']\n\
         [grid]\nseed = '1..3'\n",
    );
    let failed = sweep(&both, "out", &["--jobs", "1"]).expect(3);
    assert!(failed.stdout.contains("3 done now, 0 done before, 1 failed, 2 open"), "{}", failed.stdout);
}

#[test]
fn the_directory_of_the_data_is_taken_from_its_variable_also_where_the_data_is_named() {
    let world = World::new();
    for args in [&["--grid", "beta=1", "--", "--data", "idx"][..], &["--grid", "data=idx"], &["--grid", "beta=1"]] {
        let args = [&["sweep", "--format", "jsonl"], args].concat();
        let mut command = world.command(&args);
        let listed = command.env("VAE_BENCH_DATA_DIR", "data").env("VAE_BENCH_EPOCHS", "1").output().unwrap();
        let listed = done(listed).expect(0).stdout;
        let line: serde_json::Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(line["settings"]["data-dir"], "data", "{args:?}: {listed}");
    }
}

#[test]
fn the_status_of_a_run_directory_is_that_of_its_run_and_the_hint_at_the_end_is_quoted() {
    let world = world_with(GRID);
    let swept =
        sweep(&world, "my out", &["--filter", "beta<1", "--filter", "seed=1", "--filter", "loss=bce"]).expect(0);
    assert!(swept.stdout.contains("vae-bench merge 'my out' --out table.csv"), "{}", swept.stdout);
    let id = swept.stderr.lines().find_map(|line| line.split("done    ").nth(1)?.split(' ').next()).unwrap();
    let path = format!("my out/{id}");
    let mut inside = world.command(&["status", "."]);
    let inside = done(inside.current_dir(world.path().join(&path)).output().unwrap());
    for status in [world.vae_bench(&["status", &path]), inside] {
        let status = status.expect(0).stdout;
        let line = status.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.starts_with("done") && line.contains("2/2"), "{status}");
        assert!(status.contains("1 run: 1 done"), "{status}");
    }
}
