//! A task for staff goes the way of all intents: it is judged by the courier, and carried to the member of staff who knows her.

use model::{Intent, StaffTask};

/// The scene in which connectors tell staff what to do.
const SCENE: &str = "staff-task";

/// Asked again, the same thing by the same time is one task that staff are told of. Titles may be long, and keys are not.
pub(crate) fn key(task: &StaffTask) -> String {
    let StaffTask { title, due } = task;
    let mut hasher = blake3::Hasher::new_derive_key("heliu staff task v1");
    hasher.update(&due.map_or([0; 9], |due| {
        let mut bytes = [1; 9];
        bytes[1..].copy_from_slice(&due.to_le_bytes());
        bytes
    }));
    hasher.update(title.as_bytes());
    format!("{SCENE}-{}", &hasher.finalize().to_hex()[..16])
}

/// The intent by which it is carried. It has no end of its own: what is overdue is still to be done.
pub(crate) fn intent(task: &StaffTask) -> Intent {
    let StaffTask { title, due } = task;
    Intent {
        key: key(task),
        scene: SCENE.to_owned(),
        text: Some(title.clone()),
        content: None,
        detail: due.map(|due| format!("{{\"due\":{due}}}")),
        not_before: None,
        not_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_title_or_time_is_another_task() {
        let task = |title: &str, due| StaffTask { title: title.to_owned(), due };
        let keys = [task("call", None), task("call", Some(0)), task("call", Some(9)), task("write", None)]
            .map(|task| key(&task));
        for (at, one) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == one), Some(at), "{keys:?}");
        }
        assert_eq!(key(&task("call", Some(9))), keys[2]);
        assert_eq!(intent(&task("call", Some(9))).detail.as_deref(), Some("{\"due\":9}"));
    }
}
