//! `finetune serve` and what `predict` tells of an image besides its class: heat maps, training images, several views.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::short_runs::DESK;
use crate::support::{Ran, names};

/// A run of its own, with its data.
fn run() -> &'static str {
    static RUN: std::sync::LazyLock<()> = std::sync::LazyLock::new(|| {
        DESK.finetune("--config c.toml --out served --set train.epochs=3").ends(0, &[]);
    });
    std::sync::LazyLock::force(&RUN);
    "served"
}

/// A server, which is ended with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(words: &str) -> Self {
        let mut program: Command = DESK.program();
        program.args(["serve", "--listen", "127.0.0.1:0", "--threads", "1"]).args(words.split_whitespace());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address }
    }

    /// Sends an image.
    fn ask(&self, route: &str, image: &[u8]) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let address = &self.address;
        let length = image.len();
        let head = format!(
            "POST {route} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), image].concat()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        let text = String::from_utf8(response).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        serde_json::from_str(body).unwrap()
    }

    /// Asks it to end, and returns what came of it.
    fn end(mut self) -> Ran {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Ran { code: self.child.wait().unwrap().code(), stdout: String::new(), stderr }
    }
}

#[test]
fn a_server_answers_as_predict_does_and_ends_when_it_is_asked() {
    let (desk, run) = (&*DESK, run());
    let server = Server::start(&format!("--run {run} --neighbors 3"));
    for image in ["data/val/bar/100.png", "data/val/cross/101.png"] {
        let line =
            desk.finetune(&format!("predict --run {run} --threads 1 --json {image}")).ends(0, &[]).stdout;
        let line: Value = serde_json::from_str(&line).unwrap();
        let bytes = fs::read(desk.path(image)).unwrap();
        let answer = server.ask("/predict", &bytes);
        for key in ["class", "probability", "top"] {
            assert_eq!(answer[key], line[key], "{image}: {key}");
        }
        let explained = server.ask("/explain", &bytes);
        assert_eq!(explained["probability"], line["probability"]);
        assert_eq!(explained["heat_map"]["stage"], "conv2");
        let neighbors = explained["neighbors"].as_array().unwrap();
        assert_eq!(neighbors.len(), 3);
        for neighbor in neighbors {
            let path = neighbor["path"].as_str().unwrap();
            assert!(desk.path("data").join(path).is_file() && path.starts_with("train/"), "{path}");
            assert!(path.contains(neighbor["class"].as_str().unwrap()), "{neighbor}");
        }
        // What explains changes nothing of what is answered later.
        assert_eq!(server.ask("/predict", &bytes), answer);
    }
    server.end().ends(0, &["training images to compare with", "ending"]);
    // The second start computes nothing again.
    let server = Server::start(&format!("--run {run}"));
    server.end().ends(0, &["0 of them computed now"]);
    desk.finetune(&format!("serve --run {run} --listen 127.0.0.1:99999")).ends(2, &["--listen"]);
    desk.finetune("serve --run nowhere --listen 127.0.0.1:0").ends(1, &["nowhere"]);
}

#[test]
fn training_images_most_like_an_image_are_named() {
    let (desk, run) = (&*DESK, run());
    let predict = |words: &str| {
        let said = desk.finetune(&format!("predict --run {run} --threads 1 {words}")).ends(0, &[]).stdout;
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // A training image is most like itself, and not named; its copy is.
    fs::copy(desk.path("data/train/bar/001.png"), desk.path("copy.png")).unwrap();
    let lines = predict("--json --neighbors 2 copy.png data/train/bar/001.png");
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["neighbors"].clone();
    let [copy, itself] = [of(&lines[0]), of(&lines[1])];
    assert_eq!((&copy[0]["path"], &copy[0]["class"]), (&"data/train/bar/001.png".into(), &"bar".into()));
    assert!((copy[0]["similarity"].as_f64().unwrap() - 1.0).abs() < 1e-5);
    assert_eq!(itself[0], copy[1]);
    assert_eq!(itself.as_array().unwrap().len(), 2);
    let text = predict("--neighbors 2 copy.png");
    assert!(text.len() == 3 && text[1].starts_with("    1.000 bar data/train/bar/001.png"), "{text:?}");
    // Probabilities are those without.
    let plain: Value = serde_json::from_str(&predict("--json copy.png")[0]).unwrap();
    let with: Value = serde_json::from_str(&predict("--json --neighbors 1 copy.png")[0]).unwrap();
    assert_eq!(plain["top"], with["top"]);
    let model = "--arch lenet5_relu --weights m.safetensors";
    desk.finetune(&format!("predict {model} --neighbors 1 copy.png")).ends(1, &["--data"]);
    desk.finetune(&format!("predict {model} --neighbors 1 --data data copy.png")).ends(0, &[]);
}

#[test]
fn heat_maps_are_drawn_for_each_image_that_was_classified() {
    let (desk, run) = (&*DESK, run());
    desk.write("mixed/broken.png", "no image");
    for number in 100..106 {
        desk.draw("mixed", "bar", number..number + 1);
    }
    let said =
        desk.finetune(&format!("predict --run {run} --json --heat-maps maps mixed")).ends(0, &["broken.png"]);
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let files: Vec<&str> = lines.iter().map(|line| line["heat_map"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 6);
    assert_eq!(
        names(&desk.path("maps")),
        files.iter().map(|file| &file["maps/".len()..]).collect::<Vec<_>>()
    );
    for file in files {
        let map = image::open(desk.path(file)).unwrap();
        assert_eq!((map.width(), map.height()), (28, 28));
    }
}

#[test]
fn several_views_are_averaged_and_lists_come_in_and_go_out() {
    let (desk, run) = (&*DESK, run());
    let predict =
        |words: &str| desk.finetune(&format!("predict --run {run} --threads 1 {words}")).ends(0, &[]).stdout;
    let images = "data/val/bar/100.png data/val/cross/100.png data/val/cross/101.png";
    let shares = |said: &str| -> Vec<f64> {
        said.lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["top"][0]["probability"].as_f64().unwrap()
            })
            .collect()
    };
    let (one, several) = (predict(&format!("--json {images}")), predict(&format!("--json --tta {images}")));
    assert!(one != several && shares(&several).iter().all(|share| (0.5..=1.0).contains(share)), "{several}");
    // Batches change nothing but the last digits.
    let alone = predict(&format!("--json --tta --batch-size 1 {images}"));
    for (a, b) in shares(&several).iter().zip(shares(&alone)) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    desk.finetune(&format!("predict --run {run} --tta --json --logits {images}")).ends(2, &["--tta"]);

    desk.write("names.txt", images.replace(' ', "\r\n") + "\n");
    assert_eq!(predict("--json --list names.txt"), one);
    desk.write("names.csv", "path\nval/bar/100.png\nval/cross/100.png\nval/cross/101.png\n");
    assert_eq!(predict("--json --list names.csv --root data"), one);
    let mut program = desk.program();
    program.args(["predict", "--run", run, "--threads", "1", "--csv", "-", "--list", "-"]);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(images.replace(' ', "\n").as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows.len() == 4 && rows[0].starts_with("path,class,probability,"), "{out}");
    for (row, line) in rows[1..].iter().zip(one.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!((cells[0], cells[1]), (line["path"].as_str().unwrap(), line["class"].as_str().unwrap()));
        assert_eq!(cells[2].parse::<f64>().unwrap(), line["probability"].as_f64().unwrap());
    }
    desk.finetune(&format!("predict --run {run} --csv - --json {images}")).ends(1, &["stdout"]);
    desk.finetune(&format!("predict --run {run} --list nowhere.txt")).ends(1, &["nowhere.txt"]);
    desk.finetune(&format!("predict --run {run} -")).ends(1, &["--list -"]);
}
