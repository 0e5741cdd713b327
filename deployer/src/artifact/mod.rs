//! From function crates to zips: the same binary always gives the same bytes.
//!
//! [`cargo`] builds all functions of a stage in one call, [`elf`] and [`start`] see whether a binary
//! will run, [`zip`] packs it, [`cache`] spares all that where a binary has not changed.

mod cache;
mod calls;
mod cargo;
mod elf;
mod start;
mod zip;

use std::path::{Path, PathBuf};

use crate::deploy::Reporter;
use crate::project::{Architecture, Project, Target};
use crate::whole;

pub use elf::Misfit;

/// A function's zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub function: String,
    pub file: PathBuf,
    /// Hexadecimal, of the zip.
    pub sha256: String,
    pub bytes: u64,
}

impl Artifact {
    /// Where the zip lives in the artefact bucket. It carries the content's hash: Lambda's code is
    /// write-only, so that nothing else would tell CloudFormation that it changed.
    pub fn key(&self, service: &str) -> String {
        format!("{service}/{}/{}.zip", self.function, self.sha256)
    }
}

/// Why there are no zips.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler has said why, in its own words.
    #[error("the functions do not compile")]
    DoesNotCompile,
    #[error("could not run {program}")]
    CannotRun {
        program: String,
        #[source]
        source: std::io::Error,
    },
    /// `cargo lambda` is not installed.
    #[error("cargo-lambda is needed to build for AWS, and is not installed")]
    NoCargoLambda,
    #[error("cargo built no binary called {binary}")]
    NoBinary { binary: String },
    /// The binary can send something else than its sources call.
    #[error("the binary of {function} is not what its sources say: {what}")]
    OtherCalls { function: String, what: String },
    #[error("could not read the sources of the functions")]
    Sources(#[source] crate::project::Error),
    #[error("{binary} does not fit Lambda: {misfit}")]
    Misfit { binary: String, misfit: Misfit },
    /// It ends, or reports an error, before it asks for its first event.
    #[error("{function} does not start: {why}")]
    DoesNotStart { function: String, why: String, words: String },
    #[error("could not {doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// Whether the user's code or machine is at fault, not this tool.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::File { .. })
    }
}

/// Compiles every function of the stage and packs none.
pub async fn compile(project: &Project, reporter: &Reporter) -> Result<(), Error> {
    cargo::build(project, reporter).await.map(|_| ())
}

/// Builds and packs every function of the stage. Answers them in the project's order. Those that use the database
/// get the file `authority` into their zip: whom they trust.
pub async fn build(
    project: &Project,
    authority: Option<&Path>,
    reporter: &Reporter,
) -> Result<Vec<Artifact>, Error> {
    let binaries = cargo::build(project, reporter).await?;
    let folder = folder(project);
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    let local = project.target == Target::Local;
    let authority = match authority {
        Some(file) => Some(Authority::read(file)?),
        None => None,
    };
    // A stage on this machine refuses at once what a role does not grant; on AWS that would be found by a user.
    let called = if local { vec![None; binaries.len()] } else { calls::of_sources(project)? };
    let mut packing = tokio::task::JoinSet::new();
    let all = project.functions.iter().zip(binaries).zip(called).enumerate();
    for (index, ((function, binary), called)) in all {
        let pack = Packing {
            function: function.name.clone(),
            zipped: folder.join(format!("{}.zip", function.name)),
            architecture: project.architecture,
            local,
            binary,
            authority: authority.clone().filter(|_| function.uses_database()),
            called,
        };
        // Only what runs on this machine can be tried here, and only what is new needs it.
        if local && pack.before().is_none() {
            start::check(function, &pack.binary).await?;
        }
        packing.spawn_blocking(move || (index, pack.run()));
    }
    let mut artifacts = Vec::new();
    while let Some(packed) = packing.join_next().await {
        let (index, artifact) =
            packed.map_err(std::io::Error::other).map_err(Error::file("pack into", &folder))?;
        artifacts.push((index, artifact?));
    }
    artifacts.sort_by_key(|(index, _)| *index);
    Ok(artifacts.into_iter().map(|(_, artifact)| artifact).collect())
}

/// Where the zips of a stage's kind are kept: those of the local stage go with it.
fn folder(project: &Project) -> PathBuf {
    let state = project.root.join(".deployer");
    match project.target {
        Target::Local => state.join("local").join("artifacts"),
        Target::Aws => state.join("artifacts").join(project.architecture.as_str()),
    }
}

/// The certificate authorities of the stage's database.
#[derive(Clone)]
struct Authority {
    pem: Vec<u8>,
    sha256: String,
}

impl Authority {
    fn read(file: &Path) -> Result<Self, Error> {
        let pem = std::fs::read(file).map_err(Error::file("read", file))?;
        Ok(Self { sha256: zip::sha256(&pem), pem })
    }
}

/// One function's way from binary to zip.
struct Packing {
    function: String,
    binary: PathBuf,
    zipped: PathBuf,
    architecture: Architecture,
    local: bool,
    authority: Option<Authority>,
    /// What its sources call, where the binary must be able to send just that.
    called: Option<calls::Operations>,
}

impl Packing {
    /// What the same gave before.
    fn before(&self) -> Option<Artifact> {
        let authority = self.authority.as_ref().map(|authority| authority.sha256.as_str());
        cache::look(&self.function, &self.binary, authority, &self.zipped)
    }

    fn run(self) -> Result<Artifact, Error> {
        if let Some(artifact) = self.before() {
            return Ok(artifact);
        }
        let Self { function, binary, zipped, architecture, local, authority, called } = self;
        let code = std::fs::read(&binary).map_err(Error::file("read", &binary))?;
        elf::check(&code, architecture, local)
            .map_err(|misfit| Error::Misfit { binary: function.clone(), misfit })?;
        if let Some(called) = &called {
            calls::check(&function, called, &code)?;
        }
        // On this machine nothing is gained by squeezing what is unpacked again at once.
        let pem = authority.as_ref().map(|authority| authority.pem.as_slice());
        let bytes = zip::package(&code, pem, !local).map_err(Error::file("pack", &binary))?;
        whole::write(&zipped, &bytes).map_err(Error::file("write", &zipped))?;
        let sha256 = zip::sha256(&bytes);
        let artifact = Artifact { function, file: zipped, sha256, bytes: bytes.len() as u64 };
        cache::keep(&binary, authority.as_ref().map(|authority| authority.sha256.as_str()), &artifact);
        Ok(artifact)
    }
}
