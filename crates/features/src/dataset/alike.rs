use images::DataSet;
use team::{Error, Team};

/// Sees that every process has listed the same images, in the same order and with the same labels.
///
/// # Errors
/// [`Error::Differ`] with the first image that differs.
pub fn agree_on_listing(team: &Team, set: &DataSet) -> Result<(), Error> {
    if team.is_alone() {
        return Ok(());
    }
    let listed = listing(set);
    if team.is_alike(&listed.concat())? {
        return Ok(());
    }
    let all = team.gather(listed.join("\n").into_bytes())?;
    let lines = |list: &Vec<u8>| String::from_utf8_lossy(list).lines().map(str::to_owned).collect();
    let lists: Vec<Vec<String>> = all.iter().map(lines).collect();
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let apart = (0..longest).find_map(|place| {
        let of = |rank: usize| lists[rank].get(place).map_or("nothing", String::as_str);
        let other = (1..lists.len()).find(|&rank| of(rank) != of(0))?;
        Some(format!("images: image {} is {} in rank 0 and {} in rank {other}", place + 1, of(0), of(other)))
    });
    Err(Error::Differ(apart.unwrap_or_else(|| "images".to_owned())))
}

/// Split, path and label of every image.
fn listing(set: &DataSet) -> Vec<String> {
    let splits = [("train", &set.train), ("validation", &set.validation), ("test", &set.test)];
    let lines = splits.into_iter().flat_map(|(split, samples)| {
        samples.iter().map(move |sample| format!("{split} {} {}", sample.path.display(), sample.label))
    });
    lines.collect()
}
