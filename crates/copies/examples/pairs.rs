//! study
use std::io::Read;
use std::path::PathBuf;
use rayon::prelude::*;
use copies::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let paths: Vec<PathBuf> = std::fs::read_to_string(&a[1]).unwrap().lines().map(PathBuf::from).collect();
    let t = std::time::Instant::now();
    let ex = examine(&paths, 2, &|_| std::ops::ControlFlow::Continue(())).unwrap();
    eprintln!("examine {:?}", t.elapsed());
    let mut bytes = Vec::new();
    std::fs::File::open(&a[2]).unwrap().read_to_end(&mut bytes).unwrap();
    let f: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let n = paths.len(); let d = f.len() / n;
    let t = std::time::Instant::now();
    let near: Vec<Vec<Neighbour>> = (0..n).into_par_iter().map(|i| {
        let mut v: Vec<Neighbour> = (0..n).filter(|&j| j != i).map(|j| {
            let dot: f32 = f[i*d..(i+1)*d].iter().zip(&f[j*d..(j+1)*d]).map(|(a,b)| a*b).sum();
            Neighbour { image: j, distance: (2.0 - 2.0*dot).max(0.0).sqrt() } }).collect();
        v.sort_by(|x,y| x.distance.total_cmp(&y.distance)); v.truncate(20); v }).collect();
    eprintln!("knn {:?}", t.elapsed());
    let fp: Vec<&Fingerprint> = ex.iter().map(|e| e.fingerprint().unwrap()).collect();
    let t = std::time::Instant::now();
    let hn = nearest_by_hash(&fp.iter().map(|f| f.hash).collect::<Vec<_>>(), 3);
    eprintln!("hash {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let rows: Vec<String> = (0..n).into_par_iter().flat_map_iter(|i| {
        let mean = |from: usize, to: usize| near[i][from..to].iter().map(|x| x.distance).sum::<f32>() / (to-from) as f32;
        let mut out = Vec::new();
        for (r, x) in near[i].iter().enumerate() { if r < 4 || r == 9 || r == 15 {
            let al = align(&fp[i].thumbnail, &fp[x.image].thumbnail);
            out.push(format!("{i}\t{}\tf{r}\t{}\t{}\t{}\t{:?}", x.image, x.distance / mean(1,10), x.distance / mean(10, 20), al.correlation, al.map)); } }
        for (r, x) in hn.0[i].iter().enumerate() {
            let al = align(&fp[i].thumbnail, &fp[x.image].thumbnail);
            out.push(format!("{i}\t{}\th{r}\t{}\t{}\t{}\t{:?}", x.image, x.distance, 0, al.correlation, al.map)); }
        out }).collect();
    eprintln!("align {} pairs {:?}", rows.len(), t.elapsed());
    println!("{}", rows.join("\n"));
}
