//! Packed turns, read by hand.
//!
//! `serde` reads the same bytes in a third more time: in a guest each result that is handed up through five levels is a copy that
//! the processor does not see through. Here nothing is handed up: a reader that met what it cannot read gives empty values from
//! there on, and says so at the end. The tests hold it to what `serde` writes.

use crate::events::{
    Act, Bond, Content, Direction, Event, Fact, Identity, Look, Message, Order, OrderLine, OrderStep,
    Receipt, ReceiptStep, Tie, Touchpoint, TraitValue, Value, View,
};
use crate::policy::{Alarm, Customer, Happening, HeldStage, HeldTag, IntentOutcome, Turn};

/// The rest of some packed bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, broken: false }
    }

    pub(crate) fn take<T: Unpack>(&mut self) -> T {
        T::unpack(self)
    }

    /// Was all of it there, and nothing besides?
    pub(crate) fn end(self) -> Result<(), String> {
        match (self.broken, self.rest.len()) {
            (false, 0) => Ok(()),
            (false, bytes) => Err(format!("turns: {bytes} bytes stand behind the last")),
            (true, _) => Err("turns: they cannot be unpacked".to_owned()),
        }
    }

    /// Is there anything left to read?
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    #[cold]
    fn fail(&mut self) {
        (self.rest, self.broken) = (&[], true);
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.rest.split_first() else {
            self.fail();
            return 0;
        };
        self.rest = rest;
        byte
    }

    /// Seven bits a byte, the lowest first.
    #[inline]
    fn number(&mut self) -> u64 {
        match *self.rest {
            [only, ref rest @ ..] if only < 0x80 => {
                self.rest = rest;
                u64::from(only)
            }
            _ => self.long_number(),
        }
    }

    /// One of more than a byte. Most are times: they have six, which are looked at together.
    fn long_number(&mut self) -> u64 {
        if let Some(word) = self.rest.first_chunk() {
            let word = u64::from_le_bytes(*word);
            // The highest bit of a byte is off in the last one.
            let lasts = !word & 0x8080_8080_8080_8080;
            if lasts != 0 {
                let upto_last = lasts ^ (lasts - 1);
                let sevens = word & upto_last & 0x7f7f_7f7f_7f7f_7f7f;
                let pairs = sevens & 0x007f_007f_007f_007f | sevens >> 1 & 0x3f80_3f80_3f80_3f80;
                let fours = pairs & 0x0000_3fff_0000_3fff | pairs >> 2 & 0x0fff_c000_0fff_c000;
                self.rest = &self.rest[lasts.trailing_zeros() as usize / 8 + 1..];
                return fours & 0x0fff_ffff | fours >> 4 & 0x00ff_ffff_f000_0000;
            }
        }
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            // Of the tenth there is room for one bit.
            if byte < 0x80 && (shift < 63 || byte <= 1) {
                return number;
            }
        }
        self.fail();
        0
    }

    /// As many bytes as the number before them says. To copy a length that the compiler does not know, a guest asks the host; most
    /// texts are short, and are copied here with some of what stands behind them.
    #[inline]
    fn run(&mut self) -> Vec<u8> {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        let Some((run, rest)) = self.rest.split_at_checked(length) else {
            self.fail();
            return Vec::new();
        };
        let bytes = match self.rest.first_chunk::<SHORT>() {
            Some(chunk) if length <= SHORT => {
                let mut bytes = chunk.to_vec();
                bytes.truncate(length);
                bytes
            }
            _ => run.to_vec(),
        };
        self.rest = rest;
        bytes
    }
}

/// Bytes of a text that is copied without the host.
const SHORT: usize = 16;

/// What can be read from packed bytes.
pub(crate) trait Unpack {
    fn unpack(reader: &mut Reader<'_>) -> Self;
}

impl Unpack for u64 {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> u64 {
        reader.number()
    }
}

impl Unpack for u32 {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> u32 {
        u32::try_from(reader.number()).unwrap_or_else(|_| {
            reader.fail();
            0
        })
    }
}

impl Unpack for i64 {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> i64 {
        let folded = reader.number();
        (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
    }
}

impl Unpack for f64 {
    fn unpack(reader: &mut Reader<'_>) -> f64 {
        let Some((bytes, rest)) = reader.rest.split_first_chunk() else {
            reader.fail();
            return 0.0;
        };
        reader.rest = rest;
        f64::from_le_bytes(*bytes)
    }
}

impl Unpack for bool {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> bool {
        match reader.byte() {
            0 => false,
            1 => true,
            _ => {
                reader.fail();
                false
            }
        }
    }
}

impl Unpack for String {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> String {
        String::from_utf8(reader.run()).unwrap_or_else(|_| {
            reader.fail();
            String::new()
        })
    }
}

/// A run of bytes.
struct Run(Vec<u8>);

impl Unpack for Run {
    fn unpack(reader: &mut Reader<'_>) -> Run {
        Run(reader.run())
    }
}

impl<T: Unpack> Unpack for Option<T> {
    #[inline]
    fn unpack(reader: &mut Reader<'_>) -> Option<T> {
        bool::unpack(reader).then(|| T::unpack(reader))
    }
}

impl<T: Unpack> Unpack for Vec<T> {
    fn unpack(reader: &mut Reader<'_>) -> Vec<T> {
        let items = usize::try_from(reader.number()).unwrap_or(usize::MAX);
        // An item takes a byte at least.
        let mut list = Vec::with_capacity(items.min(reader.rest.len()));
        while list.len() < items && !reader.broken {
            list.push(T::unpack(reader));
        }
        list
    }
}

/// Records of the contract: their fields, in their order.
macro_rules! records {
    ($($record:ident { $($field:ident),* })*) => {$(
        impl Unpack for $record {
            #[inline]
            fn unpack(reader: &mut Reader<'_>) -> $record {
                $(let $field = reader.take();)*
                $record { $($field),* }
            }
        }
    )*};
}

records! {
    Act { kind, object, title, quantity, state, whom }
    Alarm { key, due }
    Content { id, kind, title, category }
    Customer { id, first_seen, traits, tags, stages, staff, outcomes }
    Event { id, at, who, staff, touchpoint, fact, extra }
    HeldStage { journey, stage }
    HeldTag { name, since, expires }
    Identity { scheme, scope, value }
    IntentOutcome { key, step, at, joined }
    Message { direction, kind, text, group, about }
    Order { id, step, currency, total, paid, refunded, lines, placed_at, source }
    OrderLine { sku, title, category, quantity, paid }
    Receipt { errand, step, why }
    Tie { bond, way, state, remark, tags, successor }
    TraitValue { name, value }
    View { look, about, dwell_ms, via }
}

impl Unpack for Turn {
    fn unpack(reader: &mut Reader<'_>) -> Turn {
        let customer = reader.take();
        let memory = reader.take::<Option<Run>>().map(|Run(bytes)| bytes);
        let (position, now, happening) = (reader.take(), reader.take(), reader.take());
        Turn { customer, memory, position, now, happening }
    }
}

/// Enums of the contract: their cases, in their order.
macro_rules! enums {
    ($($name:ident { $first:ident $(, $case:ident)* })*) => {$(
        impl Unpack for $name {
            #[inline]
            fn unpack(reader: &mut Reader<'_>) -> $name {
                const CASES: &[$name] = &[$name::$first $(, $name::$case)*];
                let number = usize::try_from(reader.number()).unwrap_or(usize::MAX);
                CASES.get(number).copied().unwrap_or_else(|| {
                    reader.fail();
                    $name::$first
                })
            }
        }
    )*};
}

enums! {
    Bond { Added, HalfAdded, RemovedByCustomer, RemovedByStaff, Transferred, Edited }
    Direction { FromCustomer, ToCustomer }
    Look { Viewed, Clicked, Liked, Commented, Shared, Favoured }
    OrderStep { Placed, Paid, Shipped, Received, Completed, Cancelled, RefundAsked, PartRefunded, Refunded }
    ReceiptStep { Sent, Confirmed, Failed, Expired, Read, Clicked, Replied, Bought }
    Touchpoint {
        DirectMessage, GroupChat, Moments, OfficialAccount, MiniProgram, ShortVideo, LiveRoom, Web, Shop, Store, Phone, Sms,
        Parcel, Other
    }
}

/// Variants of the contract: their cases, in their order, and what a reader that failed gives.
macro_rules! variants {
    ($($name:ident { $($number:literal $case:ident),* } or $failed:expr;)*) => {$(
        impl Unpack for $name {
            #[inline]
            fn unpack(reader: &mut Reader<'_>) -> $name {
                match reader.number() {
                    $($number => $name::$case(reader.take()),)*
                    _ => {
                        reader.fail();
                        $failed
                    }
                }
            }
        }
    )*};
}

variants! {
    Fact { 0 Said, 1 Saw, 2 Bought, 3 Did, 4 Met, 5 Told, 6 Carried } or Fact::Told(Vec::new());
    Happening { 0 Fact, 1 Alarm } or Happening::Alarm(Alarm { key: String::new(), due: 0 });
    Value { 0 Text, 1 Number, 2 Truth, 3 Time } or Value::Truth(false);
}

#[cfg(test)]
mod tests;
