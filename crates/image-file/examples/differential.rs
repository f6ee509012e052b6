//! What `tests/differential/` needs of Rust: damaged copies of image files, and this crate's answer for any file.
//!
//!     differential make SEED COUNT FOLDER    that many damaged copies of the files of `tests/differential/whole`
//!     differential read                      one path a line on stdin; for each a line on stdout,
//!                                            `ok WIDTH HEIGHT MILLISECONDS` and then the pixels, 3 bytes each,
//!                                            or `refused MILLISECONDS WHY`, or `panicked`

#[path = "../tests/differential/mutations.rs"]
mod mutations;

use std::env;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::panic;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", seed, count, folder] => make(seed.parse()?, count.parse()?, Path::new(folder)),
        ["read"] => read(),
        _ => Err("usage: differential make SEED COUNT FOLDER | differential read".into()),
    }
}

fn make(seed: u64, count: usize, folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let whole = mutations::whole_files()?;
    for index in 0..count {
        let damaged = mutations::damaged(&whole, seed, index);
        std::fs::write(folder.join(&damaged.name), &damaged.bytes)?;
    }
    Ok(())
}

fn read() -> Result<(), Box<dyn Error>> {
    panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        let path = path?;
        let start = Instant::now();
        let outcome = panic::catch_unwind(|| image_file::decode(Path::new(&path)));
        let time = start.elapsed().as_millis();
        match outcome {
            Ok(Ok(image)) => {
                writeln!(out, "ok {} {} {time}", image.width(), image.height())?;
                out.write_all(image.as_raw())?;
            }
            Ok(Err(error)) => writeln!(out, "refused {time} {}", error.to_string().replace('\n', " "))?,
            Err(_) => writeln!(out, "panicked")?,
        }
        out.flush()?;
    }
    Ok(())
}
