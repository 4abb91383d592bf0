//! WeCom's callback cryptography: SHA-1 signature, AES-256-CBC, and a padding of its own.
//!
//! Three habits of the platform differ from what libraries expect. The padding is PKCS#7 to 32 bytes, so a pad of
//! 17 to 32 is normal. The 43rd character of the key has discarded bits that are usually not zero. And the initial
//! vector is the first half of the key.
//! Everything that a peer says about lengths is checked: the vendor's own samples slice out of range here.
//! A padding error may be told apart from others, as nothing is decrypted before its signature was found good.

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

const KEY_CHARS: usize = 43;
const CIPHER_BLOCK: usize = 16;
const PAD_BLOCK: usize = 32;
/// 16 random bytes and the length of the text.
const HEAD: usize = 20;

/// As the platform's peers write it: any padding, and trailing bits that mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key of one callback address. It has no `Debug`: it must not be printed.
pub struct Key([u8; 32]);

/// What was inside of an encrypted text.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The sixteen bytes in front, which mean nothing.
    pub random: [u8; 16],
    /// The text itself.
    pub text: Vec<u8>,
    /// Whom it was meant for.
    pub receive_id: Vec<u8>,
}

/// Why an encrypted text cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the encrypted text is not base64")]
    NotBase64,
    #[error("{0} bytes of cipher text are no whole number of 16-byte blocks")]
    CipherLength(usize),
    #[error("the padding ends in {last}, but is not that many bytes of it (wrong key?)")]
    Padding { last: u8 },
    #[error("{0} bytes are too few for a random prefix and a length")]
    TooShort(usize),
    #[error("the text claims {claimed} bytes and {there} are there")]
    TextLength { claimed: u32, there: usize },
}

impl Key {
    /// Reads an EncodingAESKey. The error never tells the key.
    pub fn read(text: &str) -> Result<Key, String> {
        if text.len() != KEY_CHARS {
            return Err(format!("{} characters, and it must be {KEY_CHARS}", text.len()));
        }
        let bytes = LENIENT.decode(text).map_err(|_| "it is not base64".to_owned())?;
        bytes.try_into().map(Key).map_err(|_| "it does not make 32 bytes".to_owned())
    }

    fn iv(&self) -> &[u8] {
        &self.0[..CIPHER_BLOCK]
    }

    /// Opens an encrypted text. Check its signature first.
    pub fn open(&self, encrypted: &str) -> Result<Opened, OpenError> {
        let mut bytes = LENIENT.decode(encrypted).map_err(|_| OpenError::NotBase64)?;
        if bytes.is_empty() || bytes.len() % CIPHER_BLOCK != 0 {
            return Err(OpenError::CipherLength(bytes.len()));
        }
        let cipher = cbc::Decryptor::<Aes256>::new(self.0.as_slice().into(), self.iv().into());
        let length = bytes.len();
        let plain = cipher
            .decrypt_padded_mut::<NoPadding>(&mut bytes)
            .map_err(|_| OpenError::CipherLength(length))?;
        split(unpad(plain)?)
    }

    /// Encrypts a text for `receive_id`. `random` should come from the host's secure source.
    pub fn seal(&self, random: [u8; 16], text: &[u8], receive_id: &str) -> String {
        let claimed = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEAD + text.len() + receive_id.len() + PAD_BLOCK);
        bytes.extend_from_slice(&random);
        bytes.extend_from_slice(&claimed.to_be_bytes());
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(receive_id.as_bytes());
        // Never no padding: a text that fills its blocks gets a whole block more, or the peer cuts what it needs.
        let pad = PAD_BLOCK - bytes.len() % PAD_BLOCK;
        bytes.resize(bytes.len() + pad, u8::try_from(pad).unwrap_or(0));
        let cipher = cbc::Encryptor::<Aes256>::new(self.0.as_slice().into(), self.iv().into());
        let length = bytes.len();
        let sealed = cipher
            .encrypt_padded_mut::<NoPadding>(&mut bytes, length)
            .expect("because the padding made whole blocks of it");
        LENIENT.encode(sealed)
    }
}

fn unpad(plain: &[u8]) -> Result<&[u8], OpenError> {
    let last = plain.last().copied().unwrap_or(0);
    let pad = usize::from(last);
    let text = match plain.len().checked_sub(pad) {
        Some(text) if (1..=PAD_BLOCK).contains(&pad) => text,
        _ => return Err(OpenError::Padding { last }),
    };
    // The vendor's samples look at the last byte alone; every true peer writes all of them.
    if plain[text..].iter().any(|&byte| byte != last) {
        return Err(OpenError::Padding { last });
    }
    Ok(&plain[..text])
}

fn split(bytes: &[u8]) -> Result<Opened, OpenError> {
    let short = || OpenError::TooShort(bytes.len());
    let (random, rest) = bytes.split_first_chunk::<16>().ok_or_else(short)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let claimed = u32::from_be_bytes(*length);
    let too_long = OpenError::TextLength { claimed, there: rest.len() };
    let (text, receive_id) =
        usize::try_from(claimed).ok().and_then(|claimed| rest.split_at_checked(claimed)).ok_or(too_long)?;
    Ok(Opened { random: *random, text: text.to_vec(), receive_id: receive_id.to_vec() })
}

/// The signature of one encrypted text: the four strings in the order of their bytes, SHA-1, lower-case hex.
pub fn signature(token: &str, timestamp: &str, nonce: &str, encrypted: &str) -> String {
    let mut parts = [token, timestamp, nonce, encrypted];
    parts.sort_unstable();
    hex(&Sha1::digest(parts.concat()))
}

/// Whether `given` is the signature of the rest, in constant time.
pub fn is_signed(given: &str, token: &str, timestamp: &str, nonce: &str, encrypted: &str) -> bool {
    let due = signature(token, timestamp, nonce, encrypted);
    due.as_bytes().ct_eq(given.as_bytes()).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests;
