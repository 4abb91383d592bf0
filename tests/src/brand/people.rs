//! The customers as people, before they do anything.

use super::Calendar;
use super::catalogue::{CHANNELS, STAFF};
use crate::dice::{self, Dice};
use crate::youzan::{Account, Buyer};

/// Where a person meets the brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Both,
    WecomOnly,
    YouzanOnly,
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
    /// Whether staff ever writes the phone into `remark_mobiles`: without it, nothing joins the two
    /// platforms.
    pub phone_is_typed: bool,
    /// First contact with staff, or with the shop for those who never meet staff.
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

impl Person {
    pub fn in_wecom(&self) -> bool {
        self.presence != Presence::YouzanOnly
    }

    pub fn in_youzan(&self) -> bool {
        self.presence != Presence::WecomOnly
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
    let presence = [Presence::Both, Presence::WecomOnly, Presence::YouzanOnly][dice.weighted(&[60, 25, 15])];
    let (province, city) = *dice.pick(&CITIES);
    // Of those who meet on both, 90 % can be joined. Staff also asks some who never shop.
    let typed_per_mille = if presence == Presence::Both { 900 } else { 400 };
    let is_woman = dice.chance(820);
    let weights = CHANNELS.map(|channel| channel.weight);
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
        phone_is_typed: dice.chance(typed_per_mille),
        arrives_ms: calendar.early(dice),
        staff: dice.index(STAFF.len()),
        channel: dice.weighted(&weights),
    }
}
