//! Errands that one member of staff would have to confirm one by one become one errand to many.

use std::collections::HashMap;

use model::{Carriage, Content};

/// WeCom's `externalcontact/add_msg_template` takes so many customers at once.
pub const GROUP_MAX: usize = 10_000;

/// An intent that was let through, addressed.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    pub connection: &'a str,
    pub staff: Option<&'a str>,
    pub carriage: Carriage,
    pub scene: &'a str,
    pub text: Option<&'a str>,
    pub content: Option<&'a Content>,
    /// Part of what must be equal: it may say something of the one customer.
    pub detail: Option<&'a str>,
}

/// Errands that are handed over together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their places in the list that was given, ascending.
    pub members: Vec<usize>,
}

/// What must be equal for one confirmation to do for both.
#[derive(PartialEq, Eq, Hash)]
struct Same<'a> {
    connection: &'a str,
    staff: &'a str,
    scene: &'a str,
    text: Option<&'a str>,
    content: Option<[Option<&'a str>; 4]>,
    detail: Option<&'a str>,
}

/// Divides the errands of one round into groups, so that each member of staff confirms equal ones once.
///
/// Only what staff confirm is put together, only where the member of staff is known, and [`GROUP_MAX`] at most. Everything
/// else is a group of one. Groups come in the order of their first members; each errand is in exactly one.
#[must_use]
pub fn merge_tasks(errands: &[Errand<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open: HashMap<Same<'_>, usize> = HashMap::new();
    for (place, errand) in errands.iter().enumerate() {
        let Some(same) = same(errand) else {
            groups.push(Group { members: vec![place] });
            continue;
        };
        let group = open.get(&same).and_then(|&at| groups.get_mut(at));
        match group.filter(|group| group.members.len() < GROUP_MAX) {
            Some(group) => group.members.push(place),
            None => {
                open.insert(same, groups.len());
                groups.push(Group { members: vec![place] });
            }
        }
    }
    groups
}

fn same<'a>(errand: &Errand<'a>) -> Option<Same<'a>> {
    let Errand { connection, staff, carriage, scene, text, content, detail } = *errand;
    let staff = match carriage {
        Carriage::AsksStaff => staff?,
        Carriage::Sends => return None,
    };
    let content = content.map(|content| {
        let Content { id, kind, title, category } = content;
        [Some(id.as_str()), Some(kind), title.as_deref(), category.as_deref()]
    });
    Some(Same { connection, staff, scene, text, content, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRAND: Errand<'_> = Errand {
        connection: "wecom-main",
        staff: Some("lin"),
        carriage: Carriage::AsksStaff,
        scene: "direct-message",
        text: Some("hello"),
        content: None,
        detail: None,
    };

    fn members(errands: &[Errand<'_>]) -> Vec<Vec<usize>> {
        merge_tasks(errands).into_iter().map(|group| group.members).collect()
    }

    #[test]
    fn equal_errands_of_one_member_of_staff_are_confirmed_once() {
        let other = Errand { staff: Some("wang"), ..ERRAND };
        assert_eq!(members(&[ERRAND, other, ERRAND, other, ERRAND]), [vec![0, 2, 4], vec![1, 3]]);
    }

    #[test]
    fn whatever_differs_is_confirmed_by_itself() {
        let content = |category: &str| Content {
            id: "c".to_owned(),
            kind: "poster".to_owned(),
            title: None,
            category: Some(category.to_owned()),
        };
        let (cream, soap) = (content("cream"), content("soap"));
        let errands = [
            ERRAND,
            Errand { connection: "wecom-other", ..ERRAND },
            Errand { scene: "moments", ..ERRAND },
            Errand { text: Some("hi"), ..ERRAND },
            Errand { text: None, ..ERRAND },
            Errand { content: Some(&cream), ..ERRAND },
            Errand { content: Some(&soap), ..ERRAND },
            Errand { detail: Some("{}"), ..ERRAND },
        ];
        assert_eq!(members(&errands), (0..errands.len()).map(|place| vec![place]).collect::<Vec<_>>());
    }

    #[test]
    fn what_nobody_or_nobody_known_confirms_stays_alone() {
        let sends = Errand { carriage: Carriage::Sends, ..ERRAND };
        let unknown = Errand { staff: None, ..ERRAND };
        assert_eq!(members(&[sends, sends, unknown, unknown]), [vec![0], vec![1], vec![2], vec![3]]);
    }

    #[test]
    fn a_group_is_no_larger_than_a_platform_takes() {
        let errands = vec![ERRAND; GROUP_MAX + 1];
        let sizes: Vec<_> = merge_tasks(&errands).iter().map(|group| group.members.len()).collect();
        assert_eq!(sizes, [GROUP_MAX, 1]);
    }
}
