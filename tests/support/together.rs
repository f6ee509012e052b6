//! Several processes of the program that train together, each started as `torchrun` starts it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Desk, Ran};

/// Time in which all processes must end.
const LIMIT: Duration = Duration::from_secs(90);

/// Processes that were started.
pub(crate) struct Together {
    ranks: Vec<Process>,
    folder: TempDir,
}

struct Process {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
}

/// Where the processes meet.
pub(crate) enum Meeting {
    /// A file.
    File,
    /// A port of this machine, which rank 0 serves.
    Port(u16),
}

impl Together {
    /// Starts processes in the folder of a desk; `of_rank` may change what one of them is started with.
    pub(crate) fn start(
        desk: &Desk,
        world: usize,
        arguments: &[&str],
        meeting: &Meeting,
        of_rank: impl Fn(usize, &mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ranks = (0..world).map(|rank| {
            let mut program = desk.program();
            program.args(arguments).env("FINETUNE_CHECK_TEAM", "1");
            for (name, value) in
                [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", world), ("LOCAL_WORLD_SIZE", world)]
            {
                program.env(name, value.to_string());
            }
            match meeting {
                Meeting::File => program.env("FINETUNE_STORE", folder.path().join("store")),
                Meeting::Port(port) => {
                    program.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string())
                }
            };
            program.env("TORCHELASTIC_ERROR_FILE", error_file(folder.path(), rank));
            of_rank(rank, &mut program);
            Process::start(&mut program)
        });
        Self { ranks: ranks.collect(), folder }
    }

    /// Waits until a rank has said this on stderr.
    pub(crate) fn until(&self, rank: usize, text: &str) {
        let began = Instant::now();
        while !self.ranks[rank].said.lock().unwrap().contains(text) {
            assert!(began.elapsed() < LIMIT, "rank {rank} has not said {text:?}:\n{}", self.all_said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a rank has said on stderr.
    pub(crate) fn said(&self, rank: usize) -> String {
        self.ranks[rank].said.lock().unwrap().clone()
    }

    /// Process number of a rank.
    pub(crate) fn pid(&self, rank: usize) -> i32 {
        i32::try_from(self.ranks[rank].child.id()).unwrap()
    }

    /// What a rank left for `torchrun` as the cause of its failure.
    pub(crate) fn error_file(&self, rank: usize) -> PathBuf {
        error_file(self.folder.path(), rank)
    }

    /// Waits for these ranks, kills the others, and returns what came of all of them. The folder stays as long as the value.
    pub(crate) fn end(&mut self, waited_for: &[usize]) -> Vec<Ran> {
        let began = Instant::now();
        for &rank in waited_for {
            while self.ranks[rank].child.try_wait().unwrap().is_none() {
                if began.elapsed() > LIMIT {
                    let said = self.all_said();
                    self.ranks.iter_mut().for_each(|process| drop(process.child.kill()));
                    panic!("rank {rank} hangs:\n{said}");
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        self.ranks.iter_mut().map(Process::end).collect()
    }

    fn all_said(&self) -> String {
        let all = self.ranks.iter().enumerate();
        all.map(|(rank, process)| format!("rank {rank}:\n{}\n", process.said.lock().unwrap())).collect()
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        for process in &mut self.ranks {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

impl Process {
    fn start(program: &mut Command) -> Self {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (mut stdout, stderr) =
            (child.stdout.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let hears = said.clone();
        let stderr = thread::spawn(move || {
            for line in stderr.lines() {
                let mut said = hears.lock().unwrap();
                said.push_str(&line.unwrap());
                said.push('\n');
            }
        });
        Self { child, stdout: Some(stdout), stderr: Some(stderr), said }
    }

    fn end(&mut self) -> Ran {
        let _ = self.child.kill();
        let code = self.child.wait().unwrap().code();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        self.stderr.take().unwrap().join().unwrap();
        Ran { code, stdout, stderr: self.said.lock().unwrap().clone() }
    }
}

fn error_file(folder: &Path, rank: usize) -> PathBuf {
    folder.join(format!("error-{rank}.json"))
}
