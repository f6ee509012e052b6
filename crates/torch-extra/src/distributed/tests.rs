//! Two processes: this test program starts itself again. It fails loudly with a libtorch whose c10d is another one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use super::{AVAILABLE, Group, Member, Reducer, Store};

const TIMEOUT: Duration = Duration::from_secs(20);
const WIDE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// Starts the test `name` again as each rank but 0, and returns the store's path.
struct Peers {
    folder: tempfile::TempDir,
    children: Vec<Child>,
}

fn start(name: &str) -> Peers {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("distributed::tests::{name}"), "--nocapture"]);
    command.env("TORCH_EXTRA_STORE", folder.path().join("store")).stdout(Stdio::null());
    Peers { children: vec![command.spawn().unwrap()], folder }
}

impl Peers {
    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The store's path in a process that was started again.
fn started() -> Option<PathBuf> {
    std::env::var_os("TORCH_EXTRA_STORE").map(PathBuf::from)
}

fn group(path: &Path, rank: usize, timeout: Duration) -> (Store, Group) {
    let store = Store::file(path, 2).unwrap();
    let group = Group::gloo(&store, "g", Member { rank, world: 2 }, Some("lo"), timeout).unwrap();
    (store, group)
}

/// Two layers and a bias, with values that do not depend on who asks.
fn network() -> Vec<Tensor> {
    [(vec![5i64, 4], 1u64), (vec![5], 2), (vec![3, 5], 3)]
        .into_iter()
        .map(|(shape, seed)| crate::random::uniform(&shape, Kind::Double, 1.0, seed).set_requires_grad(true))
        .collect()
}

/// The mean loss of rows of a batch of 12.
fn loss(network: &[Tensor], rows: std::ops::Range<i64>) -> Tensor {
    let x =
        crate::random::uniform(&[12, 4], Kind::Double, 1.0, 9).narrow(0, rows.start, rows.end - rows.start);
    let hidden = (x.matmul(&network[0].transpose(0, 1)) + &network[1]).tanh();
    hidden.matmul(&network[2].transpose(0, 1)).square().sum(Kind::Double) / 12.0
}

fn zero_loss(network: &[Tensor]) -> Tensor {
    network.iter().map(|value| (value * 0.0).sum(Kind::Double)).reduce(|sum, value| sum + value).unwrap()
}

fn forget(network: &mut [Tensor]) {
    network.iter_mut().for_each(Tensor::zero_grad);
}

/// Steps of both kinds: rows of both ranks, two backward passes before the sum, rank 1 without work, one more of each so that
/// buckets are rebuilt in between.
fn take_steps(rank: usize, group: &Group) {
    let mut network = network();
    let mut reducer = Reducer::new(group, &network).unwrap();
    for step in 0..6 {
        forget(&mut network);
        let parts: &[(i64, i64)] = match (step % 3, rank) {
            (0, 0) => &[(0, 7)],
            (0, _) => &[(7, 12)],
            (1, 0) => &[(0, 2), (2, 5)],
            (1, _) => &[(5, 6), (6, 12)],
            (_, 0) => &[(0, 12)],
            _ => &[],
        };
        let of = |&(start, end): &(i64, i64)| loss(&network, start..end);
        if let [before @ .., last] = parts {
            before.iter().for_each(|rows| of(rows).f_backward().unwrap());
            reducer.expect().unwrap();
            of(last).f_backward().unwrap();
        } else {
            reducer.expect().unwrap();
            zero_loss(&network).f_backward().unwrap();
        }
        reducer.finished().unwrap();
        let mut alone = self::network();
        loss(&alone, 0..12).backward();
        for (own, whole) in network.iter().zip(&mut alone) {
            let apart = (own.grad() - whole.grad()).abs().max().double_value(&[]);
            assert!(apart < 1e-14, "step {step}, rank {rank}: {apart}");
            assert!(whole.grad().abs().max().double_value(&[]) > 1e-3);
        }
    }
    // Without one of its parameters a pass is not finished, and that is an error, not a hang.
    drop(reducer);
    let mut reducer = Reducer::new(group, &network).unwrap();
    reducer.expect().unwrap();
    zero_loss(&network[..2]).f_backward().unwrap();
    assert!(reducer.finished().unwrap_err().to_string().contains("indices"));
}

#[test]
fn two_processes_have_the_gradients_of_one() {
    const { assert!(AVAILABLE) };
    if let Some(path) = started() {
        let (_store, group) = group(&path, 1, TIMEOUT);
        return take_steps(1, &group);
    }
    let mut peers = start("two_processes_have_the_gradients_of_one");
    let (_store, group) = group(&peers.store(), 0, TIMEOUT);
    take_steps(0, &group);
    assert!(peers.children[0].wait().unwrap().success());
}

fn collect(rank: usize, store: &Store, group: &Group) {
    let mut sum = Tensor::from_slice(&[rank as f64 + 1.0, 0.5]);
    group.sum(&mut sum).unwrap();
    assert_eq!(Vec::<f64>::try_from(&sum).unwrap(), [3.0, 1.0]);
    let mut bounds = [Tensor::from_slice(&[rank as f64]), Tensor::from_slice(&[rank as f64])];
    group.min(&mut bounds[0]).unwrap();
    group.max(&mut bounds[1]).unwrap();
    assert_eq!(bounds.map(|bound| bound.double_value(&[0])), [0.0, 1.0]);
    // Gloo itself would read and write the memory of a transposed tensor in another order.
    let table = Tensor::arange(6, WIDE).view([2, 3]) * (rank as f64 + 1.0);
    let mut turned = table.transpose(0, 1);
    group.sum(&mut turned).unwrap();
    assert_eq!(Vec::<f64>::try_from(table.flatten(0, 1)).unwrap(), [0.0, 3.0, 6.0, 9.0, 12.0, 15.0]);
    let mut from_other = Tensor::from_slice(&[rank as i64 * 7]);
    group.broadcast(&mut from_other, 1).unwrap();
    assert_eq!(from_other.int64_value(&[0]), 7);
    let other = store.below("p/").unwrap().another().unwrap();
    other.set(&format!("of {rank}"), &[1, 0, 2]).unwrap();
    assert_eq!(other.get(&format!("of {}", 1 - rank), TIMEOUT).unwrap(), [1, 0, 2]);
    assert!(!other.has("nobody").unwrap() && other.has(&format!("of {rank}")).unwrap());
    assert!(other.get("nobody", Duration::from_millis(50)).is_err());
}

#[test]
fn values_are_summed_bounded_sent_and_found() {
    if let Some(path) = started() {
        let (store, group) = group(&path, 1, TIMEOUT);
        return collect(1, &store, &group);
    }
    let mut peers = start("values_are_summed_bounded_sent_and_found");
    let (store, group) = group(&peers.store(), 0, TIMEOUT);
    collect(0, &store, &group);
    assert!(peers.children[0].wait().unwrap().success());
}

/// The peer is killed while this process sums gradients within a backward pass: an error, and soon.
#[test]
fn a_killed_peer_is_an_error_of_the_backward_pass() {
    if let Some(path) = started() {
        let (store, group) = group(&path, 1, TIMEOUT);
        let network = network();
        let _reducer = Reducer::new(&group, &network).unwrap();
        store.set("ready", &[1]).unwrap();
        loop {
            std::thread::sleep(TIMEOUT);
        }
    }
    let mut peers = start("a_killed_peer_is_an_error_of_the_backward_pass");
    let (store, group) = group(&peers.store(), 0, TIMEOUT);
    let network = network();
    let mut reducer = Reducer::new(&group, &network).unwrap();
    store.get("ready", TIMEOUT).unwrap();
    reducer.expect().unwrap();
    let mut child = peers.children.remove(0);
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let began = Instant::now();
    let failed = loss(&network, 0..6).f_backward();
    assert!(failed.is_err());
    assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
    killer.join().unwrap();
    assert!(group.sum(&mut Tensor::from_slice(&[1.0])).is_err());
    // The destructors of what failed might wait.
    std::mem::forget((reducer, group, store));
}
