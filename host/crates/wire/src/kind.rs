//! How a value is lent to a serialiser and taken back from one, and the macros that write a twin from its fields.
//!
//! A twin takes the model's struct apart without `..`: a new field in `model` does not compile until it is decided here.

use std::borrow::Cow;
use std::fmt;

use model::{CustomerId, Digest};
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// A way to write values of `Model`. The kind of a plain value is the value's own type.
pub trait Kind<'a> {
    type Model: 'a;
    type Wire: Serialize + DeserializeOwned;
    fn lend(model: &'a Self::Model) -> Self::Wire;
    fn take(wire: Self::Wire) -> Self::Model;
}

/// The kind of a JSON text: embedded in JSON, text on disk.
pub struct Raw;

/// The kind of bytes: base64 in JSON, bytes on disk.
pub struct Bytes;

macro_rules! plain {
    ($($type:ty),*) => { $(
        impl<'a> Kind<'a> for $type {
            type Model = $type;
            type Wire = $type;
            fn lend(model: &'a $type) -> $type { *model }
            fn take(wire: $type) -> $type { wire }
        }
    )* };
}
plain!(bool, u16, u32, u64, i64, f64);

impl<'a> Kind<'a> for String {
    type Model = String;
    type Wire = Cow<'a, str>;
    fn lend(model: &'a String) -> Cow<'a, str> {
        Cow::Borrowed(model)
    }
    fn take(wire: Cow<'a, str>) -> String {
        wire.into_owned()
    }
}

impl<'a, K: Kind<'a>> Kind<'a> for Option<K> {
    type Model = Option<K::Model>;
    type Wire = Option<K::Wire>;
    fn lend(model: &'a Self::Model) -> Self::Wire {
        model.as_ref().map(K::lend)
    }
    fn take(wire: Self::Wire) -> Self::Model {
        wire.map(K::take)
    }
}

impl<'a, K: Kind<'a>> Kind<'a> for Vec<K> {
    type Model = Vec<K::Model>;
    type Wire = Vec<K::Wire>;
    fn lend(model: &'a Self::Model) -> Self::Wire {
        model.iter().map(K::lend).collect()
    }
    fn take(wire: Self::Wire) -> Self::Model {
        wire.into_iter().map(K::take).collect()
    }
}

impl<'a, A: Kind<'a>, B: Kind<'a>> Kind<'a> for (A, B) {
    type Model = (A::Model, B::Model);
    type Wire = (A::Wire, B::Wire);
    fn lend(model: &'a Self::Model) -> Self::Wire {
        (A::lend(&model.0), B::lend(&model.1))
    }
    fn take(wire: Self::Wire) -> Self::Model {
        (A::take(wire.0), B::take(wire.1))
    }
}

/// A JSON text on its way.
pub struct RawWire<'a>(Cow<'a, str>);

impl<'a> Kind<'a> for Raw {
    type Model = String;
    type Wire = RawWire<'a>;
    fn lend(model: &'a String) -> RawWire<'a> {
        RawWire(Cow::Borrowed(model))
    }
    fn take(wire: RawWire<'a>) -> String {
        wire.0.into_owned()
    }
}

impl Serialize for RawWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_str(&self.0);
        }
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(raw) => raw.serialize(serializer),
            // A plugin promised JSON and gave something else: shown as the text that it is.
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for RawWire<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Ok(RawWire(Cow::Owned(raw.get().to_owned())))
        } else {
            Ok(RawWire(Cow::Owned(String::deserialize(deserializer)?)))
        }
    }
}

/// Bytes on their way.
pub struct BytesWire<'a>(Cow<'a, [u8]>);

impl<'a> Kind<'a> for Bytes {
    type Model = Vec<u8>;
    type Wire = BytesWire<'a>;
    fn lend(model: &'a Vec<u8>) -> BytesWire<'a> {
        BytesWire(Cow::Borrowed(model))
    }
    fn take(wire: BytesWire<'a>) -> Vec<u8> {
        wire.0.into_owned()
    }
}

impl Serialize for BytesWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&base64_encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for BytesWire<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_owned())
            }
        }
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let bytes = base64_decode(&text).ok_or_else(|| D::Error::custom("not base64"))?;
            Ok(BytesWire(Cow::Owned(bytes)))
        } else {
            Ok(BytesWire(Cow::Owned(deserializer.deserialize_bytes(Visitor)?)))
        }
    }
}

fn base64_encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An id that is text in JSON and compact on disk.
macro_rules! textual {
    ($model:ident, $wire:ident, $stored:ty, |$value:ident| $to:expr, $from:expr) => {
        pub struct $wire($model);

        impl<'a> Kind<'a> for $model {
            type Model = $model;
            type Wire = $wire;
            fn lend(model: &'a $model) -> $wire {
                $wire(*model)
            }
            fn take(wire: $wire) -> $model {
                wire.0
            }
        }

        impl Serialize for $wire {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(&self.0)
                } else {
                    let $value = &self.0;
                    $to.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $wire {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map($wire).map_err(D::Error::custom)
                } else {
                    <$stored>::deserialize(deserializer).map($from).map($wire)
                }
            }
        }
    };
}
textual!(CustomerId, CustomerIdWire, u64, |id| id.0, CustomerId);
textual!(Digest, DigestWire, [u8; 32], |digest| digest.0, Digest);

/// Writes the twin of a struct: `twin!(Identity as IdentityWire { scheme: String, … })`.
macro_rules! twin {
    ($model:ident as $wire:ident { $($field:ident : $kind:ty),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $wire<'a> { $( $field: <$kind as $crate::kind::Kind<'a>>::Wire ),* }

        impl<'a> $crate::kind::Kind<'a> for model::$model {
            type Model = model::$model;
            type Wire = $wire<'a>;
            fn lend(model: &'a model::$model) -> $wire<'a> {
                let model::$model { $($field),* } = model;
                $wire { $( $field: <$kind as $crate::kind::Kind<'a>>::lend($field) ),* }
            }
            fn take(wire: $wire<'a>) -> model::$model {
                let $wire { $($field),* } = wire;
                model::$model { $( $field: <$kind as $crate::kind::Kind<'a>>::take($field) ),* }
            }
        }
    };
}

/// Writes the twin of an enum whose cases hold nothing.
macro_rules! twin_enum {
    ($model:ident as $wire:ident { $($case:ident),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $wire { $($case),* }

        impl<'a> $crate::kind::Kind<'a> for model::$model {
            type Model = model::$model;
            type Wire = $wire;
            fn lend(model: &'a model::$model) -> $wire {
                match model { $( model::$model::$case => $wire::$case ),* }
            }
            fn take(wire: $wire) -> model::$model {
                match wire { $( $wire::$case => model::$model::$case ),* }
            }
        }
    };
}

/// Writes the twin of an enum whose cases hold one value each.
macro_rules! twin_cases {
    ($model:ident as $wire:ident { $($case:ident($kind:ty)),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $wire<'a> { $( $case(<$kind as $crate::kind::Kind<'a>>::Wire) ),* }

        impl<'a> $crate::kind::Kind<'a> for model::$model {
            type Model = model::$model;
            type Wire = $wire<'a>;
            fn lend(model: &'a model::$model) -> $wire<'a> {
                match model { $( model::$model::$case(value) => $wire::$case(<$kind as $crate::kind::Kind<'a>>::lend(value)) ),* }
            }
            fn take(wire: $wire<'a>) -> model::$model {
                match wire { $( $wire::$case(value) => model::$model::$case(<$kind as $crate::kind::Kind<'a>>::take(value)) ),* }
            }
        }
    };
}

pub(crate) use {twin, twin_cases, twin_enum};
