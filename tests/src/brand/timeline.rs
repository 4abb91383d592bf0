//! All lives as one line of time, with what belongs to nobody's life and with what the platforms deliver
//! twice.

use super::calendar::Calendar;
use super::catalogue::{CHATS, FLASH_CHAT, STAFF, TAG_GROUPS};
use super::people::Person;
use super::{Happening, WecomStep, What, contacts, purchases, trades};
use crate::beijing::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::dice::Dice;

/// The dice of what belongs to nobody; people take four streams each, from 0 on.
const COMMON_STREAM: u64 = u64::MAX;
/// People who join one group by the same way within this time arrive as one event, at most
/// [`JOIN_TOGETHER_MAX`].
const JOIN_TOGETHER_MS: u64 = 30 * MINUTE_MS;
const JOIN_TOGETHER_MAX: usize = 4;

pub(super) fn timeline(seed: u64, people: &[Person], calendar: &Calendar) -> Vec<Happening> {
    let mut line = brands_own(calendar);
    for person in people {
        let stream = person.index as u64 * 4;
        let life = contacts::live(&mut Dice::new(seed, stream + 1), person, calendar);
        line.extend(purchases::live(&mut Dice::new(seed, stream + 2), person, &life.stays, calendar));
        line.extend(trades::live(&mut Dice::new(seed, stream + 3), person, calendar));
        line.extend(life.happenings);
    }
    // Nothing is told beyond the last day: orders are left where they stand.
    line.retain(|happening| (calendar.start_ms..calendar.end_ms()).contains(&happening.at_ms));
    // Stable: what one person does in one millisecond stays in the order in which it was told.
    line.sort_by_key(|happening| happening.at_ms);
    let mut line = join_together(line);
    for (id, happening) in (0..).zip(&mut line) {
        happening.id = id;
    }
    let again = redeliveries(&mut Dice::new(seed, COMMON_STREAM), &line, calendar);
    line.extend(again);
    line.sort_by_key(|happening| happening.at_ms);
    line
}

/// Tags and groups come into being on the first morning; the campaign's tags after two thirds of the time.
fn brands_own(calendar: &Calendar) -> Vec<Happening> {
    let start_ms = calendar.start_ms;
    let mut line = Vec::new();
    let last = TAG_GROUPS.len() - 1;
    for group in 0..last {
        line.push(Happening::wecom(
            start_ms + 8 * HOUR_MS + group as u64 * 90_000,
            WecomStep::TagGroupSaved { group },
        ));
    }
    let campaign_ms = start_ms + calendar.days * 2 / 3 * DAY_MS + 10 * HOUR_MS;
    line.push(Happening::wecom(campaign_ms, WecomStep::TagGroupSaved { group: last }));
    for chat in 0..CHATS.len() {
        line.push(Happening::wecom(
            start_ms + 8 * HOUR_MS + (10 + chat as u64) * MINUTE_MS,
            WecomStep::ChatCreated { chat },
        ));
    }
    let middle_ms = start_ms + calendar.days / 2 * DAY_MS;
    let renamed = WecomStep::ChatRenamed { chat: 0, name: format!("{} · 夏", CHATS[0].name) };
    line.push(Happening::wecom(middle_ms + 11 * HOUR_MS, renamed));
    let handed_over = WecomStep::ChatOwnerChanged { chat: 2, staff: (CHATS[2].owner + 1) % STAFF.len() };
    line.push(Happening::wecom(middle_ms + 15 * HOUR_MS, handed_over));
    for sale_ms in calendar.flash_sales() {
        let notice = WecomStep::ChatNoticed { chat: FLASH_CHAT, notice: String::from("今晚八点闪购") };
        line.push(Happening::wecom(sale_ms - 2 * HOUR_MS, notice));
    }
    line
}

/// Some joins are reported as one: the earlier ones move to the last one's time.
fn join_together(line: Vec<Happening>) -> Vec<Happening> {
    let mut joined: Vec<Happening> = Vec::with_capacity(line.len());
    let mut waiting: [Option<Happening>; CHATS.len()] = Default::default();
    for mut happening in line {
        for slot in &mut waiting {
            joined.extend(slot.take_if(|earlier| earlier.at_ms + JOIN_TOGETHER_MS < happening.at_ms));
        }
        if let What::Wecom(WecomStep::ChatJoined { chat, people, by_qr }) = &mut happening.what {
            let (chat, by_qr) = (*chat, *by_qr);
            if let Some(earlier) = waiting[chat].take() {
                match &earlier.what {
                    What::Wecom(WecomStep::ChatJoined { people: before, by_qr: way, .. })
                        if *way == by_qr && before.len() < JOIN_TOGETHER_MAX =>
                    {
                        people.splice(0..0, before.iter().copied());
                    }
                    _ => joined.push(earlier),
                }
            }
            waiting[chat] = Some(happening);
        } else {
            joined.push(happening);
        }
    }
    joined.extend(waiting.into_iter().flatten());
    joined.sort_by_key(|happening| happening.at_ms);
    joined
}

/// 1.2 % are delivered again within minutes, 0.4 % a day later.
fn redeliveries(dice: &mut Dice, line: &[Happening], calendar: &Calendar) -> Vec<Happening> {
    let mut again = Vec::new();
    let mut next_id = u32::try_from(line.len()).unwrap_or(u32::MAX);
    for happening in line.iter().filter(|happening| happening.is_pushed()) {
        let wait_ms = match dice.weighted(&[984, 12, 4]) {
            1 => dice.between(1_000, 10 * MINUTE_MS),
            2 => DAY_MS + dice.between(0, HOUR_MS),
            _ => continue,
        };
        let at_ms = happening.at_ms + wait_ms;
        if at_ms < calendar.end_ms() {
            again.push(Happening {
                id: next_id,
                at_ms,
                is_lost: false,
                what: What::Redelivered { of: happening.id },
            });
            next_id += 1;
        }
    }
    again
}
