//! Archives of `docker save` as repositories: they have no manifest, so the one that their content determines is made.
//!
//! The config keeps its bytes, and with them whatever OCI's schema does not name, such as a health check. Layers that lie there
//! uncompressed are compressed with gzip, always to the same bytes; others stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Cursor, Read};
use std::num::NonZeroUsize;

use serde_json::{Value, json};

use crate::model::{Algorithm, Digest, DocumentKind, Hasher, Platform};
use crate::oci::{
    ArchiveIndex, BlobKey, Blobs, Compression, FetchError, LayerPlan, Selector, media_types, parse_strict, sniff,
};
use crate::parallel::in_parallel;
use crate::registry::{ManifestBytes, ReadRepository, Referrers, Target};

use super::archive_file::ArchiveFile;
use super::gzip::Gzip;
use super::repository::flat;

/// Bytes read at once.
const PIECE: usize = 128 << 10;

/// What becomes of the config of an image that has no manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOf {
    /// It keeps its bytes: the image is the one that others know by the digest of its config.
    Image,
    /// What a builder made just now: without the traces of the container that it was made in (name of the host, numbers of containers
    /// and of images in the builder's store), which are others every time and which OCI's config does not know.
    Build,
}

/// One image of a docker archive, under the manifest that was made for it.
pub struct ConvertedRepository {
    name: String,
    manifest: ManifestBytes,
    tag: Option<String>,
    platform: Platform,
    config_digest: Digest,
    config: Vec<u8>,
    layers: BTreeMap<Digest, Layer>,
    members: ArchiveFile,
}

/// A layer as it will be copied.
#[derive(Debug, Clone)]
struct Layer {
    digest: Digest,
    /// Bytes as it will be copied.
    size: u64,
    media_type: String,
    key: BlobKey,
    /// Bytes of the member.
    stored: u64,
    /// Whether it is compressed on its way.
    compress: bool,
}

impl ConvertedRepository {
    /// Reads every layer once and makes the manifest. `tag` picks one image of several.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when a layer is missing, or is not what the config says.
    pub(super) fn new(
        name: &str,
        tag: Option<&str>,
        index: &ArchiveIndex,
        members: ArchiveFile,
        kept: ConfigOf,
    ) -> Result<Self, FetchError> {
        let damaged = |why: String| FetchError::Damaged { what: format!("`{name}`"), why };
        let plan = index.plan(name, name, tag, &Selector::All, &members).map_err(|error| flat(error, name))?;
        let image = plan.images.into_iter().next().ok_or_else(|| damaged("it holds no image".to_owned()))?;
        let config = image.documents.iter().find(|document| document.kind == DocumentKind::Config);
        let config = config.ok_or_else(|| damaged("it holds no config".to_owned()))?;
        if let Some(gap) = image.layers.iter().find_map(|layer| layer.refused.as_ref()) {
            return Err(damaged(gap.detail.clone()));
        }
        if let Some(gap) = image.gaps.first() {
            return Err(damaged(gap.detail.clone()));
        }
        let config = match kept {
            ConfigOf::Image => config.bytes.to_vec(),
            ConfigOf::Build => without_traces(&config.bytes).ok_or_else(|| damaged("its config is none".to_owned()))?,
        };
        let config_digest = Digest::of(&config);
        let converted = convert(&image.layers, &members, name)?;
        let listed = image.layers.iter().filter_map(|layer| converted.get(&layer.key));
        let listed: Vec<_> = listed
            .map(|layer| json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.size }))
            .collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": media_types::OCI_MANIFEST,
            "config": { "mediaType": media_types::OCI_CONFIG, "digest": config_digest, "size": config.len() },
            "layers": listed,
        });
        let bytes = document.to_string().into_bytes();
        let manifest =
            ManifestBytes { digest: Digest::of(&bytes), bytes, media_type: media_types::OCI_MANIFEST.to_owned() };
        Ok(Self {
            name: format!("docker-archive:{name}"),
            manifest,
            tag: image.subject.tag,
            platform: image.platform,
            config_digest,
            config,
            layers: converted.into_values().map(|layer| (layer.digest.clone(), layer)).collect(),
            members,
        })
    }

    /// The manifest that was made.
    #[must_use]
    pub fn root(&self) -> &ManifestBytes {
        &self.manifest
    }

    /// The tag that the archive has for the image.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Digest of the config: the name by which the archive itself knows the image.
    #[must_use]
    pub fn config_digest(&self) -> &Digest {
        &self.config_digest
    }

    /// The platform that the config names.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    fn absent(&self, what: &str) -> FetchError {
        FetchError::NotFound { what: format!("`{what}` in `{}`", self.name) }
    }
}

impl ReadRepository for ConvertedRepository {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        let (is_meant, what) = match target {
            Target::Digest(digest) => (*digest == self.manifest.digest, digest.to_string()),
            Target::Tag(tag) => (self.tag.as_ref() == Some(tag), tag.clone()),
        };
        if is_meant { Ok(self.manifest.clone()) } else { Err(self.absent(&what)) }
    }

    fn open_blob<'a>(&'a self, digest: &Digest, _: u64) -> Result<Box<dyn Read + Send + 'a>, FetchError> {
        if *digest == self.config_digest {
            return Ok(Box::new(Cursor::new(&self.config)));
        }
        let layer = self.layers.get(digest).ok_or_else(|| self.absent(&digest.to_string()))?;
        let member = self.members.open(&layer.key, layer.stored)?;
        Ok(if layer.compress { Box::new(Gzip::new(member)) } else { member })
    }

    fn referrers(&self, _: &Digest) -> Result<Referrers, FetchError> {
        Ok(Referrers { api: true, ..Referrers::default() })
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        Ok(self.tag.iter().cloned().collect())
    }
}

/// The config without what the builder's container left in it.
fn without_traces(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut config = parse_strict(bytes).ok()?;
    let whole = config.as_object_mut()?;
    for name in ["id", "parent", "container", "container_config"] {
        whole.remove(name);
    }
    if let Some(Value::Object(settings)) = whole.get_mut("config") {
        settings.remove("Hostname");
        settings.remove("Image");
    }
    for step in whole.get_mut("history").and_then(Value::as_array_mut).into_iter().flatten() {
        // `FROM 0123456789ab`: a number of an image that nobody else has.
        let is_number = |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names_store = |comment: &Value| {
            comment.as_str().and_then(|text| text.strip_prefix("FROM ")).is_some_and(|name| is_number(name.trim()))
        };
        if step.get("comment").is_some_and(names_store) {
            step.as_object_mut()?.remove("comment");
        }
    }
    Some(config.to_string().into_bytes())
}

/// Measures all layers, several at a time; each member once.
fn convert(layers: &[LayerPlan], members: &ArchiveFile, name: &str) -> Result<BTreeMap<BlobKey, Layer>, FetchError> {
    let mut known = BTreeSet::new();
    let distinct: Vec<&LayerPlan> = layers.iter().filter(|layer| known.insert(&layer.key)).collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let measured = in_parallel(distinct, threads, |layer| measure(layer, members, name))?;
    Ok(measured.into_iter().map(|layer| (layer.key.clone(), layer)).collect())
}

/// Reads a layer as it will be copied: its digest and size.
fn measure(layer: &LayerPlan, members: &ArchiveFile, name: &str) -> Result<Layer, FetchError> {
    let io = |source| FetchError::Io { what: format!("layer {} of `{name}`", layer.diff_id.short()), source };
    let mut head = Vec::new();
    members.open(&layer.key, layer.size)?.take(6).read_to_end(&mut head).map_err(io)?;
    let compression = sniff(&head);
    let member = Hashing::new(members.open(&layer.key, layer.size)?);
    let (member, packed) = match compression {
        Compression::Gzip | Compression::Zstd => (None, member.drained().map_err(io)?.measured()),
        Compression::None => {
            let packed = Hashing::new(Gzip::new(member)).drained().map_err(io)?;
            let measured = packed.measured();
            (Some(packed.inner.into_input()), measured)
        }
    };
    if let Some((found, _)) = member.map(|member| member.measured()).filter(|(found, _)| *found != layer.diff_id) {
        let why = format!("the config names the layer {}, and it is {found}", layer.diff_id);
        return Err(FetchError::Damaged { what: format!("`{name}`"), why });
    }
    let (digest, size) = packed;
    let suffix = if compression == Compression::Zstd { "zstd" } else { "gzip" };
    Ok(Layer {
        digest,
        size,
        media_type: format!("{}+{suffix}", media_types::OCI_LAYER),
        key: layer.key.clone(),
        stored: layer.size,
        compress: compression == Compression::None,
    })
}

/// Measures what goes by.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
    size: u64,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new(Algorithm::Sha256), size: 0 }
    }

    /// Reads to the end.
    fn drained(mut self) -> io::Result<Self> {
        io::copy(&mut BufReader::with_capacity(PIECE, &mut self), &mut io::sink())?;
        Ok(self)
    }

    /// Digest and size of what went by.
    fn measured(&self) -> (Digest, u64) {
        (self.hasher.clone().finish(), self.size)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hasher.update(&into[..count]);
        self.size += count as u64;
        Ok(count)
    }
}
