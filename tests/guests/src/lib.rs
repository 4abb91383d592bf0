//! Components that do what no plugin should, and the frames that they are written in. For tests alone.
//!
//! A file in `hostile/` is one attack. It holds only what the guest does otherwise than one that behaves; a [`frame`] adds
//! the rest. What no text can say is [`made`]. Whoever tests them lists them by name, and the compiler sees to it that none
//! is left out: [`untested`].

pub mod frame;
pub mod healthy;
pub mod made;

/// One hostile component.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// Named after its attack.
    pub name: &'static str,
    source: Source,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// What is put into a frame.
    Text(&'static str),
    Made(fn() -> Vec<u8>),
}

impl Guest {
    /// The file that an operator would be given. Not every one is a component.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        match self.source {
            Source::Text(text) => frame::framed(text),
            Source::Made(make) => make(),
        }
    }
}

const FILES: &[Guest] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

const MADE: &[Guest] = &[
    Guest { name: "cut_off_file", source: Source::Made(made::cut_off) },
    Guest { name: "bit_flipped_file", source: Source::Made(made::bit_flipped) },
    Guest { name: "instances_without_number", source: Source::Made(made::instances) },
    Guest { name: "function_without_end", source: Source::Made(made::long_function) },
    Guest { name: "components_in_components", source: Source::Made(made::nested) },
    Guest { name: "takes_minutes_to_compile", source: Source::Made(made::laborious) },
];

/// The guest of this name. Where there is none, nothing compiles.
///
/// # Panics
/// There is none.
#[must_use]
pub const fn named(name: &str) -> Guest {
    let mut at = 0;
    while at < FILES.len() + MADE.len() {
        let guest = if at < FILES.len() { FILES[at] } else { MADE[at - FILES.len()] };
        if same(guest.name, name) {
            return guest;
        }
        at += 1;
    }
    panic!("no guest of this name: neither in tests/guests/hostile nor made")
}

/// A guest that is not among these.
#[must_use]
pub const fn untested(tested: &[&str]) -> Option<&'static str> {
    let mut at = 0;
    while at < FILES.len() + MADE.len() {
        let guest = if at < FILES.len() { FILES[at] } else { MADE[at - FILES.len()] };
        let mut listed = 0;
        while listed < tested.len() && !same(tested[listed], guest.name) {
            listed += 1;
        }
        if listed == tested.len() {
            return Some(guest.name);
        }
        at += 1;
    }
    None
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_is_not_listed_is_named() {
        let all: Vec<&str> = FILES.iter().chain(MADE).map(|guest| guest.name).collect();
        assert_eq!(untested(&all), None);
        assert_eq!(untested(&all[1..]), Some(all[0]));
        assert_eq!(untested(&all[..all.len() - 1]), all.last().copied());
    }

    #[test]
    fn no_two_guests_have_one_name() {
        let mut all: Vec<&str> = FILES.iter().chain(MADE).map(|guest| guest.name).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }
}
