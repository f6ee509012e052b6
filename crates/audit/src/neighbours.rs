use copies::{Neighbour, Neighbours};
use tch::{Kind, Tensor};

use crate::{Error, Features};

/// Nearest images that are kept of each.
const KEPT: i64 = 24;

/// Rows that are compared with all others at once.
const BLOCK: i64 = 512;

/// Finds the images nearest to each by the angle between features, exactly: the distance is that of vectors of length 1, 0 to
/// 2. Images without features have no neighbours and are none.
pub(crate) fn nearest(features: &Features) -> Result<Neighbours, Error> {
    let mut nearest = vec![Vec::new(); features.rows.len()];
    let images: Vec<usize> =
        (0..features.rows.len()).filter(|&image| features.rows[image].is_some()).collect();
    let x = features.of(&images)?.f_to_kind(Kind::Float)?;
    let lengths = x.f_norm_scalaropt_dim(2, [1i64].as_slice(), true)?.f_clamp_min(1e-12)?;
    let x = x.f_div(&lengths)?;
    let rows = x.size()[0];
    let kept = (KEPT + 1).min(rows);
    for start in (0..rows).step_by(BLOCK as usize) {
        let block = x.f_narrow(0, start, BLOCK.min(rows - start))?;
        let (cosines, places) = block.f_matmul(&x.tr())?.f_topk(kept, 1, true, true)?;
        let cosines = Vec::<f32>::try_from(cosines.f_contiguous()?.f_view([-1])?)?;
        let places = Vec::<i64>::try_from(places.f_contiguous()?.f_view([-1])?)?;
        let width = usize::try_from(kept).unwrap_or(1);
        for (row, (cosines, places)) in (start..).zip(cosines.chunks(width).zip(places.chunks(width))) {
            let own = usize::try_from(row).unwrap_or(0);
            let mut found: Vec<Neighbour> = places
                .iter()
                .zip(cosines)
                .map(|(&place, &cosine)| Neighbour {
                    image: images[usize::try_from(place).unwrap_or(0)],
                    distance: (2.0 - 2.0 * cosine).max(0.0).sqrt(),
                })
                .filter(|neighbour| neighbour.image != images[own])
                .collect();
            found.sort_by(|one, other| {
                one.distance.total_cmp(&other.distance).then(one.image.cmp(&other.image))
            });
            found.truncate(usize::try_from(KEPT).unwrap_or(0));
            nearest[images[own]] = found;
        }
    }
    Ok(Neighbours(nearest))
}

/// Whether all values are finite, without which nothing can be measured.
pub(crate) fn are_finite(values: &Tensor) -> Result<bool, Error> {
    Ok(values.f_isfinite()?.f_all()?.int64_value(&[]) == 1)
}
