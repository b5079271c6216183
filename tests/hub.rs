//! The download against servers on this machine that are slow, silent, endless or wrong, and against a good one.

#![cfg(feature = "hub")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use sha2::{Digest, Sha256};
use support::World;
use vae_bench::data::FetchError;
use vae_bench::data::directory::{Contents, read_dir};
use vae_bench::data::fetch::fill_from;
use vae_bench::data::hub::{Hub, Limits};
use vae_bench::data::idx::{IdxFile, Kind};
use vae_bench::data::known::{ExpectedFile, HubSource};
use vae_bench::data::{KNOWN, KnownDataset, MNIST};
use vae_bench::error::Error;

static NEVER: AtomicBool = AtomicBool::new(false);

const QUICK: Limits = Limits {
    answer: Duration::from_millis(300),
    silence: Duration::from_millis(300),
    total: Duration::from_millis(900),
    bytes: 1 << 20,
};

/// A server that hands every connection, its request read, to `answer` with the path that was asked for.
fn serve(answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(request) = lines.next() else { return };
                lines.find(String::is_empty);
                answer(&mut { stream }, request.split(' ').nth(1).unwrap_or_default());
            });
        }
    });
    endpoint
}

/// Sends a head and a body; the client may have gone away.
fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n").and_then(|()| stream.write_all(body));
}

/// Sends `piece` until the client has gone away.
fn send_for_ever(stream: &mut TcpStream, piece: &[u8], pause: Duration) {
    while stream.write_all(piece).is_ok() {
        std::thread::sleep(pause);
    }
}

/// What the download of MNIST from `endpoint` ends with; it must end within `limit`.
fn fails_within(limit: Duration, endpoint: String) -> FetchError {
    let begun = Instant::now();
    let hub = Hub { endpoint, limits: QUICK };
    let why = hub.download(&MNIST, MNIST.hub.unwrap(), &NEVER).unwrap_err();
    assert!(begun.elapsed() < limit, "{why:?} after {:?}", begun.elapsed());
    why
}

/// The text of an error that leaves `auto` the synthetic digits; one line.
#[track_caller]
fn unreachable(why: FetchError) -> String {
    let FetchError::Unreachable(Error::Data(text)) = why else { panic!("{why:?}") };
    assert!(!text.contains('\n') && text.contains("--data-dir"), "{text:?}");
    text
}

#[test]
fn every_hostile_server_is_given_up_within_its_limit() {
    let none = Duration::ZERO;
    let one_by_one = Duration::from_millis(50);
    type Answer = Box<dyn Fn(&mut TcpStream, &str) + Send + Sync>;
    let cases: Vec<(&str, Answer)> = vec![
        ("no answer for 300ms", Box::new(|_, _| std::thread::sleep(Duration::from_secs(5)))),
        (
            "no answer for 300ms",
            Box::new(move |s, _| {
                let _ = s.write_all(b"HTTP/1.1 200 OK\r\nx: ");
                send_for_ever(s, b"a", one_by_one)
            }),
        ),
        (
            "no answer for 300ms",
            Box::new(|s, _| {
                send(s, "200 OK", "content-length: 1000\r\n", b"half");
                std::thread::sleep(Duration::from_secs(5));
            }),
        ),
        (
            "not done after 900ms",
            Box::new(move |s, _| {
                send(s, "200 OK", "", b"");
                send_for_ever(s, b"x", one_by_one);
            }),
        ),
        (
            "more than 1048576 bytes",
            Box::new(move |s, _| {
                send(s, "200 OK", "", b"");
                send_for_ever(s, &[b'x'; 65536], none);
            }),
        ),
        ("more than 1048576 bytes", Box::new(|s, _| send(s, "200 OK", "content-length: 9000000000000\r\n", b"x"))),
        ("404 Not Found", Box::new(|s, _| send(s, "404 Not Found", "", b"no such file"))),
        (
            "500 Internal Server Error",
            Box::new(move |s, _| {
                send(s, "500 Internal Server Error", "", b"");
                send_for_ever(s, &[b'x'; 65536], none);
            }),
        ),
        ("redirect", Box::new(|s, path| send(s, "302 Found", &format!("location: {path}\r\n"), b""))),
        ("", Box::new(|s, _| send(s, "200 OK", "content-length: 1000\r\n", b"truncated"))),
        ("", Box::new(|s, _| drop(s.write_all(b"\0\0\x08\x03 this is not HTTP\r\n\r\n")))),
        ("", Box::new(|_, _| ())),
    ];
    for (word, answer) in cases {
        let text = unreachable(fails_within(Duration::from_millis(1500), serve(answer)));
        assert!(text.contains(word), "{text:?} lacks {word:?}");
    }
    // A port that nobody listens on.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    unreachable(fails_within(Duration::from_millis(1500), format!("http://{closed}")));
}

#[test]
fn content_that_is_no_picture_is_an_error_and_no_reason_for_synthetic_digits() {
    let page = serve(|s, _| send(s, "200 OK", "content-length: 6\r\n", b"<html>"));
    let FetchError::Failed(Error::Data(text)) = fails_within(Duration::from_millis(1500), page) else { panic!() };
    assert!(text.contains("no parquet file") && text.contains("--data synthetic") && !text.contains('\n'), "{text}");
    let (known, [train, _]) = tiny();
    let swapped = serve(move |s, _| send(s, "200 OK", "", &train));
    let hub = Hub { endpoint: swapped, limits: QUICK };
    let why = Error::from(hub.download(known, known.hub.unwrap(), &NEVER).unwrap_err()).to_string();
    assert!(why.contains("3 rows, not 2"), "{why}");
}

#[test]
fn the_stop_flag_ends_a_download_at_any_moment() {
    for headers in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let endpoint = serve(move |s, _| {
            let _ = s.write_all(headers.as_bytes());
            std::thread::sleep(Duration::from_secs(5));
        });
        let stop = Arc::new(AtomicBool::new(false));
        let later = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            later.store(true, Ordering::Relaxed);
        });
        let begun = Instant::now();
        let why = Hub { endpoint, limits: Limits::default() }.download(&MNIST, MNIST.hub.unwrap(), &stop).unwrap_err();
        assert!(matches!(why, FetchError::Failed(Error::Interrupted(_))), "{why:?}");
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    }
}

/// A data set of three training images and two test images, and its two parquet files, training images first.
fn tiny() -> (&'static KnownDataset, [Vec<u8>; 2]) {
    let splits = [vec![vec![1u8, 2, 3, 4], vec![0; 4], vec![9; 4]], vec![vec![5u8, 6, 7, 8], vec![255; 4]]];
    let file = |kind, file: &IdxFile, name| {
        let sha256: String = Sha256::digest(file.bytes()).iter().map(|b| format!("{b:02x}")).collect();
        ExpectedFile { name, kind, sha256: sha256.leak() }
    };
    let labels = |n: usize| (0..n as u8).collect::<Vec<u8>>();
    let files = [0, 1].map(|i| {
        let n = splits[i].len();
        let images = IdxFile::build(Kind::Images, &[n, 2, 2], &splits[i].concat());
        let names = [
            ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
            ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        ];
        let labels = IdxFile::build(Kind::Labels, &[n], &labels(n));
        [file(Kind::Images, &images, names[i][0]), file(Kind::Labels, &labels, names[i][1])]
    });
    let [[train_images, train_labels], [test_images, test_labels]] = files;
    let known = KnownDataset {
        name: "tiny",
        title: "Tiny",
        files: [train_images, train_labels, test_images, test_labels],
        height: 2,
        width: 2,
        train_images: 3,
        test_images: 2,
        variance: 1.0,
        hub: Some(HubSource {
            repository: "o/tiny",
            revision: "refs/convert/parquet",
            train: "train.parquet",
            test: "test.parquet",
        }),
    };
    (Box::leak(Box::new(known)), splits.map(|pictures| parquet(&pictures)))
}

/// A parquet file as the hub has it, one row per picture of 2 x 2, labelled by its number.
fn parquet(pictures: &[Vec<u8>]) -> Vec<u8> {
    let schema = "message m { optional group image { optional binary bytes; optional binary path (UTF8); }
                              optional int64 label; }";
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(parse_message_type(schema).unwrap()), Default::default())
            .unwrap();
    let mut group = writer.next_row_group().unwrap();
    let png = |pixels: &Vec<u8>| {
        let mut out = std::io::Cursor::new(Vec::new());
        let image = image::GrayImage::from_raw(2, 2, pixels.clone()).unwrap();
        image.write_to(&mut out, image::ImageFormat::Png).unwrap();
        ByteArray::from(out.into_inner())
    };
    let paths = vec![ByteArray::from("a.png"); pictures.len()];
    for values in [pictures.iter().map(png).collect(), paths] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&vec![2; values.len()]), None).unwrap();
        column.close().unwrap();
    }
    let labels: Vec<i64> = (0..pictures.len() as i64).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&labels, Some(&vec![1; labels.len()]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    file
}

/// A hub that has the data set of [`tiny`], counts requests and takes `pause` for each.
fn good_hub(parquet: [Vec<u8>; 2], pause: Duration) -> (Hub, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let endpoint = serve(move |s, path| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(pause);
        match path.strip_prefix("/datasets/o/tiny/resolve/refs%2Fconvert%2Fparquet/") {
            Some("train.parquet") => send(s, "302 Found", "location: /elsewhere/train\r\n", b""),
            Some("test.parquet") => {
                send(s, "200 OK", &format!("content-length: {}\r\n", parquet[1].len()), &parquet[1])
            }
            _ if path == "/elsewhere/train" => send(s, "200 OK", "", &parquet[0]),
            _ => send(s, "404 Not Found", "", b""),
        }
    });
    (Hub { endpoint, limits: Limits::default() }, requests)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn two_first_starts_at_once_download_once_and_both_have_the_data() {
    let (known, parquet) = tiny();
    let (hub, requests) = good_hub(parquet, Duration::from_millis(200));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tiny");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                fill_from(known, &dir, &NEVER, |source| hub.download(known, source, &NEVER)).unwrap();
                assert_eq!(read_dir(&dir, Contents::Known(known)).unwrap().train.image(0), [1, 2, 3, 4]);
            });
        }
    });
    assert_eq!(requests.load(Ordering::Relaxed), 3, "two files, one of them behind a redirection");
    let files = known.files.map(|file| file.name.to_owned());
    assert!(names(&dir).iter().all(|name| name.starts_with('.') || files.contains(name)), "{:?}", names(&dir));
}

#[test]
fn a_waiting_process_can_be_interrupted() {
    let (known, _) = tiny();
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(true);
    let nested = fill_from(known, dir.path(), &NEVER, |_| {
        fill_from(known, dir.path(), &stop, |_| panic!("downloads beside another download"))?;
        panic!("did not wait");
    });
    assert!(matches!(nested, Err(FetchError::Failed(Error::Interrupted(_)))), "{nested:?}");
}

#[test]
fn missing_and_damaged_files_are_completed_and_whole_ones_kept() {
    let (known, parquet) = tiny();
    let (hub, requests) = good_hub(parquet, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    let fill = || fill_from(known, dir.path(), &NEVER, |source| hub.download(known, source, &NEVER));
    fill().unwrap();
    let path = |i: usize| dir.path().join(known.files[i].name);
    let kept = std::fs::metadata(path(3)).unwrap().modified().unwrap();
    for i in [0, 1] {
        std::fs::remove_file(path(i)).unwrap();
    }
    std::fs::write(path(2), b"damaged").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fill().unwrap();
    read_dir(dir.path(), Contents::Known(known)).unwrap();
    assert_eq!(std::fs::metadata(path(3)).unwrap().modified().unwrap(), kept, "a whole file was written again");
    let before = requests.load(Ordering::Relaxed);
    fill().unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), before, "nothing to do");
}

#[test]
fn pictures_of_another_data_set_are_refused_and_nothing_is_written() {
    let (known, parquet) = tiny();
    let mut other = *known;
    other.files[1].sha256 = MNIST.files[1].sha256;
    let (hub, _) = good_hub(parquet, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    let why = fill_from(&other, dir.path(), &NEVER, |source| hub.download(&other, source, &NEVER)).unwrap_err();
    let FetchError::Failed(Error::Data(text)) = why else { panic!("{why:?}") };
    assert!(text.contains("train-labels-idx1-ubyte is not Tiny's"), "{text}");
    assert_eq!(names(dir.path()), [".download.lock"]);
}

/// The binary against `endpoint`, with a home of its own.
fn start(world: &World, endpoint: &str, args: &[&str]) -> Child {
    let mut command = world.command(args);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", endpoint).env("HOME", world.path().join("home"));
    command.spawn().unwrap()
}

#[test]
fn the_first_signal_ends_the_binary_while_the_server_is_silent() {
    let world = World::new();
    for args in [&["data", "fetch"][..], &["--data", "mnist", "--out", "out"], &["--out", "out"]] {
        let (asked, was_asked) = std::sync::mpsc::channel();
        let asked = std::sync::Mutex::new(asked);
        let endpoint = serve(move |_, _| {
            let _ = asked.lock().unwrap().send(());
            std::thread::sleep(Duration::from_secs(20));
        });
        let child = start(&world, &endpoint, args);
        was_asked.recv_timeout(Duration::from_secs(10)).unwrap();
        let begun = Instant::now();
        let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let done = support::done(child.wait_with_output().unwrap()).expect(75);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(done.stderr.lines().last().unwrap().starts_with("error: interrupted"), "{}", done.stderr);
        assert!(!world.out().exists(), "{args:?} trained on something else");
        assert_eq!(names(&world.path().join("cache/vae-bench/mnist")), [".download.lock"]);
    }
    assert!(!world.path().join("home").exists(), "something was written outside the cache");
}

#[test]
fn auto_takes_synthetic_digits_only_where_the_hub_is_out_of_reach() {
    let world = World::new();
    let missing = serve(|s, _| send(s, "404 Not Found", "", b""));
    let wrong = serve(|s, _| send(s, "200 OK", "content-length: 6\r\n", b"<html>"));
    let done = support::done(start(&world, &missing, &["data", "info"]).wait_with_output().unwrap()).expect(0);
    assert!(done.stderr.contains("SYNTHETIC") && done.stderr.contains("404 Not Found"), "{}", done.stderr);
    let done = support::done(start(&world, &wrong, &["data", "info"]).wait_with_output().unwrap()).expect(3);
    assert!(done.stderr.contains("no parquet file"), "{}", done.stderr);
    // One of four files is no data set: the network is asked, and the file is left alone.
    let cached = world.path().join("cache/vae-bench/mnist").join(KNOWN[0].files[1].name);
    std::fs::write(&cached, b"one of four").unwrap();
    let done = support::done(start(&world, &wrong, &["data", "info"]).wait_with_output().unwrap()).expect(3);
    assert!(done.stderr.contains("no parquet file"), "{}", done.stderr);
    assert_eq!(std::fs::read(&cached).unwrap(), b"one of four");
}
