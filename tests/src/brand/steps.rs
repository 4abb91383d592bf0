//! What a step does to the platforms' state, and which changes and messages follow from it. No wire here:
//! the truth is found by the same steps.

use super::catalogue::{CHANNELS, CHATS, MEMBER_CARD, STAFF, TAG_GROUPS};
use super::people::Person;
use super::{Edit, ShopStep, TmallStep, WecomStep};
use crate::tmall;
use crate::wecom::corp::{CorpTag, Customer, Member, Relation, TagGroup};
use crate::wecom::{Change, Contact, Corp, MemberRoll, TagKind};
use crate::youzan::{Order, OrderStatus, Push, Shop, TradeStep};

/// Changes the corp and answers what the platform would report, each item as one event.
pub(super) fn in_corp(step: &WecomStep, people: &[Person], corp: &mut Corp, at_s: u64) -> Vec<Change> {
    let contact =
        |person: &usize, staff: &usize| Contact::new(STAFF[*staff].userid, &people[*person].external_userid);
    let change = match step {
        WecomStep::FriendRequested { channel } => {
            let channel = &CHANNELS[*channel];
            let link_id = channel.link_id.unwrap_or_default().to_owned();
            Change::FriendRequested { link_id, state: text(channel.state) }
        }
        WecomStep::ContactHalfAdded { person, staff, welcome_code } => {
            let state = people[*person].first_state();
            let relation = relation(&state, CHANNELS[people[*person].channel].add_way, at_s);
            meet(corp, &people[*person], *staff, Relation { is_half: true, ..relation });
            let (contact, state) = (contact(person, staff), text(&state));
            Change::ContactHalfAdded { contact, state, welcome_code: welcome_code.clone() }
        }
        WecomStep::ContactAdded { person, staff, state, add_way, welcome_code } => {
            meet(corp, &people[*person], *staff, relation(state, *add_way, at_s));
            let (contact, state) = (contact(person, staff), text(state));
            Change::ContactAdded { contact, state, welcome_code: welcome_code.clone() }
        }
        WecomStep::ChatStarted { person, staff } => Change::ChatStarted { contact: contact(person, staff) },
        WecomStep::ContactEdited { person, staff, edit } => {
            let contact = contact(person, staff);
            if let Some(relation) = corp.relation_mut(&contact.staff, &contact.external_userid) {
                write(relation, edit);
            }
            Change::ContactEdited { contact }
        }
        WecomStep::ContactLeft { person, staff } => {
            let contact = contact(person, staff);
            if let Some(relation) = corp.relation_mut(&contact.staff, &contact.external_userid) {
                relation.is_left = true;
            }
            Change::ContactLeft { contact }
        }
        WecomStep::ContactDeleted { person, staff } => {
            let contact = contact(person, staff);
            corp.delete_relation(&contact.staff, &contact.external_userid);
            Change::ContactDeleted { contact, by_transfer: false }
        }
        WecomStep::TagGroupSaved { group } => return save_tags(corp, *group, at_s),
        WecomStep::ChatCreated { .. }
        | WecomStep::ChatJoined { .. }
        | WecomStep::ChatQuit { .. }
        | WecomStep::ChatRenamed { .. }
        | WecomStep::ChatNoticed { .. }
        | WecomStep::ChatOwnerChanged { .. } => {
            return in_chat(step, people, corp, at_s).into_iter().collect();
        }
    };
    vec![change]
}

fn in_chat(step: &WecomStep, people: &[Person], corp: &mut Corp, at_s: u64) -> Option<Change> {
    let ids =
        |of: &[usize]| of.iter().map(|person| people[*person].external_userid.clone()).collect::<Vec<_>>();
    let id = |chat: &usize| CHATS[*chat].chat_id.to_owned();
    let change = match step {
        WecomStep::ChatCreated { chat } => {
            let plan = &CHATS[*chat];
            hire(corp, plan.owner);
            corp.open_chat(plan.chat_id, plan.name, STAFF[plan.owner].userid, at_s);
            Change::ChatCreated { chat_id: id(chat) }
        }
        WecomStep::ChatJoined { chat, people: joining, by_qr } => {
            // The callback's codes (0 invited, 3 by QR) are not the API's (1 invited, 3 by QR).
            let (event_scene, join_scene, state) = if *by_qr { (3, 3, "door-qr") } else { (0, 1, "") };
            let members = ids(joining);
            let member =
                |id: &String| Member { id: id.clone(), joined_s: at_s, join_scene, state: state.to_owned() };
            let (last_version, current_version) =
                corp.chats.get_mut(CHATS[*chat].chat_id)?.join(members.iter().map(member));
            let roll = MemberRoll { members, last_version, current_version };
            Change::ChatJoined { chat_id: id(chat), join_scene: event_scene, roll }
        }
        WecomStep::ChatQuit { chat, people: leaving, is_removed } => {
            let members = ids(leaving);
            let (last_version, current_version) = corp.chats.get_mut(CHATS[*chat].chat_id)?.quit(&members);
            let roll = MemberRoll { members, last_version, current_version };
            Change::ChatQuit { chat_id: id(chat), quit_scene: u32::from(*is_removed), roll }
        }
        WecomStep::ChatRenamed { chat, name } => {
            corp.chats.get_mut(CHATS[*chat].chat_id)?.name.clone_from(name);
            Change::ChatRenamed { chat_id: id(chat) }
        }
        WecomStep::ChatNoticed { chat, notice } => {
            corp.chats.get_mut(CHATS[*chat].chat_id)?.notice.clone_from(notice);
            Change::ChatNoticed { chat_id: id(chat) }
        }
        WecomStep::ChatOwnerChanged { chat, staff } => {
            hire(corp, *staff);
            corp.chats.get_mut(CHATS[*chat].chat_id)?.owner = STAFF[*staff].userid.to_owned();
            Change::ChatOwnerChanged { chat_id: id(chat) }
        }
        WecomStep::FriendRequested { .. }
        | WecomStep::ContactHalfAdded { .. }
        | WecomStep::ContactAdded { .. }
        | WecomStep::ChatStarted { .. }
        | WecomStep::ContactEdited { .. }
        | WecomStep::ContactLeft { .. }
        | WecomStep::ContactDeleted { .. }
        | WecomStep::TagGroupSaved { .. } => return None,
    };
    Some(change)
}

fn text(state: &str) -> Option<String> {
    (!state.is_empty()).then(|| state.to_owned())
}

fn relation(state: &str, add_way: u32, since_s: u64) -> Relation {
    Relation { since_s, add_way, state: state.to_owned(), ..Relation::default() }
}

fn hire(corp: &mut Corp, staff: usize) {
    corp.hire(STAFF[staff].userid, STAFF[staff].name);
}

fn meet(corp: &mut Corp, person: &Person, staff: usize, relation: Relation) {
    hire(corp, staff);
    corp.meet(Customer {
        external_userid: person.external_userid.clone(),
        name: person.nickname.clone(),
        gender: person.gender,
        unionid: Some(person.unionid.clone()),
    });
    corp.follow(STAFF[staff].userid, &person.external_userid, relation);
}

fn write(relation: &mut Relation, edit: &Edit) {
    let Edit { remark, mobile, add_tags, drop_tags, personal_tag } = edit;
    if let Some(remark) = remark {
        relation.remark.clone_from(remark);
    }
    relation.remark_mobiles.extend(mobile.clone());
    relation.tag_ids.retain(|tag| !drop_tags.contains(&tag.as_str()));
    for tag in add_tags {
        if !relation.tag_ids.iter().any(|held| held == tag) {
            relation.tag_ids.push((*tag).to_owned());
        }
    }
    relation.personal_tags.extend(personal_tag.clone());
}

/// A group of n tags gives n + 1 events.
fn save_tags(corp: &mut Corp, group: usize, at_s: u64) -> Vec<Change> {
    let plan = &TAG_GROUPS[group];
    let tag = |(id, name): &(&str, &str)| CorpTag {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        is_deleted: false,
    };
    corp.tag_groups.push(TagGroup {
        id: plan.group_id.to_owned(),
        name: plan.name.to_owned(),
        created_s: at_s,
        tags: plan.tags.iter().map(tag).collect(),
        is_deleted: false,
    });
    let mut changes = vec![Change::TagCreated { id: plan.group_id.to_owned(), kind: TagKind::Group }];
    changes.extend(
        plan.tags.iter().map(|(id, _)| Change::TagCreated { id: (*id).to_owned(), kind: TagKind::Tag }),
    );
    changes
}

/// Changes the shop. An order's step answers the order as its push shows it.
pub(super) fn in_shop(step: &ShopStep, shop: &mut Shop, at_ms: u64) -> Option<(TradeStep, Order)> {
    match step {
        ShopStep::OrderPlaced { order } => {
            shop.place((**order).clone());
            Some((TradeStep::Created, (**order).clone()))
        }
        ShopStep::OrderPaid { tid } => {
            // By the time anybody asks, the order already waits to be sent.
            let paid = shop.pay(tid, at_ms)?;
            Some((TradeStep::Paid, Order { status: OrderStatus::TradePaid, ..paid }))
        }
        ShopStep::OrderShipped { tid } => Some((TradeStep::Shipped, shop.ship(tid, at_ms)?)),
        ShopStep::OrderSucceeded { tid } => Some((TradeStep::Succeeded, shop.succeed(tid, at_ms)?)),
        ShopStep::OrderClosed { tid, close_type } => {
            Some((TradeStep::Closed, shop.close(tid, at_ms, *close_type)?))
        }
        ShopStep::Refund { refund } => {
            shop.refund((**refund).clone());
            None
        }
        ShopStep::CustomerSeen { .. }
        | ShopStep::Points { .. }
        | ShopStep::Coupon { .. }
        | ShopStep::CardGiven { .. } => None,
    }
}

/// Changes the Tmall shop, which tells nobody.
pub(super) fn in_tmall(step: &TmallStep, shop: &mut tmall::Shop, at_ms: u64) {
    match step {
        TmallStep::TradePlaced { trade } => shop.place((**trade).clone()),
        TmallStep::TradePaid { tid } => drop(shop.pay(*tid, at_ms)),
        TmallStep::TradeShipped { tid } => drop(shop.ship(*tid, at_ms)),
        TmallStep::TradeFinished { tid } => drop(shop.finish(*tid, at_ms)),
        TmallStep::TradeClosedUnpaid { tid } => drop(shop.close_unpaid(*tid, at_ms)),
        TmallStep::Refund { refund } => shop.refund((**refund).clone()),
    }
}

/// The push of a step that is not an order's.
pub(super) fn shop_push(step: &ShopStep, people: &[Person], at_ms: u64) -> Option<Push> {
    match step {
        ShopStep::OrderPlaced { .. }
        | ShopStep::OrderPaid { .. }
        | ShopStep::OrderShipped { .. }
        | ShopStep::OrderSucceeded { .. }
        | ShopStep::OrderClosed { .. } => None,
        ShopStep::Refund { refund } => Some(Push::refund(refund)),
        ShopStep::CustomerSeen { person, named_by, is_new } => {
            Some(Push::customer(&people[*person].account(), *named_by, *is_new, !is_new, at_ms))
        }
        ShopStep::Points { person, amount, total, biz_value } => {
            let reason = if *amount < 0 { "积分兑换" } else { "购物奖励" };
            Some(Push::points(&people[*person].account(), *amount, *total, reason, biz_value, at_ms))
        }
        ShopStep::Coupon { person, coupon_id, code, is_used } => {
            Some(Push::coupon(&people[*person].account(), *coupon_id, code, *is_used, at_ms))
        }
        ShopStep::CardGiven { person, card_no } => {
            Some(Push::card_given(&people[*person].account(), MEMBER_CARD, card_no, at_ms))
        }
    }
}
