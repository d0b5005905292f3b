//! rpm's own database format `ndb`: slots that point at blobs of headers (rpm, `lib/backend/ndb/rpmpkg.c`). All integers are
//! little-endian.

/// Bytes of a page of slots.
const PAGE: usize = 4096;
/// Bytes of a slot.
const SLOT: usize = 16;
/// Bytes of a block, in which offsets and lengths of blobs are counted.
const BLOCK: usize = 16;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Gives every header to `visit`, with the number of its package.
///
/// # Errors
/// When the file does not begin like such a database.
pub(super) fn read(bytes: &[u8], gaps: &mut Vec<String>, visit: super::Visit<'_>) -> Result<(), String> {
    if !bytes.starts_with(b"RpmP") || bytes.len() < 32 {
        return Err("the file is no ndb database of rpm".to_owned());
    }
    if word(bytes, 4) != Some(0) {
        return Err(format!("version {} of rpm's ndb database is not known", word(bytes, 4).unwrap_or_default()));
    }
    let pages = word(bytes, 12).unwrap_or_default() as usize;
    let end = pages.checked_mul(PAGE).filter(|end| *end <= bytes.len()).unwrap_or_else(|| {
        gaps.push("the pages of slots end beyond the file".to_owned());
        bytes.len()
    });
    // The header takes the room of the first two slots.
    let slots = bytes.get(2 * SLOT..end).unwrap_or_default();
    let mut used: Vec<(usize, usize)> = Vec::new();
    for slot in slots.chunks_exact(SLOT) {
        let [index, offset, count] = [4, 8, 12].map(|at| word(slot, at).unwrap_or_default());
        if slot.get(..4) != Some(b"Slot") {
            gaps.push("a slot is damaged".to_owned());
            break;
        }
        if offset == 0 {
            continue;
        }
        match blob(bytes, index, offset as usize, count as usize) {
            Ok((header, range)) => {
                used.push(range);
                visit(header, format!("package {index}"), gaps);
            }
            Err(error) => gaps.push(format!("package {index}: {error}")),
        }
        if gaps.len() > 100 {
            gaps.push("more slots are damaged".to_owned());
            break;
        }
    }
    used.sort_unstable();
    if used.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        gaps.push("blobs of two packages overlap".to_owned());
    }
    Ok(())
}

/// The header in a blob, and where the blob lies.
fn blob(bytes: &[u8], index: u32, offset: usize, count: usize) -> Result<(&[u8], (usize, usize)), &'static str> {
    let start = offset.checked_mul(BLOCK).ok_or("the blob lies beyond the file")?;
    let length = count.checked_mul(BLOCK).filter(|length| *length >= 28).ok_or("the blob is too small")?;
    let end = start.checked_add(length).ok_or("the blob lies beyond the file")?;
    let blob = bytes.get(start..end).ok_or("the blob lies beyond the file")?;
    if !blob.starts_with(b"BlbS") || word(blob, 4) != Some(index) || !blob.ends_with(b"BlbE") {
        return Err("the blob's marks are wrong");
    }
    let size = word(blob, 12).unwrap_or_default() as usize;
    let header =
        blob.get(16..length - 12).and_then(|room| room.get(..size)).ok_or("the blob is shorter than it says")?;
    if word(blob, length - 12) != Some(adler32(&blob[..length - 12])) {
        return Err("the blob's checksum is wrong");
    }
    Ok((header, (start, end)))
}

/// Adler-32 (RFC 1950, section 8.2).
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut low, mut high) = (1_u32, 0_u32);
    // 5552 additions cannot overflow.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
