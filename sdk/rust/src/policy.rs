//! Policies: the trait that they implement, and the glue that calls it for a batch of turns.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::wit::heliu::plugin::policy::{
    Alarm, Change, Customer, Decision, Descriptor, Happening, HeldStage, HeldTag, Intent, IntentOutcome,
    NewTag, StaffTask, Turn, Verdict,
};

use crate::run::{Appending, Run};
use crate::settings;
use crate::unpack::Reader;

/// In front of every memory: how the rest is encoded. 1 is postcard.
const MEMORY_ENCODING: u8 = 1;

/// Room for a memory while it is encoded, once for all turns.
const MEMORY_BYTES_USUAL: usize = 1024;

/// A pure function from settings, what it remembers of a customer, and what happened, to decisions.
///
/// It has no clock, no network and no randomness, and must not depend on the order of a `HashMap` either.
pub trait Policy {
    /// What the operator fills in for one binding. Derive `schemars::JsonSchema` for it and give the schema
    /// in the descriptor by [`schema`](crate::schema). Parsed once for each batch.
    type Settings: DeserializeOwned;

    /// What it remembers of one customer. Kept as postcard, which knows no field names: a memory that has changed its
    /// shape is another memory. One that equals `Default` is not kept at all.
    type Memory: Serialize + DeserializeOwned + Default;

    /// What it tells of itself. Called without settings: it must be the same for every binding.
    fn describe() -> Descriptor;

    /// Decides upon one turn. An error is for what cannot be decided at all, such as settings that contradict
    /// themselves: it makes the turn a dead letter.
    fn evaluate(
        settings: &Self::Settings,
        memory: &mut Self::Memory,
        turn: &Turn,
    ) -> Result<Vec<Decision>, String>;
}

/// Parses the settings once and evaluates turn after turn.
pub fn evaluate<P: Policy>(settings: &str, turns: &[Turn]) -> Result<Vec<Verdict>, String> {
    let mut evaluator = Evaluator::<P>::new(settings)?;
    let verdict = |turn| {
        let Lent(decisions, memory) = evaluator.verdict(turn)?;
        Ok(Verdict { decisions, memory: memory.map(|Run(bytes)| bytes.to_vec()) })
    };
    turns.iter().map(verdict).collect()
}

/// The same for turns and verdicts that are packed, as `packed-policy` of the contract says.
pub fn evaluate_packed<P: Policy>(settings: &str, turns: &[u8]) -> Result<Vec<u8>, String> {
    let mut evaluator = Evaluator::<P>::new(settings)?;
    let mut reader = Reader::new(turns);
    let many: u64 = reader.take();
    // Room that is not used costs nothing, and to move what was written does.
    let mut verdicts = pack(&many, Vec::with_capacity(2 * turns.len()))?;
    for _ in 0..many {
        let turn: Turn = reader.take();
        if reader.is_broken() {
            break;
        }
        verdicts = pack(&evaluator.verdict(&turn)?, verdicts)?;
    }
    reader.end()?;
    Ok(verdicts)
}

fn pack<T: Serialize>(value: &T, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    postcard::serialize_with_flavor(value, Appending(bytes))
        .map_err(|error| format!("verdicts: cannot be packed: {error}"))
}

/// A policy with its settings, and what is made once for all turns of a call.
struct Evaluator<P: Policy> {
    settings: P::Settings,
    /// The memory that is not kept.
    nothing: Vec<u8>,
    scratch: Vec<u8>,
}

/// A verdict, field after field, with the memory where it was encoded.
#[derive(Serialize)]
struct Lent<'a>(Vec<Decision>, Option<Run<'a>>);

impl<P: Policy> Evaluator<P> {
    fn new(settings: &str) -> Result<Self, String> {
        let settings = settings::parse(settings)?;
        let scratch = encode(&P::Memory::default(), Vec::with_capacity(MEMORY_BYTES_USUAL))?;
        Ok(Evaluator { settings, nothing: scratch.clone(), scratch })
    }

    fn verdict(&mut self, turn: &Turn) -> Result<Lent<'_>, String> {
        let mut memory = match &turn.memory {
            Some(bytes) => decode(bytes)?,
            None => P::Memory::default(),
        };
        let decisions = P::evaluate(&self.settings, &mut memory, turn)?;
        self.scratch = encode(&memory, std::mem::take(&mut self.scratch))?;
        let memory = (self.scratch != self.nothing).then_some(Run(&self.scratch));
        Ok(Lent(decisions, memory))
    }
}

/// A short stand-in for a text in a memory: 64 bits of FNV-1a, the same on every machine and in every version.
pub fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Into bytes that are used again.
fn encode<M: Serialize>(memory: &M, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    bytes.clear();
    bytes.push(MEMORY_ENCODING);
    postcard::serialize_with_flavor(memory, Appending(bytes))
        .map_err(|error| format!("memory: cannot be encoded: {error}"))
}

fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, String> {
    match bytes.split_first() {
        Some((&MEMORY_ENCODING, rest)) => match postcard::take_from_bytes(rest) {
            Ok((memory, [])) => Ok(memory),
            Ok((_, rest)) => Err(format!("memory: {} bytes too many", rest.len())),
            Err(error) => Err(format!("memory: cannot be decoded: {error}")),
        },
        Some((encoding, _)) => Err(format!("memory: unknown encoding {encoding}")),
        None => Err("memory: empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts happenings and says so at every `every`th.
    struct Counter;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        every: u32,
    }

    #[derive(Default, serde::Serialize, serde::Deserialize)]
    struct Memory {
        seen: u32,
    }

    impl Policy for Counter {
        type Settings = Settings;
        type Memory = Memory;

        fn describe() -> Descriptor {
            let (none, settings_schema) = (Vec::new, "{}".to_owned());
            Descriptor {
                title: String::new(),
                settings_schema,
                wants: none(),
                tags: none(),
                journeys: none(),
                reads: none(),
            }
        }

        fn evaluate(settings: &Settings, memory: &mut Memory, _: &Turn) -> Result<Vec<Decision>, String> {
            if settings.every == 0 {
                return Err("every: 0".to_owned());
            }
            memory.seen = (memory.seen + 1) % settings.every;
            let tag = NewTag { name: "counted".to_owned(), expires: None };
            let decision = Decision { why: "counted".to_owned(), change: Change::Tag(tag) };
            Ok(if memory.seen == 0 { vec![decision] } else { vec![] })
        }
    }

    fn turn(memory: Option<Vec<u8>>) -> Turn {
        let (id, none) = ("cus_1".to_owned(), Vec::new);
        let customer = Customer {
            id,
            first_seen: 0,
            traits: vec![],
            tags: vec![],
            stages: vec![],
            staff: none(),
            outcomes: vec![],
        };
        let happening = Happening::Alarm(Alarm { key: "a".to_owned(), due: 5 });
        Turn { customer, memory, position: 1, now: 5, happening }
    }

    #[test]
    fn a_memory_comes_back_and_one_that_is_default_is_not_kept() {
        let first = evaluate::<Counter>(r#"{"every":2}"#, &[turn(None)]).expect("because the settings fit");
        assert_eq!(first[0].memory.as_deref(), Some(&[MEMORY_ENCODING, 1][..]));
        let second =
            evaluate::<Counter>(r#"{"every":2}"#, &[turn(first[0].memory.clone())]).expect("as before");
        assert_eq!(second[0].memory, None);
        assert_eq!(second[0].decisions.len(), 1);
    }

    #[test]
    fn each_turn_of_a_batch_has_its_own_verdict() {
        let turns = [turn(None), turn(Some(vec![MEMORY_ENCODING, 1]))];
        let verdicts = evaluate::<Counter>(r#"{"every":2}"#, &turns).expect("because the settings fit");
        assert_eq!(verdicts.iter().map(|verdict| verdict.decisions.len()).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_memory_that_is_none_of_ours_is_an_error_and_no_panic() {
        for bytes in [
            vec![],
            vec![9, 1],
            vec![MEMORY_ENCODING],
            vec![MEMORY_ENCODING, 1, 1],
            vec![MEMORY_ENCODING, 255],
        ] {
            let error = evaluate::<Counter>(r#"{"every":2}"#, &[turn(Some(bytes))])
                .expect_err("because it is foreign");
            assert!(error.starts_with("memory: "), "{error}");
        }
    }

    #[test]
    fn packed_turns_give_the_same_verdicts() {
        let turns = [turn(None), turn(Some(vec![MEMORY_ENCODING, 1])), turn(None)];
        let packed = postcard::to_stdvec(&turns[..]).expect("because postcard takes any turn");
        let verdicts =
            evaluate_packed::<Counter>(r#"{"every":2}"#, &packed).expect("because the settings fit");
        let verdicts: Vec<Verdict> = postcard::from_bytes(&verdicts).expect("because they were just packed");
        assert_eq!(Ok(verdicts), evaluate::<Counter>(r#"{"every":2}"#, &turns));
        for (at, bytes) in [(1, &packed[..packed.len() - 1]), (2, &[&packed[..], &[0]].concat())] {
            let error = evaluate_packed::<Counter>(r#"{"every":2}"#, bytes).expect_err("because it is cut");
            assert!(error.starts_with("turns: "), "{at}: {error}");
        }
    }

    #[test]
    fn fingerprints_never_change() {
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn settings_at_fault_are_named_even_for_an_empty_batch() {
        let error = evaluate::<Counter>(r#"{"evry":2}"#, &[]).expect_err("because the key is wrong");
        assert!(error.contains("evry"), "{error}");
    }
}
