//! `finetune archs`: the zoo as a table, or one network's stages.

use std::io::{self, Write};

use report::text::{Side, aligned, count};
use zoo::archs::{self, Arch, ArchStage, Weights};

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
pub struct ArchsArguments {
    /// Network whose stages to show; by default all networks are listed.
    arch: Option<String>,
    /// Print JSON: a list of all networks, or one network.
    #[arg(long)]
    json: bool,
}

/// Prints all networks, or the stages of one.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &ArchsArguments) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match &arguments.arch {
        None => {
            let all = archs::all();
            if arguments.json { json(&mut out, &all)? } else { write!(out, "{}", table(&all))? }
        }
        Some(name) => {
            let network = zoo::network(name)?;
            let Some(arch) = archs::of(network) else { return Ok(()) };
            if arguments.json { json(&mut out, &arch)? } else { write!(out, "{}", stages(&arch))? }
        }
    }
    Ok(out.flush()?)
}

fn json(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// All networks, each family below its name and what it solved.
fn table(all: &[Arch]) -> String {
    let heading =
        ["network", "year", "stages", "parameters", "multiply-adds", "input", "ImageNet top-1, weights"];
    let row = |arch: &Arch| {
        vec![
            arch.name.to_owned(),
            arch.year.to_string(),
            arch.stages.len().to_string(),
            millions(arch.parameters),
            millions(arch.multiply_adds),
            format!("{0}x{0}", arch.input.crop),
            accuracies(&arch.weights),
        ]
    };
    let rows: Vec<_> = [heading.map(str::to_owned).to_vec()].into_iter().chain(all.iter().map(row)).collect();
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right, Side::Left];
    let table = aligned(&rows, &sides);
    let mut lines = table.lines();
    let mut out = format!("{}\n", lines.next().unwrap_or_default());
    let mut family = "";
    for (arch, line) in all.iter().zip(lines) {
        if arch.family != family {
            family = arch.family;
            out.push_str(&format!("\n{family}: {}\n", arch.solved));
        }
        out.push_str(&format!("{line}\n"));
    }
    out.push_str(
        "\nParameters without auxiliary heads; multiply-adds of one image, in convolutions and linear layers.\n\
         `finetune archs NAME` shows one network's stages.\n",
    );
    out
}

/// A number in millions with three significant digits.
fn millions(number: u64) -> String {
    let millions = number as f64 / 1e6;
    match millions {
        m if m < 1.0 => format!("{m:.3} M"),
        m if m < 10.0 => format!("{m:.2} M"),
        m if m < 100.0 => format!("{m:.1} M"),
        m => format!("{} M", count(m.round() as u64)),
    }
}

fn accuracies(weights: &[Weights]) -> String {
    let accuracies = weights.iter().map(|weights| match weights.accuracy {
        Some(accuracy) => format!("{accuracy:.1}% {}", weights.name),
        None => format!("features only {}", weights.name),
    });
    let accuracies: Vec<_> = accuracies.collect();
    if accuracies.is_empty() { "–".to_owned() } else { accuracies.join(", ") }
}

/// One network from input to head, with a bar for each stage's share of the multiply-adds.
fn stages(arch: &Arch) -> String {
    let Arch { name, year, family, solved, paper, input, .. } = arch;
    let mut out = format!("{name} ({year})\n{family}: {solved}\n{paper}\n\n");
    let heading = ["stage", "output", "stride", "parameters", "multiply-adds", ""];
    let input = vec!["input".to_owned(), format!("{0} x {1} x {1}", input.channels, input.crop)];
    let total = vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        count(arch.parameters),
        count(arch.multiply_adds),
    ];
    let heading = heading.map(str::to_owned).to_vec();
    let stages = arch.stages.iter().map(|stage| row(stage, arch.multiply_adds));
    let rows: Vec<_> = [heading, input].into_iter().chain(stages).chain([total]).collect();
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Left];
    out.push_str(&aligned(&rows, &sides));
    if arch.auxiliary_parameters > 0 {
        let more = count(arch.auxiliary_parameters);
        out.push_str(&format!("\nauxiliary heads, in training only: {more} more parameters\n"));
    }
    let line = |weights: &Weights| {
        let accuracy = match weights.accuracy {
            Some(accuracy) => format!("{accuracy:.3}% top-1 on ImageNet"),
            None => "features only".to_owned(),
        };
        let default = if weights.default { ", the default" } else { "" };
        format!("weights {}: {accuracy} ({}){default}\n", weights.name, weights.file)
    };
    out.push('\n');
    out.extend(arch.weights.iter().map(line));
    if arch.weights.is_empty() {
        out.push_str("no pretrained weights\n");
    }
    out
}

fn row(stage: &ArchStage, all: u64) -> Vec<String> {
    const LONGEST: f64 = 20.0;
    let extents: Vec<String> = stage.output.iter().map(ToString::to_string).collect();
    let share = stage.multiply_adds as f64 / all.max(1) as f64;
    vec![
        stage.name.to_owned(),
        extents.join(" x "),
        stage.stride.map_or("–".to_owned(), |stride| stride.to_string()),
        count(stage.parameters),
        count(stage.multiply_adds),
        "█".repeat((share * LONGEST).ceil() as usize),
    ]
}
