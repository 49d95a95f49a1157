//! Models, found by the hash that predictions name them by.

use super::artifact::{Model, short};
use super::error::ModelError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Any number of models. One in a file is loaded and proven when it is first asked for.
#[derive(Debug, Default)]
pub struct Models(BTreeMap<String, Place>);

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Loaded(Arc<Model>),
}

impl Models {
    pub fn add(&mut self, model: Arc<Model>) {
        self.0.insert(model.short_sha256().to_owned(), Place::Loaded(model));
    }

    /// Adds `NAME.onnx`, with `NAME.json` beside it if there is one.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), ModelError> {
        let sha256 = Model::sha256_of(path)?;
        let place = || Place::File(path.to_owned());
        self.0.entry(short(&sha256).to_owned()).or_insert_with(place);
        Ok(())
    }

    /// Adds every file of a directory whose name ends in .onnx.
    ///
    /// # Errors
    /// The directory or one of the files cannot be read.
    pub fn add_directory(&mut self, path: &Path) -> Result<(), ModelError> {
        let failed = |source| ModelError::Read {
            path: path.to_owned(),
            source,
        };
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|extension| extension == "onnx") {
                self.add_file(&file)?;
            }
        }
        Ok(())
    }

    /// The model with these first 12 digits of its hash.
    ///
    /// # Errors
    /// There is one, and it cannot be loaded or does not prove itself.
    pub fn get(&mut self, short_sha256: &str) -> Result<Option<Arc<Model>>, ModelError> {
        let Some(place) = self.0.get_mut(short_sha256) else {
            return Ok(None);
        };
        let model = match place {
            Place::Loaded(model) => model.clone(),
            Place::File(path) => {
                let model = Arc::new(Model::load(path)?);
                *place = Place::Loaded(model.clone());
                model
            }
        };
        // The file may have become another one.
        Ok(Some(model).filter(|model| model.short_sha256() == short_sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/airline-gbm.onnx");
    /// `printf 'no model' | sha256sum`
    const BROKEN: &str = "f62c7d17e241";

    #[test]
    fn models_are_found_by_the_hash_of_their_files_and_loaded_only_when_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        fs::copy(SEED, file("seed.onnx")).unwrap();
        fs::write(file("broken.onnx"), "no model").unwrap();
        fs::write(file("notes.txt"), "no model").unwrap();
        let mut models = Models::default();
        models.add_directory(dir.path()).unwrap();
        let embedded = Model::embedded().unwrap();
        let sha256 = embedded.short_sha256();
        let found = models.get(sha256).unwrap().unwrap();
        assert_eq!(found.origin(), file("seed.onnx").display().to_string());
        assert_eq!(found.sha256(), embedded.sha256());
        assert!(models.get("0123456789ab").unwrap().is_none());
        let error = models.get(BROKEN).unwrap_err();
        assert!(error.to_string().contains("broken.onnx"), "{error}");
    }

    #[test]
    fn a_directory_or_file_that_is_not_there_is_named() {
        let mut models = Models::default();
        for error in [
            models.add_directory(Path::new("/no/such/models")).unwrap_err(),
            models.add_file(Path::new("/no/such/models")).unwrap_err(),
        ] {
            assert!(error.to_string().contains("/no/such/models"), "{error}");
        }
    }
}
