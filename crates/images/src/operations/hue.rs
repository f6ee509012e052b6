use super::Square;

/// TorchVision's `adjust_hue` of an image of Pillow's: the hue, a byte, is turned and wraps round. A gray image stays.
pub(super) fn turn(square: &mut Square<'_>, turn: f64) {
    if square.channels != 3 {
        return;
    }
    let by = (turn * 255.0) as i32 as u8;
    for rgb in square.bytes.chunks_exact_mut(3) {
        let [h, s, v] = to_hsv([rgb[0], rgb[1], rgb[2]]);
        rgb.copy_from_slice(&to_rgb([h.wrapping_add(by), s, v]));
    }
}

/// `rgb2hsv_row` of `libImaging/Convert.c`, with its single and double precision.
fn to_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most == least {
        return [0, 0, most];
    }
    let spread = f32::from(most - least);
    let saturation = spread / f32::from(most);
    let [from_r, from_g, from_b] = [r, g, b].map(|value| f32::from(most - value) / spread);
    let hue = if r == most {
        from_b - from_g
    } else if g == most {
        (2.0 + f64::from(from_r) - f64::from(from_b)) as f32
    } else {
        (4.0 + f64::from(from_g) - f64::from(from_r)) as f32
    };
    // Modulo 1 of what lies between 0.8 and 1.9.
    let turned = f64::from(hue) / 6.0 + 1.0;
    let hue = (if turned >= 1.0 { turned - 1.0 } else { turned }) as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

/// `hsv2rgb` of the same file.
fn to_rgb([h, s, v]: [u8; 3]) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sixths = f64::from(h) * 6.0 / 255.0;
    let sector = sixths as u8;
    let part = f64::from((sixths - f64::from(sector)) as f32);
    let saturation = f64::from((f64::from(s) / 255.0) as f32);
    let scaled = |by: f64| (f64::from(v) * by + 0.5) as u8;
    let p = scaled(1.0 - saturation);
    let q = scaled(1.0 - saturation * part);
    let t = scaled(1.0 - saturation * (1.0 - part));
    match sector % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}
