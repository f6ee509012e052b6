//! Clients that are slow, silent, gone or too many, and the end of the server.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde_json::json;
use serve::Limits;

use crate::client::{ask, connect, exchange, read, request};
use crate::model::{BLUE, ODD, RED, Running, SLOW, WHITE, png};

/// What came of requests sent at once.
fn at_once(server: &Running, count: usize, colour: [u8; 3]) -> Vec<u16> {
    let asked: Vec<_> = (0..count)
        .map(|_| {
            let address = server.address;
            thread::spawn(move || ask(address, "POST /predict", &png(colour)).status)
        })
        .collect();
    asked.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn too_many_at_once_are_refused_and_the_others_answered() {
    let server = Running::with(Limits { queue: 3, ..Limits::default() });
    let statuses = at_once(&server, 12, BLUE);
    let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert!(count(200) >= 3 && count(503) >= 1 && count(200) + count(503) == 12, "{statuses:?}");
    assert_eq!(server.computed.load(Ordering::SeqCst), count(200));
    assert_eq!(ask(server.address, "GET /status", b"").json()["refused"], json!(count(503)));
    assert_eq!(ask(server.address, "POST /predict", &png(WHITE)).status, 200);
}

#[test]
fn what_waits_is_computed_at_once_and_a_bad_image_harms_no_other() {
    let server = Running::in_batches(4, Limits::default());
    let ask_for = |colour: [u8; 3]| {
        let address = server.address;
        thread::spawn(move || ask(address, "POST /predict", &png(colour)))
    };
    let slow = ask_for(BLUE);
    while server.computed.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let asked = [WHITE, RED, ODD, WHITE].map(|colour| (colour, ask_for(colour)));
    assert_eq!(slow.join().unwrap().status, 200);
    let alone = ask(server.address, "POST /predict", &png(WHITE));
    for (colour, answer) in asked {
        let answer = answer.join().unwrap();
        assert_eq!(answer.status, if colour == WHITE { 200 } else { 500 }, "{colour:?}");
        if colour == WHITE {
            assert_eq!(answer.json(), alone.json());
        }
    }
    // How many of them stood in the queue when the slow one was done depends on the machine.
    assert!(server.together.load(Ordering::SeqCst) > 1);
    let status = ask(server.address, "GET /status", b"").json();
    assert_eq!((&status["answered"], &status["failed"]), (&json!(4), &json!(2)), "{status}");
}

#[test]
fn what_waited_too_long_or_has_no_client_any_more_is_not_computed() {
    let server = Running::with(Limits { deadline: SLOW + SLOW / 2, ..Limits::default() });
    let statuses = at_once(&server, 6, BLUE);
    let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert!(count(504) >= 2 && count(200) >= 1 && count(200) + count(504) == 6, "{statuses:?}");
    let before = server.computed.load(Ordering::SeqCst);
    assert_eq!(before, count(200));

    let server = Running::with(Limits::default());
    let mut slow = connect(server.address);
    slow.write_all(&request(server.address, "POST /predict", &[], &png(BLUE))).unwrap();
    while server.computed.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    // They wait behind it, and go.
    for _ in 0..4 {
        let mut gone = connect(server.address);
        gone.write_all(&request(server.address, "POST /predict", &[], &png(BLUE))).unwrap();
        thread::sleep(SLOW / 12);
    }
    assert_eq!(read(&mut slow).unwrap().status, 200);
    assert_eq!(ask(server.address, "POST /predict", &png(WHITE)).status, 200);
    let dropped = ask(server.address, "GET /status", b"").json()["dropped"].as_u64().unwrap();
    let computed = server.computed.load(Ordering::SeqCst) as u64;
    assert!(dropped >= 2 && computed + dropped <= 6, "{dropped} dropped, {computed} computed");
}

#[test]
fn silent_and_slow_clients_make_room_for_one_that_asks() {
    let limits = Limits { connections: 20, head: Duration::from_millis(300), ..Limits::default() };
    let server = Running::with(limits);
    let mut crowd: Vec<_> = (0..60).map(|_| connect(server.address)).collect();
    for stream in crowd.iter_mut().skip(30) {
        let _ = stream.write_all(b"POST /predict HTTP/1.1\r\nHo");
    }
    assert_eq!(ask(server.address, "POST /predict", &png(WHITE)).status, 200);
    // A head that does not end is not waited for.
    let mut slow = connect(server.address);
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert!(read(&mut slow).is_none_or(|response| response.status == 408));
    // A head without measure is none.
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", server.address, "x".repeat(100_000));
    let refused = exchange(&mut connect(server.address), long.as_bytes());
    assert!(refused.is_none_or(|response| response.status == 431));
    for nonsense in [&b"\0\0\0\0\r\n\r\n"[..], b"GET\r\n\r\n", b"POST /predict HTTP/9\r\n\r\n", &[0xFF; 4000]]
    {
        let refused = exchange(&mut connect(server.address), nonsense);
        assert!(refused.is_none_or(|response| response.status >= 400));
    }
    assert_eq!(ask(server.address, "GET /status", b"").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Running::with(Limits { deadline: Duration::from_millis(200), ..Limits::default() });
    let mut slow = connect(server.address);
    let whole = request(server.address, "POST /predict", &[], &png(WHITE));
    assert_eq!(exchange(&mut slow, &whole[..whole.len() - 30]).unwrap().status, 408);
}

#[test]
fn images_that_were_damaged_break_nothing() {
    let server = Running::with(Limits::default());
    let whole = png([10, 200, 90]);
    let mut stream = connect(server.address);
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        let response =
            exchange(&mut stream, &request(server.address, "POST /predict", &[], &damaged)).unwrap();
        assert!([200, 422].contains(&response.status), "{place}: {response:?}");
    }
    assert_eq!(ask(server.address, "GET /status", b"").json()["failed"], json!(0));
}

#[test]
fn the_end_loses_nothing_that_was_accepted() {
    for round in 0..8u32 {
        let mut server = Running::with(Limits::default());
        // Connections with a request in them, and silent ones.
        let silent: Vec<_> = (0..3).map(|_| connect(server.address)).collect();
        let asking: Vec<_> = (0..6)
            .map(|number| {
                let mut stream = connect(server.address);
                let colour = if number == 0 { BLUE } else { WHITE };
                stream.write_all(&request(server.address, "POST /predict", &[], &png(colour))).unwrap();
                stream
            })
            .collect();
        thread::sleep(Duration::from_millis(u64::from(round * 5)));
        let ending = thread::spawn(move || server.end());
        for mut stream in asking {
            assert_eq!(read(&mut stream).expect("accepted, so answered").status, 200, "round {round}");
        }
        ending.join().unwrap();
        drop(silent);
    }
}
