use std::path::Path;

use crate::{COLUMNS, Error, PROBABILITY, Row, Writer};

/// Predictions for the images of one split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Names of the classes in label order.
    pub classes: Vec<String>,
    /// The images, in the split's order.
    pub images: Vec<Image>,
}

/// An image with its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its file.
    pub path: String,
    /// Index of its class.
    pub label: usize,
    /// Index of the most probable class.
    pub predicted: usize,
    /// Probability of each class, `[classes]`, each in `0..=1`.
    pub probabilities: Vec<f64>,
}

impl Predictions {
    /// Writes a new file.
    ///
    /// # Errors
    /// When there is such a file already, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut writer = Writer::create(path, &[], &self.classes)?;
        for Image { path, label, predicted, probabilities } in &self.images {
            writer.add(&Row { path, label: *label, predicted: *predicted, probabilities })?;
        }
        writer.finish()
    }

    /// Reads a file without further columns.
    ///
    /// # Errors
    /// When it cannot be read, or does not hold predictions.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unread = |source| Error::Read { path: path.to_owned(), source };
        let foreign = |message: String| Error::Foreign { path: path.to_owned(), message };
        let mut reader = csv::Reader::from_path(path).map_err(unread)?;
        let header: Vec<String> = reader.headers().map_err(unread)?.iter().map(str::to_owned).collect();
        let columns = header.get(COLUMNS.len()..).filter(|_| header.iter().zip(COLUMNS).all(|(a, b)| a == b));
        let classes: Option<Vec<String>> = columns.and_then(|columns| {
            columns.iter().map(|column| column.strip_prefix(PROBABILITY).map(str::to_owned)).collect()
        });
        let Some(classes) = classes.filter(|classes| !classes.is_empty()) else {
            let expected = format!("its columns are not path, label, predicted, {PROBABILITY}…");
            return Err(foreign(expected));
        };
        let mut images = Vec::new();
        for record in reader.records() {
            let record = record.map_err(unread)?;
            let line = record.position().map_or(0, csv::Position::line);
            let class = |column: usize| {
                let name = record.get(column).unwrap_or_default();
                let known = classes.iter().position(|class| class == name);
                known.ok_or_else(|| foreign(format!("line {line}: {name:?} is no class of it")))
            };
            let probabilities: Result<Vec<f64>, _> =
                record.iter().skip(COLUMNS.len()).map(str::parse).collect();
            images.push(Image {
                path: record.get(0).unwrap_or_default().to_owned(),
                label: class(1)?,
                predicted: class(2)?,
                probabilities: probabilities.map_err(|error| foreign(format!("line {line}: {error}")))?,
            });
        }
        Ok(Self { classes, images })
    }
}
