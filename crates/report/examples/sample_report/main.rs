//! Draws the pages, the tables and the events from invented records, for work on their looks.
//!
//! Usage: `cargo run -p report --example sample_report -- FOLDER`. No figure in the output was measured.

#[path = "advice.rs"]
mod sample_advice;
#[path = "audit.rs"]
mod sample_audit;
mod samples;

use std::path::PathBuf;
use std::{env, fs};

use report::{events, text, write_advice, write_audit, write_comparison, write_run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(env::args_os().nth(1).ok_or("name a folder to write into")?);
    let runs = [
        ("run", samples::run()),
        ("interrupted", samples::interrupted()),
        ("thousand", samples::thousand_classes()),
        ("advised", sample_advice::advised_run()),
    ];
    for (name, run) in runs {
        let dir = out.join(name);
        fs::create_dir_all(&dir)?;
        write_run(&run, &dir)?;
        events::write_run(&run, &dir.join("events"))?;
        fs::write(dir.join("summary.json"), serde_json::to_string(&run)?)?;
        println!("{}", text::run_summary(&run));
    }
    let dir = out.join("comparison");
    fs::create_dir_all(&dir)?;
    write_comparison(&samples::comparison(), &dir)?;
    events::write_comparison(&samples::comparison(), &dir.join("events"))?;
    fs::write(dir.join("summary.json"), serde_json::to_string(&samples::comparison())?)?;
    println!("{}", text::comparison_table(&samples::comparison()));
    let dir = out.join("advice");
    fs::create_dir_all(&dir)?;
    write_advice(&sample_advice::advice(), &dir)?;
    events::write_advice(&sample_advice::advice(), &dir.join("events"))?;
    fs::write(dir.join("summary.json"), serde_json::to_string(&sample_advice::advice())?)?;
    println!("{}", text::advice(&sample_advice::advice()));
    let dir = out.join("audit");
    fs::create_dir_all(&dir)?;
    write_audit(&sample_audit::audit(), &dir)?;
    fs::write(dir.join("audit.json"), serde_json::to_string(&sample_audit::audit())?)?;
    println!("{}", text::audit(&sample_audit::audit()));
    Ok(())
}
