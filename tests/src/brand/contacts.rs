//! A person's life in WeCom: adding staff, being written about, groups, leaving.

use super::calendar::Calendar;
use super::catalogue::{CHANNELS, CHATS, INTENT_TAGS, SKIN_TAGS, STAFF};
use super::people::Person;
use super::{Edit, Happening, WecomStep};
use crate::beijing::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::dice::{self, Dice};

/// Time in one group.
pub(super) struct Stay {
    pub chat: usize,
    pub from_ms: u64,
    pub to_ms: u64,
}

pub(super) struct ContactLife {
    pub happenings: Vec<Happening>,
    pub stays: Vec<Stay>,
}

pub(super) fn live(dice: &mut Dice, person: &Person, calendar: &Calendar) -> ContactLife {
    let mut life = ContactLife { happenings: Vec::new(), stays: Vec::new() };
    if person.in_wecom() {
        add_staff(dice, person, &mut life.happenings);
        edits(dice, person, &mut life.happenings);
        second_staff(dice, person, &mut life.happenings);
        groups(dice, person, calendar, &mut life);
        part(dice, person, &mut life.happenings);
    }
    life
}

fn add_staff(dice: &mut Dice, person: &Person, to: &mut Vec<Happening>) {
    let at_ms = person.arrives_ms;
    let channel = &CHANNELS[person.channel];
    if channel.link_id.is_some() {
        let pressed_ms = at_ms - dice.between(3_000, 40_000);
        to.push(Happening::wecom(pressed_ms, WecomStep::FriendRequested { channel: person.channel }));
        to.push(Happening::wecom(
            at_ms + dice.between(20_000, 30 * MINUTE_MS),
            WecomStep::ChatStarted { person: person.index, staff: person.staff },
        ));
    }
    let mut welcome_code = Some(format!("WLC_{}", dice.text(dice::LETTERS, 16)));
    if dice.chance(150) {
        // The code of a half contact is spent: none comes with the confirmation.
        let half_ms = at_ms - dice.between(2_000, 10 * MINUTE_MS);
        to.push(Happening::wecom(
            half_ms,
            WecomStep::ContactHalfAdded {
                person: person.index,
                staff: person.staff,
                welcome_code: welcome_code.take(),
            },
        ));
    }
    let added = WecomStep::ContactAdded {
        person: person.index,
        staff: person.staff,
        state: person.first_state(),
        add_way: channel.add_way,
        welcome_code,
    };
    to.push(Happening::wecom(at_ms, added));
}

/// Remark and source first, then skin and intent as the talks go on; the phone at one of these.
fn edits(dice: &mut Dice, person: &Person, to: &mut Vec<Happening>) {
    let count = 1 + dice.weighted(&[15, 35, 30, 20]);
    let typed_at = if dice.chance(650) { 0 } else { dice.index(count) };
    let mut at_ms = person.arrives_ms + dice.between(MINUTE_MS, 26 * HOUR_MS);
    let mut intent: Option<usize> = None;
    for number in 0..count {
        let mut edit = Edit::default();
        match number {
            0 => {
                edit.remark = Some(format!("{}-{}", person.name, person.city));
                edit.add_tags.extend(Some(CHANNELS[person.channel].tag).filter(|tag| !tag.is_empty()));
            }
            1 => edit.add_tags.push(SKIN_TAGS[dice.index(SKIN_TAGS.len())]),
            _ => {
                let next = intent.map_or(0, |held| (held + 1).min(INTENT_TAGS.len() - 1));
                edit.drop_tags.extend(intent.filter(|held| *held != next).map(|held| INTENT_TAGS[held]));
                edit.add_tags.push(INTENT_TAGS[next]);
                edit.personal_tag = dice.chance(200).then(|| "常聊".to_owned());
                intent = Some(next);
            }
        }
        if person.phone_is_typed && number == typed_at {
            // People type as they like; the platform keeps what they typed.
            let prefix = if dice.chance(50) { "+86" } else { "" };
            edit.mobile = Some(format!("{prefix}{}", person.phone));
        }
        to.push(Happening::wecom(
            at_ms,
            WecomStep::ContactEdited { person: person.index, staff: person.staff, edit },
        ));
        at_ms += dice.between(3 * DAY_MS, 25 * DAY_MS);
    }
}

/// Some are handed a colleague's card later on.
fn second_staff(dice: &mut Dice, person: &Person, to: &mut Vec<Happening>) {
    if !dice.chance(180) {
        return;
    }
    let staff = (person.staff + 1 + dice.index(STAFF.len() - 1)) % STAFF.len();
    let at_ms = person.arrives_ms + dice.between(2 * DAY_MS, 40 * DAY_MS);
    let added = WecomStep::ContactAdded {
        person: person.index,
        staff,
        state: String::new(),
        add_way: 3,
        welcome_code: None,
    };
    to.push(Happening::wecom(at_ms, added));
}

fn groups(dice: &mut Dice, person: &Person, calendar: &Calendar, life: &mut ContactLife) {
    let mut weights = CHATS.map(|chat| chat.weight);
    for _ in 0..dice.weighted(&[40, 42, 18]) {
        let chat = dice.weighted(&weights);
        weights[chat] = 0;
        let from_ms = person.arrives_ms + dice.between(10 * MINUTE_MS, 20 * DAY_MS);
        let by_qr = dice.chance(700);
        life.happenings.push(Happening::wecom(
            from_ms,
            WecomStep::ChatJoined { chat, people: vec![person.index], by_qr },
        ));
        let mut to_ms = calendar.end_ms();
        if dice.chance(200) {
            to_ms = from_ms + dice.between(DAY_MS, 60 * DAY_MS);
            let is_removed = dice.chance(150);
            let quit = WecomStep::ChatQuit { chat, people: vec![person.index], is_removed };
            life.happenings.push(Happening::wecom(to_ms, quit));
        }
        life.stays.push(Stay { chat, from_ms, to_ms });
    }
}

/// The customer removes the staff, or the staff the customer. The latter happens only to people whom
/// nothing joins to the shop: what the host may still read about them then depends on how soon it asks.
fn part(dice: &mut Dice, person: &Person, to: &mut Vec<Happening>) {
    let (index, staff) = (person.index, person.staff);
    if dice.chance(70) {
        let at_ms = person.arrives_ms + dice.between(5 * DAY_MS, 70 * DAY_MS);
        to.push(Happening::wecom(at_ms, WecomStep::ContactLeft { person: index, staff }));
    } else if !person.phone_is_typed && dice.chance(80) {
        let at_ms = person.arrives_ms + dice.between(10 * DAY_MS, 60 * DAY_MS);
        // Nobody edits the remark of somebody who was removed.
        to.retain(|happening| happening.at_ms < at_ms || !happening.edits_contact());
        to.push(Happening::wecom(at_ms, WecomStep::ContactDeleted { person: index, staff }));
    }
}
