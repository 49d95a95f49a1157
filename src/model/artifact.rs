//! The model as a file, loaded and proven.

use super::error::ModelError;
use super::features::Encoder;
use super::graph::{self, Graph};
use super::metadata::Metadata;
use super::proof::{self, Proof};
use super::scorer::Scorer;
use super::shown;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tract_onnx::pb::ModelProto;

/// The key under which a model's metadata stands among the `metadata_props` of its ONNX file.
pub const METADATA_KEY: &str = "flight_delay_scorer";

/// Larger files are refused: 256 MiB.
pub const MAX_MODEL_BYTES: usize = 256 << 20;

const EMBEDDED: &[u8] = include_bytes!("../../models/airline-gbm.onnx");
const CHALLENGER: &[u8] = include_bytes!("../../models/nyc-2013-gbm.onnx");

/// A proven model, shared by all workers as `Arc<Model>`.
pub struct Model {
    prepared: Prepared,
    sha256: String,
    proof: Proof,
}

/// A model that is ready to run, but not proven.
pub(super) struct Prepared {
    pub origin: String,
    pub metadata: Metadata,
    pub encoder: Encoder,
    pub graph: Graph,
}

impl Model {
    /// Loads and proves `NAME.onnx`. A file `NAME.json` beside it replaces the metadata in it as a whole.
    pub fn load(path: &Path) -> Result<Model, ModelError> {
        let (onnx, sidecar) = files(path)?;
        Self::from_bytes(&onnx, sidecar.as_deref(), &path.display().to_string())
    }

    /// The [`sha256`](Self::sha256) that the model in this file has if it can be loaded.
    pub(super) fn sha256_of(path: &Path) -> Result<String, ModelError> {
        let (onnx, sidecar) = files(path)?;
        Ok(sha256(&[&onnx, &sidecar.unwrap_or_default()]))
    }

    /// The model that is part of the program.
    pub fn embedded() -> Result<Model, ModelError> {
        Self::from_bytes(EMBEDDED, None, "the embedded model airline-gbm")
    }

    /// The stronger model that is part of the program, for `demo` to set against the first.
    pub fn embedded_challenger() -> Result<Model, ModelError> {
        Self::from_bytes(CHALLENGER, None, "the embedded model nyc-2013-gbm")
    }

    /// Loads and proves a model. `sidecar` replaces the metadata in the file; `origin` is what errors call
    /// the model.
    pub fn from_bytes(onnx: &[u8], sidecar: Option<&[u8]>, origin: &str) -> Result<Model, ModelError> {
        if onnx.len() > MAX_MODEL_BYTES {
            return Err(too_large(origin, MAX_MODEL_BYTES));
        }
        // tract checks nearly everything, but panics on a few kinds of broken files.
        let loaded = catch_unwind(AssertUnwindSafe(|| prepare_and_prove(onnx, sidecar, origin)));
        loaded.unwrap_or_else(|panic| {
            Err(ModelError::Broken {
                origin: origin.to_owned(),
                problem: format!("loading it panicked: {}", shown::panic(&*panic)),
            })
        })
    }

    pub fn metadata(&self) -> &Metadata {
        &self.prepared.metadata
    }

    /// SHA-256 over the ONNX file and then its sidecar, where there is one: 64 lower-case hex digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The first 12 digits of [`sha256`](Self::sha256).
    pub fn short_sha256(&self) -> &str {
        short(&self.sha256)
    }

    /// How the model was proven.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Why the trees have no fast kernel, and are evaluated one row after the other, which takes many times as long with
    /// the same results; `None` where they have one.
    pub fn no_kernel(&self) -> Option<&str> {
        self.prepared.graph.no_kernel.as_deref()
    }

    /// What errors call the model: its file, or what stands for it.
    pub fn origin(&self) -> &str {
        &self.prepared.origin
    }

    /// What a thread needs to score rows.
    pub fn scorer(self: &Arc<Self>) -> Result<Scorer, ModelError> {
        Scorer::new(self.clone())
    }

    pub(super) fn prepared(&self) -> &Prepared {
        &self.prepared
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("origin", &self.prepared.origin)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

fn prepare_and_prove(onnx: &[u8], sidecar: Option<&[u8]>, origin: &str) -> Result<Model, ModelError> {
    let start = Instant::now();
    let proto = graph::parse(onnx, origin)?;
    let metadata = metadata(&proto, sidecar, origin)?;
    let encoder = Encoder::new(&metadata.features);
    let graph = graph::build(proto, encoder.width(), metadata.labels.len(), origin)?;
    let prepared = Prepared {
        origin: origin.to_owned(),
        metadata,
        encoder,
        graph,
    };
    let proof = proof::prove(&prepared, start.elapsed())?;
    Ok(Model {
        prepared,
        sha256: sha256(&[onnx, sidecar.unwrap_or_default()]),
        proof,
    })
}

fn metadata(proto: &ModelProto, sidecar: Option<&[u8]>, origin: &str) -> Result<Metadata, ModelError> {
    let embedded = proto
        .metadata_props
        .iter()
        .find(|property| property.key == METADATA_KEY);
    let json = sidecar.or(embedded.map(|property| property.value.as_bytes()));
    let json = json.ok_or_else(|| ModelError::NoMetadata {
        origin: origin.to_owned(),
    })?;
    Metadata::from_json(json).map_err(|source| ModelError::Metadata {
        origin: match sidecar {
            Some(_) => format!("{origin}, the JSON beside it"),
            None => origin.to_owned(),
        },
        source,
    })
}

/// The first 12 digits of a SHA-256, as predictions have it.
pub(super) fn short(sha256: &str) -> &str {
    &sha256[..12]
}

/// The ONNX file, and what stands beside it in a file of the same name ending in .json.
fn files(path: &Path) -> Result<(Vec<u8>, Option<Vec<u8>>), ModelError> {
    let onnx = read(path, MAX_MODEL_BYTES)?;
    match read(&path.with_extension("json"), Metadata::MOST_BYTES) {
        Ok(json) => Ok((onnx, Some(json))),
        Err(ModelError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok((onnx, None)),
        Err(error) => Err(error),
    }
}

/// Reads a file of at most so many bytes.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, ModelError> {
    let failed = |source| ModelError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(too_large(&path.display().to_string(), most));
    }
    Ok(bytes)
}

fn too_large(origin: &str, most: usize) -> ModelError {
    ModelError::TooLarge {
        origin: origin.to_owned(),
        most,
    }
}

fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
