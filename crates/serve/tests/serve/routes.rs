//! What each route answers, and who is answered.

use image::ImageFormat;
use image_file::decode_bytes;
use serde_json::json;
use serve::Limits;

use crate::client::{ask, connect, exchange, read, request};
use crate::model::{ODD, RED, Running, WHITE, encoded, png, transform};

#[test]
fn four_routes_answer_and_no_more() {
    let server = Running::with(Limits::default());
    let to = |line: &str| ask(server.address, line, b"").status;
    assert_eq!([to("GET /"), to("GET /status")], [200, 200]);
    for path in ["/index.html", "/metrics", "/predict/", "/../etc/passwd", "//", "/model.safetensors"] {
        assert_eq!(to(&format!("GET {path}")), 404, "{path}");
    }
    for [line, allowed] in
        [["GET /predict", "POST"], ["GET /explain", "POST"], ["POST /", "GET"], ["DELETE /status", "GET"]]
    {
        let response = ask(server.address, line, b"");
        assert_eq!((response.status, response.header("allow")), (405, Some(allowed)), "{line}");
    }
    let page = ask(server.address, "GET /", b"");
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'; script-src 'sha256-")
    );
    assert!(String::from_utf8(page.body).unwrap().contains("obedient"));
    for header in
        ["x-content-type-options", "referrer-policy", "cache-control", "cross-origin-resource-policy"]
    {
        assert!(ask(server.address, "GET /nothing", b"").header(header).is_some(), "{header}");
    }
}

#[test]
fn an_image_is_answered_as_the_model_answers() {
    let server = Running::with(Limits::default());
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(WHITE, format);
        let decoded = decode_bytes(&bytes, transform().decoding()).unwrap().image;
        let probability = f64::from(transform().show(&decoded).unwrap().pixels[0]);
        let top = json!([{"class": "yes", "probability": probability}, {"class": "no", "probability": 0.25}]);
        let expected = json!({"class": "yes", "probability": probability, "top": top});
        assert_eq!(ask(server.address, "POST /predict", &bytes).json(), expected);
        let explained = ask(server.address, "POST /explain", &bytes).json();
        assert_eq!((&explained["top"], &explained["neighbors"]), (&top, &json!([])));
        assert!(explained["heat_map"].is_null());
    }
    let status = ask(server.address, "GET /status", b"").json();
    assert_eq!(
        (&status["ready"], &status["answered"], &status["arch"]),
        (&json!(true), &json!(6), &json!("obedient"))
    );
    // Several requests in one connection.
    let mut stream = connect(server.address);
    for _ in 0..3 {
        let bytes = request(server.address, "POST /predict", &[], &png(WHITE));
        assert_eq!(exchange(&mut stream, &bytes).unwrap().status, 200);
    }
}

#[test]
fn what_is_no_image_is_said_in_words() {
    let server = Running::with(Limits { body: 1 << 20, pixels: 1_000, ..Limits::default() });
    let refused = |body: &[u8]| {
        let response = ask(server.address, "POST /predict", body);
        let sentence = response.json()["error"].as_str().unwrap().to_owned();
        (response.status, sentence)
    };
    let whole = png(WHITE);
    // The header of a PNG of 50,000 x 50,000 pixels.
    let bomb = [&whole[..16], &50_000u32.to_be_bytes(), &50_000u32.to_be_bytes(), &whole[24..]].concat();
    let large = image::RgbImage::new(40, 40);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    large.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    for (body, status, says) in [
        (&b""[..], 422, "empty"),
        (b"hello", 422, "not an image"),
        (b"%PDF-1.4", 422, "PDF"),
        (b"--0123\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n", 422, "--data-binary"),
        (b"GIF89a\x01\0\x01\0\0\0\0", 422, "a GIF file"),
        (&whole[..whole.len() / 2], 422, ""),
        (&bomb, 422, "50000x50000"),
        (jpeg.get_ref(), 422, "40x40"),
        (&vec![0; (1 << 20) + 1], 413, "1 MiB"),
    ] {
        let (found, sentence) = refused(body);
        assert_eq!(found, status, "{sentence}");
        assert!(sentence.contains(says), "{sentence}");
    }
    // A client that writes all before it reads anything hears of it, in a connection that goes on.
    let mut stream = connect(server.address);
    let long = request(server.address, "POST /predict", &[], &vec![0; 3 << 20]);
    for _ in 0..2 {
        std::io::Write::write_all(&mut stream, &long).unwrap();
        assert_eq!(read(&mut stream).unwrap().status, 413);
    }
    // Chunked, so that the length is not known, and without end.
    let mut stream = connect(server.address);
    let head =
        format!("POST /predict HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", server.address);
    let chunk = [b"10000\r\n".as_slice(), &[7; 0x10000], b"\r\n"].concat();
    let endless = [head.as_bytes(), &chunk.repeat(40)].concat();
    assert_eq!(exchange(&mut stream, &endless).unwrap().status, 413);
    assert_eq!(ask(server.address, "POST /predict", &whole).status, 200);
}

#[test]
fn pages_and_names_of_others_are_refused() {
    let server = Running::with(Limits::default());
    let with = |headers: &[[&str; 2]]| {
        let bytes = request(server.address, "POST /predict", headers, &png(WHITE));
        exchange(&mut connect(server.address), &bytes).unwrap().status
    };
    assert_eq!(with(&[["Origin", &format!("http://{}", server.address)]]), 200);
    assert_eq!(with(&[["Origin", "http://evil.example"]]), 403);
    assert_eq!(with(&[["Sec-Fetch-Site", "cross-site"]]), 403);
    for line in ["GET /", "GET /status", "POST /explain"] {
        let port = server.address.port();
        let bytes = format!("{line} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n");
        assert_eq!(exchange(&mut connect(server.address), bytes.as_bytes()).unwrap().status, 403, "{line}");
    }
    assert_eq!(server.computed.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn a_model_that_fails_says_so_and_one_that_keeps_failing_is_not_asked() {
    let server = Running::with(Limits::default());
    let to = |colour| ask(server.address, "POST /predict", &png(colour));
    let red = to(RED);
    assert_eq!((red.status, red.json()["error"].clone()), (500, json!("red is not for me")));
    assert_eq!(to(ODD).status, 500);
    assert_eq!(to(ODD).status, 500);
    assert_eq!(to(WHITE).status, 200);
    assert!((0..3).all(|_| to(ODD).status == 500));
    let broken = to(WHITE);
    assert_eq!(broken.status, 503, "{broken:?}");
    let status = ask(server.address, "GET /status", b"");
    assert_eq!(
        (status.status, status.json()["ready"].clone(), status.json()["failed"].clone()),
        (503, json!(false), json!(6))
    );
}
