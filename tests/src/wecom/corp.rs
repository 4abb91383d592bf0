//! What a corp keeps on the platform: staff, customers, the relations between them, customer groups, corp
//! tags.
//!
//! Plain state without time of its own: whoever changes it says when. No change here pushes anything; on the
//! platform too, what an API changes calls nobody back.

use std::collections::BTreeMap;

use super::outbox::Outbox;
use super::service::Service;
use crate::digest::md5_hex;

/// Milliseconds are the crate's unit; the platform answers in seconds.
#[derive(Clone, Debug, Default)]
pub struct Corp {
    pub staff: BTreeMap<String, String>,
    pub customers: BTreeMap<String, Customer>,
    /// By external_userid, then by userid of the staff.
    pub relations: BTreeMap<String, BTreeMap<String, Relation>>,
    pub chats: BTreeMap<String, Chat>,
    pub tag_groups: Vec<TagGroup>,
    pub outbox: Outbox,
    pub service: Service,
    /// Messages of the app: to whom of staff, and what they say.
    pub notices: Vec<(String, String)>,
}

/// An external contact of type 1, a WeChat user.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    pub external_userid: String,
    pub name: String,
    /// 0 unknown, 1 male, 2 female.
    pub gender: u8,
    /// Only where the corp bound a WeChat open-platform account.
    pub unionid: Option<String>,
}

/// What one member of staff has with one customer.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    pub remark: String,
    pub description: String,
    pub since_s: u64,
    pub tag_ids: Vec<String>,
    pub personal_tags: Vec<String>,
    pub remark_mobiles: Vec<String>,
    /// How they met: 1 by QR code, 3 by a shared card, 16 by an acquisition link, … an open list.
    pub add_way: u32,
    pub state: String,
    /// Added by the customer, not confirmed by the staff. Such a relation is not answered by the API here;
    /// what the platform does is not confirmed.
    pub is_half: bool,
    /// The customer removed the staff. The staff still sees the customer, and the API still answers.
    pub is_left: bool,
}

#[derive(Clone, Debug)]
pub struct Chat {
    pub chat_id: String,
    pub name: String,
    pub owner: String,
    pub notice: String,
    pub created_s: u64,
    /// In the order of joining.
    pub members: Vec<Member>,
    pub is_dismissed: bool,
    changes: u64,
}

#[derive(Clone, Debug)]
pub struct Member {
    /// A userid of staff or an external_userid.
    pub id: String,
    pub joined_s: u64,
    /// 1 invited, 2 by an invitation's link, 3 by QR code: not the codes of the callback.
    pub join_scene: u32,
    pub state: String,
}

#[derive(Clone, Debug)]
pub struct TagGroup {
    pub id: String,
    pub name: String,
    pub created_s: u64,
    pub tags: Vec<CorpTag>,
    pub is_deleted: bool,
}

#[derive(Clone, Debug)]
pub struct CorpTag {
    pub id: String,
    pub name: String,
    pub is_deleted: bool,
}

impl Corp {
    pub fn hire(&mut self, userid: &str, name: &str) {
        self.staff.insert(userid.to_owned(), name.to_owned());
    }

    pub fn meet(&mut self, customer: Customer) {
        self.customers.insert(customer.external_userid.clone(), customer);
    }

    /// A new relation, half or whole. Confirming a half one keeps what was written about the customer.
    pub fn follow(&mut self, staff: &str, external_userid: &str, relation: Relation) {
        let with_staff = self.relations.entry(external_userid.to_owned()).or_default();
        let held = with_staff.entry(staff.to_owned()).or_insert_with(|| relation.clone());
        held.is_half = relation.is_half;
        held.is_left = false;
    }

    pub fn relation_mut(&mut self, staff: &str, external_userid: &str) -> Option<&mut Relation> {
        self.relations.get_mut(external_userid)?.get_mut(staff)
    }

    /// The staff removes the customer: the relation is gone for the API too.
    pub fn delete_relation(&mut self, staff: &str, external_userid: &str) {
        if let Some(with_staff) = self.relations.get_mut(external_userid) {
            with_staff.remove(staff);
        }
    }

    /// The relations that the API shows, in the order of staff.
    pub fn followers(&self, external_userid: &str) -> impl Iterator<Item = (&str, &Relation)> {
        let with_staff = self.relations.get(external_userid).into_iter().flatten();
        with_staff
            .filter(|(_, relation)| !relation.is_half)
            .map(|(staff, relation)| (staff.as_str(), relation))
    }

    pub fn open_chat(&mut self, chat_id: &str, name: &str, owner: &str, at_s: u64) {
        let owner_joins =
            Member { id: owner.to_owned(), joined_s: at_s, join_scene: 1, state: String::new() };
        let chat = Chat {
            chat_id: chat_id.to_owned(),
            name: name.to_owned(),
            owner: owner.to_owned(),
            notice: String::new(),
            created_s: at_s,
            members: vec![owner_joins],
            is_dismissed: false,
            changes: 0,
        };
        self.chats.insert(chat_id.to_owned(), chat);
    }

    /// A tag and its group, deleted ones included.
    pub fn tag(&self, id: &str) -> Option<(&TagGroup, &CorpTag)> {
        self.tag_groups
            .iter()
            .find_map(|group| group.tags.iter().find(|tag| tag.id == id).map(|tag| (group, tag)))
    }
}

impl Chat {
    /// Changes with each change of the members, and with nothing else.
    pub fn member_version(&self) -> String {
        md5_hex(&[self.chat_id.as_bytes(), &self.changes.to_be_bytes()])
    }

    /// The versions before and after.
    pub fn join(&mut self, members: impl IntoIterator<Item = Member>) -> (String, String) {
        self.change_members(|held| {
            for member in members {
                held.retain(|known| known.id != member.id);
                held.push(member);
            }
        })
    }

    pub fn quit(&mut self, ids: &[String]) -> (String, String) {
        self.change_members(|held| held.retain(|member| !ids.contains(&member.id)))
    }

    fn change_members(&mut self, change: impl FnOnce(&mut Vec<Member>)) -> (String, String) {
        let before = self.member_version();
        change(&mut self.members);
        self.changes += 1;
        (before, self.member_version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_contact_is_shown_only_once_confirmed() {
        let mut corp = Corp::default();
        corp.follow("lin", "wm1", Relation { is_half: true, state: "poster".into(), ..Relation::default() });
        assert_eq!(corp.followers("wm1").count(), 0);
        corp.follow("lin", "wm1", Relation::default());
        assert_eq!(corp.followers("wm1").next().map(|(_, relation)| relation.state.as_str()), Some("poster"));
    }

    #[test]
    fn member_versions_form_a_chain() {
        let mut corp = Corp::default();
        corp.open_chat("wr1", "群", "lin", 5);
        let chat = corp.chats.get_mut("wr1").unwrap();
        let (_, after_join) =
            chat.join([Member { id: "wm1".into(), joined_s: 6, join_scene: 3, state: String::new() }]);
        let (before_quit, after_quit) = chat.quit(&["wm1".into()]);
        assert_eq!(after_join, before_quit);
        assert_ne!(before_quit, after_quit);
        assert_eq!(chat.members.len(), 1);
    }
}
