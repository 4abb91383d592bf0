//! The encryption and signature of WeCom callbacks (developer documentation, "callback encryption and
//! decryption").
//!
//! A message is `random(16) ‖ length, 32 bits big-endian ‖ message ‖ receive id`, padded to a multiple of
//! 32 bytes (never by nothing), and AES-256-CBC with the first 16 bytes of the key as the vector.

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

use crate::digest::sha1_hex;

/// The platform pads to 32 bytes although the cipher's block has 16.
const PAD_TO: usize = 32;

/// An EncodingAESKey's bytes and the token that signs.
#[derive(Clone, Debug)]
pub struct Seal {
    token: String,
    key: [u8; 32],
}

impl Seal {
    /// `encoding_aes_key` is 43 characters of base64. The last carries two bits that belong to nothing, and
    /// consoles hand out keys in which they are set.
    pub fn new(token: &str, encoding_aes_key: &str) -> anyhow::Result<Self> {
        let lenient = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        ensure!(
            encoding_aes_key.len() == 43,
            "an EncodingAESKey of {} characters, not 43",
            encoding_aes_key.len()
        );
        let bytes = GeneralPurpose::new(&STANDARD, lenient)
            .decode(encoding_aes_key)
            .context("the EncodingAESKey is not base64")?;
        let Ok(key) = <[u8; 32]>::try_from(bytes) else { bail!("the EncodingAESKey does not give 32 bytes") };
        Ok(Self { token: token.to_owned(), key })
    }

    pub fn sign(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token.as_str(), timestamp, nonce, encrypted];
        parts.sort_unstable();
        sha1_hex(&parts.map(str::as_bytes))
    }

    /// `random` is 16 bytes; the platform sends letters and digits.
    pub fn encrypt(&self, random: [u8; 16], message: &str, receive_id: &str) -> anyhow::Result<String> {
        let length = u32::try_from(message.len()).context("a message of more than 4 GiB")?;
        let mut plain = Vec::with_capacity(20 + message.len() + receive_id.len() + PAD_TO);
        plain.extend_from_slice(&random);
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(message.as_bytes());
        plain.extend_from_slice(receive_id.as_bytes());
        let pad = PAD_TO - plain.len() % PAD_TO;
        plain.resize(plain.len() + pad, u8::try_from(pad).context("a pad of at most 32")?);
        let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(&self.key, &self.key[..16])
            .context("key sizes")?;
        Ok(BASE64_STANDARD.encode(cipher.encrypt_padded_vec::<NoPadding>(&plain)))
    }

    /// The message and the receive id. Used for the receiver's encrypted replies and by tests.
    pub fn decrypt(&self, encrypted: &str) -> anyhow::Result<(String, String)> {
        let bytes = BASE64_STANDARD.decode(encrypted).context("the cipher text is not base64")?;
        let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(&self.key, &self.key[..16])
            .context("key sizes")?;
        let Ok(mut plain) = cipher.decrypt_padded_vec::<NoPadding>(&bytes) else {
            bail!("{} bytes are no whole blocks", bytes.len())
        };
        let pad = usize::from(plain.last().copied().unwrap_or(0));
        ensure!((1..=PAD_TO).contains(&pad) && pad <= plain.len(), "a pad of {pad}");
        plain.truncate(plain.len() - pad);
        let head: [u8; 4] = plain.get(16..20).context("shorter than its head")?.try_into()?;
        let end =
            usize::try_from(u32::from_be_bytes(head))?.checked_add(20).context("a length beyond memory")?;
        let message = plain.get(20..end).context("a length beyond the message")?;
        Ok((String::from_utf8(message.to_vec())?, String::from_utf8(plain[end..].to_vec())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_WITH_TRAILING_BITS: &str = "CAT9AG498DYt5BL5gHCQRgI0QX020VORWniVvAp3rJB";
    const CANONICAL_KEY: &str = "DMsLpuXyU3jVqVb7kuDdwDm8tvwZzrbB0wlAauVfmzE";
    const CORP: &str = "ww0fab1e5c0de5a17e";

    struct Vector {
        key: &'static str,
        timestamp: &'static str,
        nonce: &'static str,
        random: &'static [u8; 16],
        message: &'static str,
        receive_id: &'static str,
        encrypted: &'static str,
        signature: &'static str,
    }

    /// Pads of 7, 32, 1, 16 and 26; text of four-byte characters; no receive id.
    const VECTORS: &[Vector] = &[
        Vector {
            key: KEY_WITH_TRAILING_BITS,
            timestamp: "1767225600",
            nonce: "880011223",
            random: b"51a4164a268c52c2",
            message: "7310452298817730021",
            receive_id: CORP,
            encrypted: "Zh1/4Fj4tR6Fmb8WZEBN/1fQfvjv3DD0GfXhS8FAn296ZW4UM0gKrzeLt1R2PYnejuFpjJPqBhUfgF+lciFiAQ==",
            signature: "38d89f8034581b53a1d57f868292121261fb7df9",
        },
        Vector {
            key: KEY_WITH_TRAILING_BITS,
            timestamp: "1767225601",
            nonce: "880011224",
            random: b"c3a93f15dfea6f3f",
            message: "<xml><MsgType><![CDATA[event]]></MsgType></xml>xxxxxxxxxxx",
            receive_id: CORP,
            encrypted: "znfk6RysSH8huDIx6idGwF1/q/eonwHru9sNzk3WLuxU8RnGeQFQGbeiNrg7oRIesCVU6y450u/lFuwg5WTf6HuPbGvia4TD0DnOZBTHfLrU0lIZRdXofskc4nb5/myq69W/eg7JuFfiJboTvHuWDb2RZjLrfWjmiFwqmh7FQg4=",
            signature: "27f8e33ea8ab179babbb5b2992c57e52f6cf570a",
        },
        Vector {
            key: KEY_WITH_TRAILING_BITS,
            timestamp: "1767225602",
            nonce: "880011225",
            random: b"93916b4add66c2a2",
            message: "<xml><a>1</a></xml>xxxxxx",
            receive_id: CORP,
            encrypted: "I8ChJn5TVC03W7E6220Q/r0Gb4hiZLAs954+Rh4ivSM0VVcqObH/GE5/24zriJLpLpw4fa1f0XJGi7+ap6t1FA==",
            signature: "dc981abcdb682279d88e23dd4605826069468676",
        },
        Vector {
            key: CANONICAL_KEY,
            timestamp: "1767225604",
            nonce: "880011227",
            random: b"c091509bce418870",
            message: "<xml><a>3</a></xml>xxxxxxxxxxxxxxxxxxxxxxx",
            receive_id: CORP,
            encrypted: "Mg9xyMcRgC2qaZAoPXkxEfiIa7NDxwdr+gYDKiTurtyEUCJToMeTbfeZyChzkYRFGJuhHP9eZSBHLGzXNGM2reVpsmgD4BfzUjZCl6Ri02UQyY1EIAAUBOpU9O9JnmAP",
            signature: "61e4d4cb06ea7b5d669de5c2d331fb3fb4be040d",
        },
        Vector {
            key: CANONICAL_KEY,
            timestamp: "1767225605",
            nonce: "880011228",
            random: b"d278b906262211c1",
            message: "",
            receive_id: CORP,
            encrypted: "ZlixqdTl/uL4Sv0rDZpxuX2OHrHCgqXlHl+vMN1rJLIoypRhfctaB8GSJXOic/aKv8H3FKr8NHt4gsDMNwaf1g==",
            signature: "9c903656212806c58cd8c013dd0850c5219017c6",
        },
        Vector {
            key: KEY_WITH_TRAILING_BITS,
            timestamp: "1767225606",
            nonce: "880011229",
            random: b"57aa9623d96f03ff",
            message: "<xml><Name><![CDATA[林深🌳见鹿]]></Name></xml>",
            receive_id: CORP,
            encrypted: "3b9BaDpo9+KJQTIfjroZYJtwtTgRhlXWYWcnKTaE0qUUpXba7xl0mOVNPf1uvVQ65SL0g7jsMR9U+MBRGMnFXLQ6PPloGdsZ32N6UhvY3xIvi7IDkioRosSl0QNpXVZH",
            signature: "aa7a9a305932f23f8c35bcef4c0b464e5004e287",
        },
        Vector {
            key: KEY_WITH_TRAILING_BITS,
            timestamp: "1767225607",
            nonce: "880011230",
            random: b"b638c3f7ea0d62a2",
            message: "<xml><InfoType><![CDATA[suite_ticket]]></InfoType></xml>",
            receive_id: "",
            encrypted: "05of/i3H1uQ5aBA/aTsSXZt4ezYYJ9kVs8Gx6WhSKx9WFqL89A4Y9y/K0GONBpsbGcuXkbwhvSB+Ek4jX0pgPqd45h8nImUXkXejmDI7viiCHFP9FaA9e7XEc0iL/qet",
            signature: "45d6da2d7f2f7920d3746ac9f47d427cbab034c7",
        },
    ];

    #[test]
    fn known_vectors_are_met_byte_for_byte() {
        for vector in VECTORS {
            let seal = Seal::new("Scrm7HostTok", vector.key).unwrap();
            let encrypted = seal.encrypt(*vector.random, vector.message, vector.receive_id).unwrap();
            assert_eq!(encrypted, vector.encrypted, "{}", vector.nonce);
            assert_eq!(seal.sign(vector.timestamp, vector.nonce, &encrypted), vector.signature);
            assert_eq!(
                seal.decrypt(&encrypted).unwrap(),
                (vector.message.to_owned(), vector.receive_id.to_owned())
            );
        }
    }

    #[test]
    fn the_vendors_own_echo_decrypts() {
        let seal = Seal::new("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").unwrap();
        let echo = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";
        assert_eq!(seal.sign("1409659589", "263014780", echo), "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3");
        assert_eq!(seal.decrypt(echo).unwrap().0, "1616140317555161061");
    }

    #[test]
    fn broken_cipher_texts_are_refused() {
        let seal = Seal::new("Scrm7HostTok", KEY_WITH_TRAILING_BITS).unwrap();
        let overflowing =
            "IMkRLYtSWEJpc792yTDNACCCgIda3l81T7bew9sQPu0RIk4m2CT/nGG8A6wCgLhcufJdsbBlHT3D4lBh9JhwqA==";
        for bad in ["", "@@not*base64@@", "MDAwMDAwMDAwMDAwMDAw", overflowing] {
            assert!(seal.decrypt(bad).is_err(), "{bad}");
        }
        assert!(Seal::new("t", "short").is_err());
    }
}
