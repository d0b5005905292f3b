//! The nouns of imgguard: values every other module speaks of, without I/O and without opinions.

mod account;
mod base;
mod build;
mod config;
mod day;
mod derived;
mod digest;
mod entry;
mod facts;
mod gap;
mod inventory;
mod json_schema;
mod layer_facts;
mod ledger;
mod package;
mod path;
mod platform;
mod predicate;
mod purl;
mod secret;
mod severity;
mod size;
mod source_line;
mod startup;

pub use account::{Account, Group};
pub use base::{
    Attribution, BASES_SCHEMA, BaseConfig, BaseLock, Inherited, LockProblem, Lookup, RecordedBase, seconds_of,
};
pub use build::{BuildFacts, BuildImage};
pub use config::{Healthcheck, History, ImageConfig};
pub use day::end_of_day;
pub use derived::Derived;
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use entry::{Entry, FileHash, Kind};
pub use facts::{
    BaseClaim, BaseGrade, File, Hidden, How, ImageFacts, IndexChild, IndexFacts, Inspection, Layer, SCHEMA, Subject,
    Waste,
};
pub use gap::{Gap, GapKind, Note, NoteKind};
pub use inventory::{PackageFact, PackagePlace, Packages, RemovedDatabase, TamperedFile, Tampering};
pub use json_schema::json_schema;
pub use layer_facts::{Document, LayerFacts};
pub use ledger::{Decoded, ScanLedger, SkipReason, Skipped, ViewKind};
pub use package::{
    CatalogRecord, Checksum, ChecksumAlgorithm, Dependency, Fragment, Licences, Method, OwnedFile, Owner, Package,
    PackageKind, Presence, Role, Scope,
};
pub use path::{PathProblem, basename, decode_path, encode_path, normalise_path, parent};
pub use platform::{Platform, PlatformError};
pub use predicate::{CHECK_TYPE, FACTS_TYPE, PREDICATES, Predicate, SIGNATURE_TYPE, is_of_type, predicate_type};
pub use purl::{Purl, PurlError};
pub use secret::{
    Aside, Class, DocumentKind, Grade, Half, Hit, Nature, Part, Place, SecretFact, Slack, Spot, Supplied,
};
pub use severity::Severity;
pub use size::{SizeError, format_bytes, parse_size};
pub use source_line::{SourceGrade, SourceLine};
pub use startup::{Elf, Head, LayerStartup, Linkage, Linking, OpenAccount, Program, StartText, Startup};
