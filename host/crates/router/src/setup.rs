//! A change of the configuration, as the fold sees it.

use model::{Binding, Digest, FoldState, Position, Setup, Version};

use crate::pauses::Pauses;

/// The index of the version that this binding is, where it ever decided.
#[must_use]
pub fn version_of(state: &FoldState, binding: &Binding) -> Option<usize> {
    let settings = settings_digest(binding);
    state.versions.iter().rposition(|version| {
        version.binding == binding.name && version.digest == binding.digest && version.settings == settings
    })
}

/// The index of the version that this binding is.
pub(crate) fn version(state: &FoldState, binding: &Binding) -> u32 {
    let place = version_of(state, binding).expect("because `changed` lists the version of every binding");
    u32::try_from(place).expect("because nobody lives to see four thousand million versions")
}

/// The name of a version by its settings: of their text, as the binding has it.
#[must_use]
pub fn settings_digest(binding: &Binding) -> Digest {
    Digest(*blake3::hash(binding.settings.as_bytes()).as_bytes())
}

/// The state with this setup in force.
pub(crate) fn changed(state: &FoldState, setup: &Setup, position: Position) -> FoldState {
    let mut versions = state.versions.clone();
    for binding in &setup.policies {
        let version = Version {
            binding: binding.name.clone(),
            title: binding.descriptor.title.clone(),
            digest: binding.digest,
            settings: settings_digest(binding),
            since: position,
        };
        let same = |other: &Version| {
            other.binding == version.binding
                && other.digest == version.digest
                && other.settings == version.settings
        };
        if !versions.iter().any(same) {
            versions.push(version);
        }
    }
    let mut alone = state.alone.clone();
    alone.push(position);
    let FoldState { setup: _, versions: _, corrections, grants, sections, alone: _ } = state.clone();
    FoldState { setup: setup.clone(), versions, corrections, grants, sections, alone }
}

/// Who must be folded again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    Everybody,
    /// Whom these policies, which were paused, have missed.
    Missed(Vec<String>),
}

/// Everybody, but where the policies decide as before, or say that they carry on, and are shown the same. One that was paused
/// and is not any more has missed something.
pub(crate) fn anew(before: (&Setup, &Pauses), after: (&Setup, &Pauses), position: Position) -> Anew {
    let ((old, was), (new, is)) = (before, after);
    let carries = |(old, new): (&Binding, &Binding)| {
        let decides_as_before = new.carry || (old.digest == new.digest && old.settings == new.settings);
        old.name == new.name && decides_as_before
    };
    if old.policies.len() != new.policies.len() || !old.policies.iter().zip(&new.policies).all(carries) {
        return Anew::Everybody;
    }
    let shown = |binding: &Binding| binding.descriptor.reads_outcomes() && !binding.carry;
    if old.outcomes != new.outcomes && new.policies.iter().any(shown) {
        return Anew::Everybody;
    }
    Anew::Missed(is.ended(was, new, position))
}
