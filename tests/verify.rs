//! `vae-bench verify` and the commands that read runs, through the real binary.

mod support;

use support::World;

#[test]
fn verify_names_each_file_and_fails_for_one_that_was_changed() {
    let world = World::new();
    world.run(&[]).expect(0);
    let done = world.vae_bench(&["verify", "out"]).expect(0);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines.len() == 7 && lines.iter().all(|line| line.starts_with("ok      ")), "{}", done.stdout);
    for file in ["run.json", "config.toml", "metrics.csv", "timing.csv", "latents.csv", "model.safetensors"] {
        assert!(lines.iter().any(|line| line.ends_with(file)), "{file}");
        let path = world.only_run().join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let found = world.vae_bench(&["verify", "out"]).expect(1);
        let failed: Vec<&str> = found.stdout.lines().filter(|line| line.starts_with("FAILED  ")).collect();
        assert!(!failed.is_empty() && failed.iter().all(|line| line.contains(file)), "{file}: {}", found.stdout);
        found.error_with(&["not as they were written", "--force"]);
        std::fs::write(&path, &whole).unwrap();
    }
    world.vae_bench(&["verify", "out"]).expect(0);
    world.vae_bench(&["verify", "nowhere"]).expect(1).error_with(&["nowhere"]);
    assert!(world.vae_bench(&["verify", "--help"]).expect(0).stdout.contains("SHA-256"));
}

#[test]
fn commands_that_read_a_run_refuse_a_file_that_was_changed() {
    let world = World::new();
    world.run(&[]).expect(0);
    let run = world.only_run().display().to_string();
    let flip = |file: &str| {
        let path = world.only_run().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    };
    flip("model.safetensors");
    world.vae_bench(&["eval", &run]).expect(1).error_with(&["model.safetensors", "SHA-256"]);
    world.vae_bench(&["merge", "out"]).expect(0);
    flip("model.safetensors");
    world.vae_bench(&["eval", &run]).expect(0);
    flip("latents.csv");
    for command in [&["merge", "out"][..], &["plot", "out"], &["report", "out"], &["eval", &run]] {
        let refused = world.vae_bench(command).expect(1);
        assert!(refused.stderr.contains("latents.csv") && refused.stderr.contains("SHA-256"), "{}", refused.stderr);
    }
    // The command that began the run makes it whole.
    let mended = world.run(&[]).expect(0);
    assert!(mended.stderr.contains("latents.csv") && mended.stderr.contains("resuming"), "{}", mended.stderr);
    world.vae_bench(&["verify", "out"]).expect(0);
}

#[cfg(unix)]
#[test]
fn a_forced_run_that_is_stopped_says_what_resumes_it_and_is_resumed_by_that() {
    let world = World::new();
    let args = ["--epochs", "3", "--batch-size", "1", "--threads", "1"];
    world.run(&args).expect(0);
    let whole = world.read("metrics.csv");
    let forced: Vec<&str> = args.into_iter().chain(["--force"]).collect();
    let child = world.command(&support::small(&forced)).spawn().unwrap();
    while world.read("metrics.csv").lines().count() != 4 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let stopped = support::done(child.wait_with_output().unwrap()).expect(75);
    assert!(stopped.stderr.contains("the same command resumes"), "{}", stopped.stderr);
    let resumed = world.run(&forced).expect(0);
    assert!(resumed.stderr.contains("resuming"), "{}", resumed.stderr);
    assert_eq!(world.read("metrics.csv"), whole);
}
