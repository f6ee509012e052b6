use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A folder that one process works in at a time, of several that share it, on one machine or on many: as long as this value
/// lives. It is taken with a file `lease` in it, which a thread writes again and again. Where the process that has it is gone,
/// another one takes it over: on its own machine at once, on another one when the file has grown too old, by the clock of the
/// file system alone.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    /// Ends the thread when it is dropped.
    beating: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How often a lease is renewed, and when it has expired.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Time between two renewals.
    pub beat: Duration,
    /// Age at which it counts no longer.
    pub expiry: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { beat: Duration::from_secs(10), expiry: Duration::from_secs(60) }
    }
}

/// Name of the file.
const LEASE: &str = "lease";
/// Begin the names of folders that are being taken, or were taken from a process that is gone.
const TAKING: &str = ".taking-";
const ABANDONED: &str = ".abandoned-";
/// Names the file by which the file system says what time it is.
const NOW: &str = ".now-";
/// Begins the name of the file of the process that is removing a folder.
const REMOVING: &str = ".removing-";
/// Time between two looks at the clock of the file system.
const LOOK: Duration = Duration::from_secs(1);

impl Lease {
    /// Takes a folder that does not exist yet, or whose process is gone, in place of all that it left there; `None` where another
    /// process has it, or has come to its end: then one of the files `ends` is there, written before the lease was given back. The
    /// folder above must exist.
    ///
    /// # Errors
    /// When it can be neither created nor looked at.
    pub fn take(folder: &Path, ends: &[&str], terms: Terms) -> io::Result<Option<Self>> {
        if folder.exists() && !remove_abandoned(folder, ends, terms)? {
            return Ok(None);
        }
        let taking = next_to(folder, TAKING);
        fs::create_dir(&taking)?;
        let written = fs::write(taking.join(LEASE), holder());
        // A folder with something in it is not replaced.
        let renamed = written.and_then(|()| fs::rename(&taking, folder));
        if let Err(error) = renamed {
            let _ = fs::remove_dir_all(&taking);
            return if folder.exists() { Ok(None) } else { Err(error) };
        }
        let (beating, over) = mpsc::channel::<()>();
        let file = folder.join(LEASE);
        let thread = thread::spawn(move || {
            while over.recv_timeout(terms.beat) == Err(RecvTimeoutError::Timeout) {
                if renew(&file).is_err() {
                    return;
                }
            }
        });
        Ok(Some(Self { folder: folder.to_path_buf(), beating: Some(beating), thread: Some(thread) }))
    }

    /// Removes the folder with all that is in it: another process may take it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn give_up(mut self) -> io::Result<()> {
        self.stop();
        // With its lease, so that no other process takes it for one that was left.
        let away = next_to(&self.folder, ABANDONED);
        match fs::rename(&self.folder, &away) {
            Ok(()) => self.folder.clone_from(&away),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        drop(self);
        fs::remove_dir_all(away)
    }

    fn stop(&mut self) {
        drop(self.beating.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Lease {
    /// The work in the folder is done, or comes to nothing.
    fn drop(&mut self) {
        self.stop();
        let file = self.folder.join(LEASE);
        if fs::read_to_string(&file).is_ok_and(|text| text == holder()) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Removes a folder whose process is gone before its end. Returns whether the folder can be taken now.
fn remove_abandoned(folder: &Path, ends: &[&str], terms: Terms) -> io::Result<bool> {
    let lease = folder.join(LEASE);
    let is_left =
        |look| Ok::<_, io::Error>(holder_of(&lease, terms, look)? != Holder::Alive && !has_any(folder, ends));
    if !is_left(Look::Seldom)? {
        return Ok(false);
    }
    // One process at a time, or a second one would remove what a third has taken meanwhile.
    let mut name = std::ffi::OsString::from(REMOVING);
    name.push(folder.file_name().unwrap_or_default());
    let removing = folder.with_file_name(name);
    if holder_of(&removing, terms, Look::Now)? == Holder::Gone {
        let _ = fs::remove_file(&removing);
    }
    let Ok(mut file) = File::create_new(&removing) else { return Ok(false) };
    let removed = file.write_all(holder().as_bytes()).and_then(|()| {
        // In this order: a folder that is there has its lease, and no other process removes it meanwhile.
        if folder.exists() {
            if !is_left(Look::Now)? {
                return Ok(false);
            }
            let away = next_to(folder, ABANDONED);
            fs::rename(folder, &away)?;
            fs::remove_dir_all(away)?;
        }
        Ok(true)
    });
    let _ = fs::remove_file(&removing);
    removed
}

fn has_any(folder: &Path, names: &[&str]) -> bool {
    names.iter().any(|name| folder.join(name).exists())
}

/// Who wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// There is none: a process takes a folder together with its lease.
    Nobody,
    /// A process that is gone.
    Gone,
    /// One that goes on, as far as that can be known.
    Alive,
}

/// Whether the clock of the file system is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// From time to time: until then a process of another machine counts as alive.
    Seldom,
    /// At once.
    Now,
}

fn holder_of(file: &Path, terms: Terms, look: Look) -> io::Result<Holder> {
    let is_alive = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
        Ok(text) => match is_alive(&text) {
            Some(is_alive) => is_alive,
            None => !is_expired(file, terms, look)?,
        },
    };
    Ok(if is_alive { Holder::Alive } else { Holder::Gone })
}

/// Writes the file again, which gives it the time of its file system; not that of a process that took the folder over.
fn renew(file: &Path) -> io::Result<()> {
    if fs::read_to_string(file)? != holder() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut open = OpenOptions::new().write(true).open(file)?;
    open.seek(SeekFrom::Start(0))?;
    open.write_all(holder().as_bytes())?;
    open.sync_data()
}

/// Whether a file was not renewed in time, as its file system counts it.
fn is_expired(file: &Path, terms: Terms, look: Look) -> io::Result<bool> {
    static LOOKED: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());
    if look == Look::Seldom {
        let mut looked = LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.get(file).is_some_and(|looked| looked.elapsed() < LOOK.min(terms.beat)) {
            return Ok(false);
        }
        looked.insert(file.to_path_buf(), Instant::now());
    }
    let clock = next_to(file, NOW);
    let now = File::create(&clock).and_then(|mut file| {
        file.write_all(b".")?;
        file.sync_data()?;
        file.metadata()?.modified()
    });
    let _ = fs::remove_file(&clock);
    let renewed = match fs::metadata(file).and_then(|about| about.modified()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        renewed => renewed,
    };
    Ok(now?.duration_since(renewed?).is_ok_and(|age| age > terms.expiry))
}

/// Who has a lease: host, its start, process, the start of that, a line each.
fn holder() -> String {
    let pid = std::process::id();
    format!("{}\n{}\n{pid}\n{}\n", host(), boot(), began(pid).unwrap_or_default())
}

/// Whether the process of a lease runs; `None` where that cannot be known: it is on another machine.
fn is_alive(holder: &str) -> Option<bool> {
    let mut lines = holder.lines();
    let (of, since, pid, start) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
    if of != host() || since.is_empty() {
        return None;
    }
    Some(since == boot() && began(pid.parse().ok()?).is_some_and(|began| began == start))
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// Names the time for which the machine has been up.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Returns when a process of this machine began, in a unit of the system; `None` where it is gone.
fn began(pid: u32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, which may hold anything, is in brackets; what follows begins with the state, the third field.
    let mut fields = status.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18).map(str::to_owned))?
}

/// Returns a path in the same folder that no other process uses.
fn next_to(folder: &Path, prefix: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.with_file_name(format!("{prefix}{}-{since:x}-{number}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_a_folder_and_what_it_leaves_behind_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cell");
        let take = || Lease::take(&folder, &["end"], Terms::default()).unwrap();
        let lease = take().unwrap();
        fs::write(folder.join("half"), "x").unwrap();
        assert!(take().is_none() && folder.join("half").exists());
        // Nobody has it, and it has come to no end.
        drop(lease);
        assert!(folder.join("half").exists() && !folder.join("lease").exists());
        let lease = take().unwrap();
        assert!(!folder.join("half").exists());
        fs::write(folder.join("end"), "x").unwrap();
        drop(lease);
        assert!(take().is_none() && folder.join("end").exists());
        fs::remove_file(folder.join("end")).unwrap();
        take().unwrap().give_up().unwrap();
        assert!(!folder.exists());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing else is left");
    }

    #[test]
    fn a_process_that_is_gone_leaves_its_folder_to_others() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cell");
        fs::create_dir(&folder).unwrap();
        let left = |text: &str| fs::write(folder.join("lease"), text).unwrap();
        let own = holder();
        let [of, since, pid, start] = own.lines().collect::<Vec<_>>().try_into().unwrap();
        let soon = Terms { beat: Duration::from_millis(20), expiry: Duration::from_millis(300) };
        // The same number, of a process that began at another time, or before the machine was started again.
        for gone in [format!("{of}\n{since}\n{pid}\n1\n"), format!("{of}\nbefore\n{pid}\n{start}\n")] {
            fs::create_dir_all(&folder).unwrap();
            left(&gone);
            Lease::take(&folder, &[], Terms::default()).unwrap().unwrap().give_up().unwrap();
        }
        // On another machine: as long as it is renewed.
        fs::create_dir_all(&folder).unwrap();
        left("elsewhere\nx\n1\n1\n");
        assert!(Lease::take(&folder, &[], soon).unwrap().is_none());
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(50));
            left("elsewhere\nx\n1\n1\n");
            assert!(Lease::take(&folder, &[], soon).unwrap().is_none());
        }
        thread::sleep(Duration::from_millis(400));
        let lease = Lease::take(&folder, &[], soon).unwrap().unwrap();
        // It is renewed.
        let renewed = || fs::metadata(folder.join("lease")).unwrap().modified().unwrap();
        let before = renewed();
        let began = Instant::now();
        while renewed() == before {
            assert!(began.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(5));
        }
        drop(lease);
    }

    #[test]
    fn of_many_that_take_it_one_has_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cell");
        for round in 0..60 {
            if round % 2 == 1 {
                // Left by a process that is gone.
                fs::create_dir(&folder).unwrap();
                fs::write(folder.join("lease"), format!("{}\nbefore\n1\n1\n", host())).unwrap();
            }
            let taken: Vec<Lease> = thread::scope(|threads| {
                let take = || Lease::take(&folder, &[], Terms::default()).unwrap();
                let all: Vec<_> = (0..6).map(|_| threads.spawn(take)).collect();
                all.into_iter().filter_map(|one| one.join().unwrap()).collect()
            });
            assert_eq!(taken.len(), 1, "round {round}");
            taken.into_iter().for_each(|lease| lease.give_up().unwrap());
        }
    }
}
