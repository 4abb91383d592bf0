//! The customers as people, before they do anything.

use super::Calendar;
use super::catalogue::{CHANNELS, PARCEL_CARD, STAFF};
use crate::beijing::DAY_MS;
use crate::dice::{self, Dice};
use crate::tmall;
use crate::youzan::{Account, Buyer};

/// Where a person meets the brand: on one platform at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    pub wecom: bool,
    pub youzan: bool,
    pub tmall: bool,
}

/// The card in a Tmall parcel: a WeCom channel code made for its buyer. Tmall gives no phone, so nothing but a scan of
/// it joins a buyer there with anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// There is no parcel, or nobody scans.
    Unused,
    /// The scan is how the person first meets staff.
    First,
    /// The person knows staff already, and adds a colleague by the card.
    Later,
}

#[derive(Clone, Debug)]
pub struct Person {
    /// The person's place in [`super::Brand::people`].
    pub index: usize,
    pub presence: Presence,
    pub name: String,
    pub nickname: String,
    /// 1 male, 2 female.
    pub gender: u8,
    pub birthday: String,
    pub province: &'static str,
    pub city: &'static str,
    /// 11 digits, nobody else's.
    pub phone: String,
    pub unionid: String,
    pub external_userid: String,
    /// In the shop's official account.
    pub openid: String,
    pub yz_open_id: String,
    pub fans_id: u64,
    pub tb_nick: String,
    /// The Tmall shop's `buyer_open_uid`. Short enough to stand in a WeCom channel code.
    pub tb_open_uid: String,
    pub tb_ouid: String,
    pub card: Card,
    /// Whether staff ever writes the phone into `remark_mobiles`: without it, nothing joins WeCom and
    /// Youzan.
    pub phone_is_typed: bool,
    /// First contact with staff, or with a shop for those who never meet staff.
    pub arrives_ms: u64,
    /// The first contact: an index into the staff.
    pub staff: usize,
    /// An index into the channels.
    pub channel: usize,
}

const SURNAMES: [&str; 30] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何",
    "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "欧阳",
];

const GIVEN: [&str; 32] = [
    "雨桐", "子涵", "欣怡", "思琪", "佳宁", "晓梅", "静", "丽娟", "梦瑶", "雅婷", "若曦", "诗涵", "一诺",
    "可馨", "语嫣", "慧", "敏", "婷婷", "浩然", "子轩", "宇航", "博文", "俊杰", "志强", "明", "磊", "建国",
    "秀英", "桂兰", "小满", "清扬", "予安",
];

const NICKNAMES: [&str; 16] = [
    "小满",
    "林深🌳见鹿",
    "A柚子",
    "等风来",
    "🍑桃桃",
    "Mia",
    "不吃香菜",
    "夏天的风",
    "阿宁",
    "一颗糖",
    "月亮邮递员",
    "Luna🌙",
    "爱吃鱼的猫",
    "& 木木 <3",
    "奶茶三分糖",
    "晚安",
];

const CITIES: [(&str, &str); 8] = [
    ("浙江省", "杭州市"),
    ("上海市", "上海市"),
    ("江苏省", "南京市"),
    ("广东省", "深圳市"),
    ("四川省", "成都市"),
    ("北京市", "北京市"),
    ("湖北省", "武汉市"),
    ("陕西省", "西安市"),
];

/// Every so many people, one scans in the same second as the one before, at another member of staff.
const SAME_SECOND_EVERY: usize = 40;
/// What the `state` of the codes on the cards in Tmall parcels begins with. The buyer's open uid follows.
pub const CARD_PREFIX: &str = "tb:";
/// From an order in the Tmall shop to the scan of the card in its parcel, at most.
pub(super) const PARCEL_MS: u64 = 10 * DAY_MS;

/// WeCom, Youzan, Tmall, and how many of a thousand people.
const PRESENCES: [(Presence, u64); 7] = [
    (Presence { wecom: true, youzan: true, tmall: false }, 400),
    (Presence { wecom: true, youzan: true, tmall: true }, 190),
    (Presence { wecom: true, youzan: false, tmall: false }, 150),
    (Presence { wecom: true, youzan: false, tmall: true }, 90),
    (Presence { wecom: false, youzan: true, tmall: false }, 100),
    (Presence { wecom: false, youzan: true, tmall: true }, 30),
    (Presence { wecom: false, youzan: false, tmall: true }, 40),
];

impl Person {
    pub fn in_wecom(&self) -> bool {
        self.presence.wecom
    }

    pub fn in_youzan(&self) -> bool {
        self.presence.youzan
    }

    pub fn in_tmall(&self) -> bool {
        self.presence.tmall
    }

    /// The `state` of the channel code on the card.
    pub fn card_state(&self) -> String {
        format!("{CARD_PREFIX}{}", self.tb_open_uid)
    }

    /// The `state` with which staff is first met.
    pub fn first_state(&self) -> String {
        match self.card {
            Card::First => self.card_state(),
            Card::Unused | Card::Later => CHANNELS[self.channel].state.to_owned(),
        }
    }

    pub fn buyer(&self) -> Buyer {
        Buyer {
            yz_open_id: self.yz_open_id.clone(),
            fans_id: self.fans_id,
            openid: self.openid.clone(),
            mobile: self.phone.clone(),
            name: self.name.clone(),
            province: self.province.to_owned(),
            city: self.city.to_owned(),
        }
    }

    pub fn tmall_buyer(&self) -> tmall::Buyer {
        tmall::Buyer {
            nick: self.tb_nick.clone(),
            open_uid: self.tb_open_uid.clone(),
            ouid: self.tb_ouid.clone(),
        }
    }

    pub fn receiver(&self) -> tmall::Receiver {
        tmall::Receiver {
            name: self.name.clone(),
            mobile: self.phone.clone(),
            state: self.province.to_owned(),
            city: self.city.to_owned(),
            district: String::from("示例区"),
            address: format!("示例路{}号", self.index + 1),
        }
    }

    pub fn account(&self) -> Account {
        Account {
            yz_open_id: self.yz_open_id.clone(),
            fans_id: self.fans_id,
            mobile: self.phone.clone(),
            name: self.name.clone(),
            gender: self.gender,
            birthday: self.birthday.clone(),
        }
    }
}

/// `count` people in the order of their index; times of arrival are in no order.
pub(super) fn people(seed: u64, count: usize, calendar: &Calendar) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::with_capacity(count);
    for index in 0..count {
        let mut person = person(&mut Dice::new(seed, index as u64 * 4), index, calendar);
        let before = people.iter().rev().find(|before| before.in_wecom());
        if let Some(before) = before.filter(|_| person.in_wecom() && index % SAME_SECOND_EVERY == 7) {
            person.arrives_ms = before.arrives_ms / 1000 * 1000 + (index as u64 * 37) % 1000;
            person.staff = (before.staff + 1) % STAFF.len();
        }
        people.push(person);
    }
    people
}

fn person(dice: &mut Dice, index: usize, calendar: &Calendar) -> Person {
    let (presence, _) = PRESENCES[dice.weighted(&PRESENCES.map(|(_, per_mille)| per_mille))];
    let (province, city) = *dice.pick(&CITIES);
    // Of those who meet in WeCom and Youzan, 90 % can be joined. Staff also asks some who never shop.
    let typed_per_mille = if presence.wecom && presence.youzan { 900 } else { 400 };
    let is_woman = dice.chance(820);
    let weights = CHANNELS.map(|channel| channel.weight);
    let arrives_ms = calendar.early(dice);
    let card = card(dice, presence, arrives_ms - calendar.start_ms);
    let channel = dice.weighted(&weights);
    Person {
        index,
        presence,
        name: format!("{}{}", dice.pick(&SURNAMES), dice.pick(&GIVEN)),
        nickname: (*dice.pick(&NICKNAMES)).to_owned(),
        gender: if is_woman { 2 } else { 1 },
        birthday: format!(
            "{}-{:02}-{:02}",
            dice.between(1968, 2006),
            dice.between(1, 12),
            dice.between(1, 28)
        ),
        province,
        city,
        // A step prime to the number of phones never meets the same one twice.
        phone: format!("199{:08}", (index as u64 * 48_271 + 20_260_301) % 100_000_000),
        unionid: format!("o{}", dice.text(dice::LETTERS, 27)),
        external_userid: format!("wm{}", dice.text(dice::LETTERS, 30)),
        openid: format!("o{}", dice.text(dice::LETTERS, 27)),
        yz_open_id: dice.text(dice::LETTERS, 22),
        fans_id: 8_800_000 + index as u64,
        tb_nick: format!("tb{}", dice.text(dice::DIGITS, 8)),
        tb_open_uid: format!("AAH{}", dice.text(dice::LETTERS, 22)),
        tb_ouid: format!("AAG{}", dice.text(dice::LETTERS, 22)),
        card,
        phone_is_typed: dice.chance(typed_per_mille),
        arrives_ms,
        staff: dice.index(STAFF.len()),
        channel: if card == Card::First { PARCEL_CARD } else { channel },
    }
}

/// Two of three scan. A parcel cannot have come before the first day.
fn card(dice: &mut Dice, presence: Presence, after_start_ms: u64) -> Card {
    let is_possible = presence.wecom && presence.tmall;
    let (scans, is_first) = (dice.chance(660), dice.chance(550));
    match (is_possible && scans, is_first && after_start_ms > PARCEL_MS) {
        (false, _) => Card::Unused,
        (true, true) => Card::First,
        (true, false) => Card::Later,
    }
}
