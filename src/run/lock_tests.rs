use super::super::lock_owner::{STALE, lock_owner};
use super::*;

fn world() -> (tempfile::TempDir, RunDir) {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::new(dir.path());
    (dir, run)
}

fn take(dir: &RunDir) -> Result<Lock> {
    Lock::take(&Disk::default(), dir)
}

fn leave(dir: &RunDir, generation: u64, owner: &LockOwner, age: Duration) {
    let file = File::create(dir.lock(generation)).unwrap();
    (&file).write_all(&serde_json::to_vec(owner).unwrap()).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn this_machine() -> LockOwner {
    LockOwner::this_process()
}

fn elsewhere() -> LockOwner {
    LockOwner { host: Some("elsewhere".into()), boot: Some("other".into()), ..LockOwner::this_process() }
}

fn names(dir: &RunDir) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_lock_is_held_by_one_and_given_back() {
    let (_keep, dir) = world();
    let lock = take(&dir).unwrap();
    let error = take(&dir).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(lock_owner(&dir).unwrap().pid, std::process::id());
    lock.check().unwrap();
    assert_eq!(names(&dir), [".lock.1"]);
    drop(lock);
    assert_eq!(names(&dir), [""; 0], "nothing is left behind");
    take(&dir).unwrap();
}

#[test]
fn taking_over_creates_the_next_generation_and_removes_the_earlier_ones() {
    let (_keep, dir) = world();
    for generation in [0, 2, 3] {
        leave(&dir, generation, &this_machine(), Duration::ZERO);
    }
    assert_eq!(lock_owner(&dir), None, "a dead process of this machine");
    let lock = take(&dir).unwrap();
    assert_eq!((lock.generation(), names(&dir)), (4, vec![".lock.4".to_owned()]));
}

#[test]
fn a_lock_of_an_earlier_version_is_respected() {
    let (_keep, dir) = world();
    leave(&dir, 0, &elsewhere(), STALE / 2);
    assert!(matches!(take(&dir), Err(Error::Busy(_))));
    leave(&dir, 0, &elsewhere(), STALE * 2);
    assert_eq!(take(&dir).unwrap().generation(), 1);
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn whoever_takes_the_lock_removes_temporary_files_of_the_run_and_no_others() {
    let (_keep, dir) = world();
    std::fs::create_dir(dir.checkpoint_dir()).unwrap();
    let litter = [".lock.0123.tmp", ".lock.0123.taking", "run.json.7-8.tmp", "checkpoint/state.safetensors.7-8-9.tmp"];
    let others = ["notes.tmp", "run.json.bak", "images.7.tmp", ".lock-notes"];
    for name in litter.iter().chain(&others) {
        std::fs::write(dir.path().join(name), "x").unwrap();
    }
    drop(take(&dir).unwrap());
    let mut left: Vec<_> = others.into_iter().chain(["checkpoint"]).collect();
    left.sort_unstable();
    assert_eq!(names(&dir), left);
    assert_eq!(std::fs::read_dir(dir.checkpoint_dir()).unwrap().count(), 0);
}

#[test]
fn tidying_removes_a_stale_lock_and_leaves_a_living_one() {
    let (_keep, dir) = world();
    remove_stale_lock(&dir);
    leave(&dir, 1, &this_machine(), Duration::ZERO);
    remove_stale_lock(&dir);
    assert_eq!(names(&dir), [""; 0]);
    leave(&dir, 5, &elsewhere(), STALE / 2);
    remove_stale_lock(&dir);
    assert_eq!(names(&dir), [".lock.5"]);
}

#[test]
fn a_machine_with_a_heartbeat_keeps_its_lock_and_a_silent_one_loses_it() {
    let (_keep, dir) = world();
    leave(&dir, 1, &elsewhere(), STALE / 2);
    let error = take(&dir).unwrap_err().to_string();
    assert!(error.contains("on elsewhere"), "{error}");
    leave(&dir, 1, &elsewhere(), STALE * 2);
    take(&dir).unwrap().check().unwrap();
}

#[test]
fn an_unreadable_lock_is_respected_until_it_is_old() {
    let (_keep, dir) = world();
    for content in [&b""[..], b"{", b"{\"pid\":-1}", &[0xff; 10_000]] {
        std::fs::write(dir.lock(1), content).unwrap();
        let error = take(&dir).unwrap_err().to_string();
        assert!(error.contains("remove") && error.contains(".lock.1"), "{error}");
        File::options().write(true).open(dir.lock(1)).unwrap().set_modified(SystemTime::now() - STALE * 2).unwrap();
        take(&dir).unwrap();
    }
}

#[test]
fn a_lock_dated_in_the_future_is_dated_now_and_then_expires_like_any_other() {
    let (_keep, dir) = world();
    leave(&dir, 1, &elsewhere(), Duration::ZERO);
    let file = File::options().write(true).open(dir.lock(1)).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(1_000_000)).unwrap();
    assert!(matches!(take(&dir), Err(Error::Busy(_))));
    let ahead = file.metadata().unwrap().modified().unwrap().duration_since(SystemTime::now());
    assert!(ahead.is_err() || ahead.is_ok_and(|ahead| ahead < STALE), "dated now");
}

#[test]
fn what_is_no_lock_is_named_and_not_waited_for() {
    let (_keep, dir) = world();
    std::fs::create_dir(dir.lock(3)).unwrap();
    match take(&dir) {
        Err(Error::Run(why)) => assert!(why.contains(".lock.3") && why.contains("remove it"), "{why}"),
        other => panic!("{other:?}"),
    }
    std::fs::remove_dir(dir.lock(3)).unwrap();
    leave(&dir, u64::MAX, &this_machine(), Duration::ZERO);
    assert!(matches!(take(&dir), Err(Error::Run(_))), "no generation is left after the largest");
}

#[test]
fn a_sleeper_whose_lock_was_taken_over_can_change_nothing_and_leaves_the_new_lock_alone() {
    let (_keep, dir) = world();
    let sleeper = take(&dir).unwrap();
    let disk = sleeper.disk();
    disk.replace(&dir.metrics(), b"mine").unwrap();
    leave(&dir, 2, &elsewhere(), Duration::ZERO);
    assert!(disk.replace(&dir.metrics(), b"late").is_err());
    assert!(disk.remove(&dir.metrics()).is_err());
    assert!(matches!(sleeper.check(), Err(Error::Busy(_))));
    assert!(sleeper.is_lost());
    drop(sleeper);
    assert_eq!(names(&dir), [".lock.2", "metrics.csv"]);
    assert_eq!(std::fs::read(dir.metrics()).unwrap(), b"mine");
}

#[test]
fn a_lock_that_was_removed_is_lost_and_the_message_says_so() {
    let (_keep, dir) = world();
    let lock = take(&dir).unwrap();
    std::fs::remove_file(dir.lock(1)).unwrap();
    let why = lock.check().unwrap_err().to_string();
    assert!(why.contains("was lost") && why.contains("run the same command again"), "{why}");
}

#[test]
fn of_many_who_take_over_a_stale_lock_exactly_one_gets_it() {
    for round in 0..100 {
        let (_keep, dir) = world();
        leave(&dir, round, &elsewhere(), STALE * 2);
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let dir = dir.clone();
                std::thread::spawn(move || take(&dir).ok())
            })
            .collect();
        // The winner's lock lives until all have tried.
        let locks: Vec<_> = takers.into_iter().map(|taker| taker.join().unwrap()).collect();
        let open = locks.iter().flatten().filter(|lock| lock.check().is_ok()).count();
        assert_eq!((locks.iter().flatten().count(), open), (1, 1));
    }
}
