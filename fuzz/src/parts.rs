//! Several parts in one input: each is its length (u16, little-endian) and its bytes. A length that is too large means all
//! that is left, so every input has parts.

/// The input with these parts.
pub fn join<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut input = Vec::new();
    for part in parts {
        let part = part.as_ref();
        let length = u16::try_from(part.len()).expect("a part of a small input");
        input.extend_from_slice(&length.to_le_bytes());
        input.extend_from_slice(part);
    }
    input
}

/// The parts of an input.
pub fn split(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let (length, bytes) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(bytes.len());
        let part;
        (part, rest) = bytes.split_at(length);
        Some(part)
    })
}
