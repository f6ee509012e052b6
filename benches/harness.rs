//! Times small pieces of work: warm-up, then several samples, each reported.
//!
//! In place of a library for it: that would bring plots and threads of its own, and turn on features of our dependencies
//! that have tch compiled a second time.
//!
//!     BENCH [--bench] [--quick] [--json] [WORK]...
//!
//! Without `--bench`, as `cargo test --benches` calls it, each work is done once, to see that it works. Without names all
//! of it is done.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// How much is done of each work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Once, unmeasured.
    Once,
    /// Three samples of one run.
    Quick,
    Full,
}

/// Written for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A line a work.
    Text,
    /// An object a line, with seconds for one piece in each sample.
    Json,
}

/// What the command line asks for.
pub(crate) struct Harness {
    extent: Extent,
    form: Form,
    /// What is still to be done; `None` for all.
    wanted: Option<Vec<String>>,
}

/// What one run of a work gets done.
pub(crate) struct Amount {
    pub(crate) count: u32,
    /// What is counted, in the singular.
    pub(crate) of: &'static str,
}

const WARM_UP: Duration = Duration::from_millis(500);
const SAMPLE: Duration = Duration::from_millis(200);
const SAMPLES: u32 = 11;

impl Harness {
    pub(crate) fn asked() -> Self {
        let (flags, names): (Vec<String>, Vec<String>) =
            env::args().skip(1).partition(|word| word.starts_with("--"));
        let has = |flag: &str| flags.iter().any(|word| word == flag);
        let extent = match (has("--bench"), has("--quick")) {
            (false, _) => Extent::Once,
            (true, true) => Extent::Quick,
            (true, false) => Extent::Full,
        };
        let form = if has("--json") { Form::Json } else { Form::Text };
        Self { extent, form, wanted: (!names.is_empty()).then_some(names) }
    }

    /// Times a work if it is asked for. `prepare` makes what is done again and again; no clock sees that.
    pub(crate) fn time<Work: FnMut() -> Outcome>(
        &mut self,
        name: &str,
        amount: &Amount,
        prepare: impl FnOnce() -> Result<Work, Box<dyn Error>>,
    ) -> Outcome {
        if let Some(wanted) = &mut self.wanted {
            let Some(at) = wanted.iter().position(|wanted| wanted == name) else { return Ok(()) };
            wanted.remove(at);
        }
        let mut work = prepare()?;
        let (samples, runs) = match self.extent {
            Extent::Once => return work(),
            Extent::Quick => (3, warm_up(&mut work, Duration::ZERO).map(|_| 1)?),
            Extent::Full => (SAMPLES, fitting(warm_up(&mut work, WARM_UP)?)),
        };
        let pieces = f64::from(runs) * f64::from(amount.count);
        let mut seconds = Vec::new();
        for _ in 0..samples {
            let started = Instant::now();
            for _ in 0..runs {
                work()?;
            }
            seconds.push(started.elapsed().as_secs_f64() / pieces);
        }
        self.tell(name, amount.of, runs, &mut seconds);
        Ok(())
    }

    fn tell(&self, name: &str, of: &str, runs: u32, seconds: &mut [f64]) {
        match self.form {
            Form::Json => {
                println!(r#"{{"name": "{name}", "of": "{of}", "runs": {runs}, "seconds": {seconds:?}}}"#);
            }
            Form::Text => {
                seconds.sort_by(f64::total_cmp);
                let [median, least, greatest] =
                    [seconds.len() / 2, 0, seconds.len() - 1].map(|at| seconds[at] * 1e3);
                println!("{name}: {median:.3} ms ({least:.3} to {greatest:.3}) a {of}");
            }
        }
    }

    /// # Errors
    /// When a work was asked for that there is not.
    pub(crate) fn end(self) -> Outcome {
        match self.wanted.unwrap_or_default().as_slice() {
            [] => Ok(()),
            unknown => Err(format!("there is no such work here: {}", unknown.join(", ")).into()),
        }
    }
}

/// Does it for so long, and at least twice; the seconds of the last run.
fn warm_up(work: &mut impl FnMut() -> Outcome, least: Duration) -> Result<f64, Box<dyn Error>> {
    let began = Instant::now();
    work()?;
    loop {
        let started = Instant::now();
        work()?;
        if began.elapsed() >= least {
            return Ok(started.elapsed().as_secs_f64());
        }
    }
}

/// How many runs fill a sample.
fn fitting(seconds: f64) -> u32 {
    (SAMPLE.as_secs_f64() / seconds).clamp(1.0, 1e6) as u32
}
