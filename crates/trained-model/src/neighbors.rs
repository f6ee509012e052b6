//! The labelled images most like another one: those whose features, what the head reads, point most nearly the same way.
//!
//! Features are computed once for a model and a file, and cached in the user's cache folder.

use std::path::{Path, PathBuf};
use std::thread;

use features::feature_cache::{FeatureCache, Form, Key, List};
use tch::{Kind, Tensor};

use crate::model::Model;
use crate::predict::{Batching, How, PredictError, predict};
use crate::views::Views;

/// Labelled images with their features.
#[derive(Debug)]
pub struct Neighbors {
    images: Vec<Known>,
    /// `[images, features]`, float32, rows of length 1.
    rows: Tensor,
    /// Number of images whose features were computed now, not read from the cache.
    pub computed: usize,
}

/// A labelled image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its file.
    pub path: PathBuf,
    /// Its class.
    pub class: String,
}

/// One of the images most like another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor<'a> {
    /// The image.
    pub image: &'a Known,
    /// Cosine of the two images' features, in `-1..=1`.
    pub similarity: f64,
}

/// Number of what makes features from files here. Raise it when a result changes.
const FORMAT: u32 = 1;

impl Neighbors {
    /// Reads features of images from the cache, and computes those that are not there; files that are no readable images are
    /// left out.
    ///
    /// # Errors
    /// As [`predict`], and when not one image can be read.
    pub fn of(
        model: &Model,
        images: Vec<Known>,
        batching: Batching,
        cache: Option<&FeatureCache>,
    ) -> Result<Self, PredictError> {
        let count = images.len();
        let digests = digests(&images, batching.workers);
        let (images, digests): (Vec<Known>, Vec<[u8; 32]>) =
            images.into_iter().zip(digests).filter_map(|(image, digest)| Some((image, digest?))).unzip();
        let width = model.backbone.head().features;
        let form = |rows: usize| Form { shape: vec![rows as i64, width], kind: Kind::Float };
        let key = key(model);
        let mut features: Vec<Option<Vec<f32>>> = vec![None; images.len()];
        let list = List::new(key.clone(), digests.clone());
        if let Some(found) = cache.and_then(|cache| cache.find(&list, &form(images.len()))) {
            for (row, place) in features.iter_mut().zip(&found.rows) {
                *row = place.map(|place| Vec::try_from(found.features.select(0, place))).transpose()?;
            }
        }
        let missing: Vec<usize> = (0..images.len()).filter(|&index| features[index].is_none()).collect();
        let paths: Vec<PathBuf> = missing.iter().map(|&index| images[index].path.clone()).collect();
        let views = Views::one(&model.input)?;
        let how = How { batching, views: &views, features: true };
        let mut computed = 0;
        predict::<PredictError>(model, &paths, &how, &mut |prediction| {
            features[missing[prediction.index]] = Some(prediction.features.to_vec());
            computed += 1;
            Ok(())
        })?;
        let known = images.into_iter().zip(digests).zip(features);
        let (mut images, mut digests, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for ((image, digest), row) in known.filter_map(|(image, row)| Some((image, row?))) {
            images.push(image);
            digests.push(digest);
            rows.push(row);
        }
        if images.is_empty() {
            let source_name = "the training data".to_owned();
            return Err(PredictError::NothingReadable { source_name, count });
        }
        let rows = Tensor::f_from_slice(&rows.concat())?.f_view([images.len() as i64, width])?;
        if let Some(cache) = cache.filter(|_| computed > 0) {
            let draft = cache.begin(&List::new(key, digests), &form(images.len()));
            let written =
                draft.map(|draft| draft.append(&rows).and_then(features::feature_cache::Draft::finish));
            if let Some(Err(error)) = written {
                tracing::warn!(%error, "features of training images are not cached");
            }
        }
        Ok(Self { images, rows: unit(&rows)?, computed })
    }

    /// Returns their number, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.images.len()
    }

    /// Returns the `count` images most like one with these features, the most similar first; the file itself is not among
    /// them.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn nearest(
        &self,
        features: &[f32],
        itself: Option<&Path>,
        count: usize,
    ) -> Result<Vec<Neighbor<'_>>, PredictError> {
        let vector = Tensor::f_from_slice(features)?.f_unsqueeze(0)?;
        let similarities = self.rows.f_mv(&unit(&vector)?.f_select(0, 0)?)?;
        // One more, for the file itself.
        let most = (count + 1).min(self.images.len()) as i64;
        let (values, places) = similarities.f_topk(most, 0, true, true)?;
        let (values, places) = (Vec::<f32>::try_from(values)?, Vec::<i64>::try_from(places)?);
        let found = values.into_iter().zip(places).filter_map(|(similarity, place)| {
            let image = self.images.get(usize::try_from(place).ok()?)?;
            let is_itself = itself.is_some_and(|path| path == image.path);
            (!is_itself).then_some(Neighbor { image, similarity: similarity.into() })
        });
        Ok(found.take(count).collect())
    }
}

/// Rows of length 1; a row of zeros stays.
fn unit(rows: &Tensor) -> Result<Tensor, tch::TchError> {
    let lengths = rows.f_square()?.f_sum_dim_intlist(&[1i64][..], true, Kind::Float)?.f_sqrt()?;
    rows.f_div(&lengths.f_clamp_min(1e-30)?)
}

/// What decides about the features of a file. Similarities need no last bits, so the processor is not in it.
fn key(model: &Model) -> Key {
    let computed = format!("{:?}, {:?}", model.backbone.placement(), model.backbone.prepared_kind());
    let input = format!("{:?}", model.input);
    let format = format!("neighbors, format {FORMAT}");
    Key::of(&[&format, &model.sha256, model.network.name, &input, &computed])
}

/// Digests of files, `None` for those that cannot be read.
fn digests(images: &[Known], threads: usize) -> Vec<Option<[u8; 32]>> {
    let digest = |image: &Known| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(files::sha256_of_file(&image.path).ok()?, &mut bytes).ok()?;
        Some(bytes)
    };
    let part = images.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = images
            .chunks(part)
            .map(|part| (part, scope.spawn(move || part.iter().map(digest).collect::<Vec<_>>())))
            .collect();
        let join = |(part, thread): (&[Known], thread::ScopedJoinHandle<'_, Vec<_>>)| {
            thread.join().unwrap_or_else(|_| vec![None; part.len()])
        };
        parts.into_iter().flat_map(join).collect()
    })
}
