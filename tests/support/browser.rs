//! A real browser, driven over WebDriver: plain HTTP to chromedriver.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::skipped;

/// A session of Chromium without a screen.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A new browser; `None` without Chromium, and the test is then reported as skipped.
    pub fn open() -> Option<Self> {
        let there = |name: &str| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
        if !there("chromium") || !there("chromedriver") {
            skipped("install chromium and chromium-driver");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=WARNING"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok())
            .expect("chromedriver says its port");
        // Further output must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Browser { driver, port, session: String::new(), _profile: profile };
        let data = browser._profile.path().display().to_string();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--user-data-dir={data}"),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let opened = browser.call("POST", "/session", &capabilities);
        browser.session = opened["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["value"].get("error").is_none(), "{method} {path}: {answer}");
        answer["value"].clone()
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}/{path}", self.session), body)
    }

    /// Sets the size of the viewport in CSS pixels, which are device pixels here.
    pub fn size(&self, width: u32, height: u32) {
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &params);
    }

    /// Sets the preferred color scheme: `light` or `dark`.
    pub fn scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    fn devtools(&self, method: &str, params: &Value) {
        self.command("goog/cdp/execute", &json!({ "cmd": method, "params": params }));
    }

    /// Opens a file.
    pub fn visit(&self, page: &Path) {
        self.command("url", &json!({ "url": format!("file://{}", page.display()) }));
    }

    /// The result of a script.
    pub fn eval(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Clicks an element as a user does.
    pub fn click(&self, selector: &str) {
        self.command(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types into an element as a user does.
    pub fn keys(&self, selector: &str, text: &str) {
        self.command(&format!("element/{}/value", self.element(selector)), &json!({ "text": text }));
    }

    /// Moves the mouse over an element.
    pub fn point_at(&self, selector: &str) {
        self.eval(&format!("document.querySelector('{selector}').scrollIntoView({{ block: 'center' }})"));
        // Scrolling must have ended, or the element moves away from under the mouse.
        std::thread::sleep(Duration::from_millis(200));
        let element = json!({ "element-6066-11e4-a52e-4f735466cecf": self.element(selector) });
        let to = json!({ "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": element });
        let mouse = json!({ "type": "pointer", "id": "m", "parameters": { "pointerType": "mouse" }, "actions": [to] });
        self.command("actions", &json!({ "actions": [mouse] }));
    }

    /// The log entries of a kind (`browser` or `performance`) since the last call.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        self.command("se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// The URLs requested since the last call.
    pub fn requests(&self) -> Vec<String> {
        let messages = self.log("performance").into_iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            (message["message"]["method"] == "Network.requestWillBeSent")
                .then(|| message["message"]["params"]["request"]["url"].as_str().unwrap_or("").to_owned())
        });
        messages.filter(|url| !url.starts_with("data:")).collect()
    }

    /// Saves a screenshot of the viewport if VAE_BENCH_SCREENSHOTS names a directory.
    pub fn screenshot(&self, name: &str) {
        let Some(dir) = std::env::var_os("VAE_BENCH_SCREENSHOTS") else { return };
        use base64::Engine;
        let picture = self.call("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(Path::new(&dir).join(name), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
