//! The settings, checked, with everything looked up and counted in milliseconds.

use heliu_sdk::events::{Content, Instant, OrderLine};
use heliu_sdk::policy::fingerprint;
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Deserializer};

use crate::settings::{self, MeasureFrom, Settings, Shown};

const CATEGORIES_MAX: usize = 32;
const PRODUCTS_MAX: usize = 2_000;
/// Days of any setting: ten years.
const DAYS_MAX: u32 = 3_653;
/// Bytes of a category's name, which ends its tags, and of a stage's.
const NAME_BYTES_MAX: usize = 64;
/// What one line may add to her stock, whatever its quantity: five years.
const SUPPLY_MAX_MINUTES: u32 = 5 * 365 * MINUTES_PER_DAY;

const MINUTES_PER_DAY: u32 = 24 * 60;
const MINUTE_MS: u64 = 60_000;

/// What the policy runs on.
pub struct Plan {
    pub categories: Vec<Category>,
    /// Names and aliases, sorted, and the places of their categories.
    names: Vec<(String, usize)>,
    /// By SKU.
    products: Vec<Product>,
    pub measure_from: MeasureFrom,
    pub grace_ms: u64,
    pub lapsing_ms: u64,
    pub lapsed_ms: u64,
    pub repeat_orders: u32,
    pub vip: settings::Vip,
    pub revisit_valid_ms: u64,
    pub stages: settings::Stages,
    pub utc_offset_minutes: i32,
}

pub struct Category {
    /// Stands for it in memories.
    pub id: u32,
    pub name: String,
    pub title: String,
    unit_minutes: Option<f64>,
    pub grace_ms: u64,
    /// 0: it is never suppressed.
    pub suppress_ms: u64,
    /// Places of other categories.
    pub offers: Vec<usize>,
    pub offer_ms: u64,
    pub revisit: Option<Revisit>,
}

pub struct Revisit {
    pub after_ms: u64,
    pub waits_for_stock: bool,
    pub message: Option<String>,
    pub moments: Option<String>,
    pub content: Option<Content>,
    /// For the direct message: what it is about.
    pub detail: String,
    /// For the post: that, and that she alone sees it.
    pub moments_detail: String,
}

struct Product {
    sku: String,
    category: usize,
    unit_minutes: Option<f64>,
    units: u32,
}

/// What one line of an order adds to her stock of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    pub category: u32,
    /// 0: it is not used up.
    pub minutes: u32,
}

impl Supply {
    pub fn ms(self) -> u64 {
        u64::from(self.minutes) * MINUTE_MS
    }
}

impl Plan {
    /// The category of an id, if the settings still have it.
    pub fn category(&self, id: u32) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// What a line adds. None: it is of no category that is known.
    pub fn supply(&self, line: &OrderLine) -> Option<Supply> {
        let product = self.products.binary_search_by(|product| product.sku.as_str().cmp(&line.sku));
        let (category, unit_minutes, units) = match product.map(|i| &self.products[i]) {
            Ok(product) => (&self.categories[product.category], product.unit_minutes, product.units),
            Err(_) => {
                let category = self.named(line.category.as_deref()?)?;
                (category, category.unit_minutes, 1)
            }
        };
        let minutes =
            unit_minutes.map_or(0.0, |minutes| minutes * f64::from(units) * f64::from(line.quantity));
        // Within the limit it fits; the cast cuts a part of a minute off.
        let minutes = minutes.min(f64::from(SUPPLY_MAX_MINUTES)) as u32;
        Some(Supply { category: category.id, minutes })
    }

    /// Where the clock of a purchase begins.
    pub fn start(&self, paid_at: Instant, received_at: Instant) -> Instant {
        match self.measure_from {
            MeasureFrom::Received if received_at > 0 => received_at,
            MeasureFrom::Received | MeasureFrom::Paid => paid_at,
        }
    }

    pub fn is_vip(&self, orders: u32, spend_fen: i64) -> bool {
        let settings::Vip { orders: by_orders, spend_fen: by_spend, both } = self.vip;
        let (by_orders, by_spend) = (by_orders.map(|n| orders >= n), by_spend.map(|fen| spend_fen >= fen));
        match both {
            true => by_orders == Some(true) && by_spend == Some(true),
            false => by_orders == Some(true) || by_spend == Some(true),
        }
    }

    fn named(&self, name: &str) -> Option<&Category> {
        let place = self.names.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(&self.categories[self.names[place].1])
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
        Plan::check(Settings::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Plan {
    fn check(settings: Settings) -> Result<Plan, String> {
        let Settings { categories, products, measure_from, grace_days, lapsing_days, lapsed_days, .. } =
            &settings;
        check_count("categories", categories.len(), CATEGORIES_MAX)?;
        check_count("products", products.len(), PRODUCTS_MAX)?;
        let names = names(categories)?;
        let grace_ms = days("grace_days", *grace_days, 0)?;
        let (lapsing_ms, lapsed_ms) =
            (days("lapsing_days", *lapsing_days, 1)?, days("lapsed_days", *lapsed_days, 1)?);
        if lapsed_ms <= lapsing_ms {
            return Err(format!("lapsed_days: {lapsed_days} is not after lapsing_days, {lapsing_days}"));
        }
        check_vip(&settings)?;
        check_stages(&settings.stages)?;
        let in_plan = |category| Category::check(category, categories, grace_ms);
        let mut plan = Plan {
            categories: categories.iter().map(in_plan).collect::<Result<_, _>>()?,
            names,
            products: Vec::new(),
            measure_from: *measure_from,
            grace_ms,
            lapsing_ms,
            lapsed_ms,
            repeat_orders: settings.repeat_orders,
            vip: settings.vip,
            revisit_valid_ms: days("revisit_valid_days", settings.revisit_valid_days, 1)?,
            stages: settings.stages,
            utc_offset_minutes: settings.utc_offset_minutes,
        };
        plan.products = plan.check_products(settings.products)?;
        Ok(plan)
    }

    fn check_products(&self, products: Vec<settings::Product>) -> Result<Vec<Product>, String> {
        let mut checked = Vec::with_capacity(products.len());
        for settings::Product { sku, category, units, days_per_unit } in products {
            let at = |key: &str| format!("product {sku:?}: {key}");
            let place = self.categories.iter().position(|known| known.name == category);
            let place =
                place.ok_or_else(|| format!("{}: there is no category {category:?}", at("category")))?;
            let own = days_per_unit.map(|days| unit_minutes(&at("days_per_unit"), days)).transpose()?;
            if units == 0 {
                return Err(format!("{}: 0", at("units")));
            }
            let unit_minutes = own.or(self.categories[place].unit_minutes);
            checked.push(Product { sku, category: place, unit_minutes, units });
        }
        checked.sort_by(|a, b| a.sku.cmp(&b.sku));
        match checked.windows(2).find(|pair| pair[0].sku == pair[1].sku) {
            Some(pair) => Err(format!("product {:?}: sku: another product has it", pair[0].sku)),
            None => Ok(checked),
        }
    }
}

impl Category {
    fn check(
        category: &settings::Category,
        all: &[settings::Category],
        grace_ms: u64,
    ) -> Result<Category, String> {
        let settings::Category { name, title, aliases: _, days_per_unit, grace_days, .. } = category;
        let settings::Category { suppress_days, offers, offer_days, revisit, .. } = category;
        let at = |key: &str| format!("category {name:?}: {key}");
        let place = |offered: &String| {
            let place = all.iter().position(|other| other.name == *offered && other.name != *name);
            place.ok_or_else(|| format!("{}: there is no other category {offered:?}", at("offers")))
        };
        let title = title.clone().unwrap_or_else(|| name.clone());
        Ok(Category {
            id: id(name),
            unit_minutes: days_per_unit.map(|days| unit_minutes(&at("days_per_unit"), days)).transpose()?,
            grace_ms: grace_days.map_or(Ok(grace_ms), |n| days(&at("grace_days"), n, 0))?,
            suppress_ms: suppress_days.map_or(Ok(0), |n| days(&at("suppress_days"), n, 1))?,
            offers: offers.iter().map(place).collect::<Result<_, _>>()?,
            offer_ms: days(&at("offer_days"), *offer_days, 1)?,
            revisit: revisit.as_ref().map(|revisit| Revisit::check(revisit, name, &title)).transpose()?,
            name: name.clone(),
            title,
        })
    }
}

impl Revisit {
    fn check(revisit: &settings::Revisit, name: &str, title: &str) -> Result<Revisit, String> {
        let settings::Revisit { after_days, waits_for_stock, message, moments, moments_tags, content } =
            revisit;
        let fill = |text: &Option<String>| text.as_ref().map(|text| text.replace("{title}", title));
        let shown =
            |Shown { id, kind, title }: Shown| Content { id, kind, title, category: Some(name.to_owned()) };
        if message.is_none() && moments.is_none() {
            return Err(format!("category {name:?}: revisit: neither `message` nor `moments`"));
        }
        if moments.is_none() && !moments_tags.is_empty() {
            return Err(format!("category {name:?}: revisit: `moments_tags` without `moments`"));
        }
        let category = serde_json::Value::from(name);
        let tags = match moments_tags.as_slice() {
            [] => String::new(),
            names => format!(r#","tags":{}"#, serde_json::Value::from(names)),
        };
        Ok(Revisit {
            after_ms: days(&format!("category {name:?}: revisit.after_days"), *after_days, 1)?,
            waits_for_stock: *waits_for_stock,
            message: fill(message),
            moments: fill(moments),
            content: content.clone().map(shown),
            detail: format!(r#"{{"category":{category}}}"#),
            moments_detail: format!(r#"{{"category":{category},"audience":"this-customer"{tags}}}"#),
        })
    }
}

fn names(categories: &[settings::Category]) -> Result<Vec<(String, usize)>, String> {
    let mut names = Vec::with_capacity(categories.len());
    for (place, category) in categories.iter().enumerate() {
        check_name(&category.name).map_err(|why| format!("categories[{place}].name: {why}"))?;
        let aliases = category.aliases.iter().filter(|alias| **alias != category.name);
        names.extend(aliases.chain([&category.name]).map(|name| (name.clone(), place)));
    }
    names.sort();
    match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            Err(format!("category {:?}: two categories, or two of its aliases, are called so", pair[0].0))
        }
        None => Ok(names),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("it is empty".to_owned()),
        1..=NAME_BYTES_MAX => Ok(()),
        _ => Err(format!("{name:?} is longer than {NAME_BYTES_MAX} bytes")),
    }
}

fn check_vip(settings: &Settings) -> Result<(), String> {
    let Settings {
        repeat_orders, vip: settings::Vip { orders, spend_fen, both }, utc_offset_minutes, ..
    } = settings;
    match (orders, spend_fen) {
        _ if *repeat_orders < 3 => {
            Err(format!("repeat_orders: {repeat_orders}; the first and the second have names"))
        }
        _ if !(-720..=840).contains(utc_offset_minutes) => {
            Err(format!("utc_offset_minutes: {utc_offset_minutes} is no zone; -720 to 840 are"))
        }
        (Some(0), _) => Err("vip.orders: 0".to_owned()),
        (_, Some(..=0)) => Err("vip.spend_fen: it must be more than 0".to_owned()),
        (None, _) | (_, None) if *both => {
            Err("vip.both: `orders` and `spend_fen` must both be given then".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_stages(stages: &settings::Stages) -> Result<(), String> {
    let settings::Stages { no_order, first_order, second_order, repeat, vip, lapsing, lapsed, returned } =
        stages;
    let mut names = [no_order, first_order, second_order, repeat, vip, lapsing, lapsed, returned];
    for name in names {
        check_name(name).map_err(|why| format!("stages: {why}"))?;
    }
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("stages: two are called {:?}", pair[0])),
        None => Ok(()),
    }
}

fn check_count(key: &str, count: usize, max: usize) -> Result<(), String> {
    if count > max { Err(format!("{key}: {count} of them, and {max} are the most")) } else { Ok(()) }
}

fn days(key: &str, days: u32, least: u32) -> Result<u64, String> {
    match (least..=DAYS_MAX).contains(&days) {
        true => Ok(u64::from(days) * DAY_MS),
        false => Err(format!("{key}: {days} is not within {least} to {DAYS_MAX}")),
    }
}

fn unit_minutes(key: &str, days: f64) -> Result<f64, String> {
    let minutes = days * f64::from(MINUTES_PER_DAY);
    match (1.0..=f64::from(SUPPLY_MAX_MINUTES)).contains(&minutes) {
        true => Ok(minutes),
        false => Err(format!("{key}: {days} is not within a minute and five years")),
    }
}

/// Half of a fingerprint is enough for a few dozen names.
fn id(name: &str) -> u32 {
    (fingerprint(name) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: &str) -> Plan {
        serde_json::from_str(settings).expect("because the settings fit")
    }

    fn line(sku: &str, category: Option<&str>, quantity: u32) -> OrderLine {
        let (sku, category) = (sku.to_owned(), category.map(str::to_owned));
        OrderLine { sku, title: String::new(), category, quantity, paid: Some(0) }
    }

    #[test]
    fn a_line_lasts_for_its_quantity_times_its_units_times_their_days() {
        let plan = plan(
            r#"{"categories":[{"name":"cream","aliases":["面霜"],"days_per_unit":30},{"name":"brush"}],
                "products":[{"sku":"twin","category":"cream","units":2},{"sku":"mini","category":"cream","days_per_unit":2.5}]}"#,
        );
        let days = |line: OrderLine| plan.supply(&line).map(|supply| f64::from(supply.minutes) / 1440.0);
        assert_eq!(days(line("x", Some("面霜"), 2)), Some(60.0));
        assert_eq!(days(line("twin", Some("unheard of"), 1)), Some(60.0));
        assert_eq!(days(line("mini", None, 3)), Some(7.5));
        assert_eq!(days(line("x", Some("brush"), 1)), Some(0.0));
        assert_eq!(days(line("x", Some("unheard of"), 1)), None);
        assert_eq!(days(line("x", Some("cream"), u32::MAX)), Some(5.0 * 365.0));
    }

    #[test]
    fn a_vip_is_made_by_either_or_by_both() {
        let vip = |vip: &str, orders, fen| plan(&format!(r#"{{"vip":{vip}}}"#)).is_vip(orders, fen);
        assert!(vip(r#"{"orders":3,"spend_fen":500}"#, 1, 500));
        assert!(vip(r#"{"orders":3,"spend_fen":500}"#, 3, 0));
        assert!(!vip(r#"{"orders":3,"spend_fen":500,"both":true}"#, 3, 499));
        assert!(vip(r#"{"orders":3,"spend_fen":500,"both":true}"#, 3, 500));
        assert!(!vip("{}", 1_000, 1_000_000));
    }

    #[test]
    fn a_post_says_who_may_see_it() {
        let category = |revisit: &str| {
            let settings =
                format!(r#"{{"categories":[{{"name":"cream","days_per_unit":30,"revisit":{revisit}}}]}}"#);
            serde_json::from_str::<Plan>(&settings)
        };
        let detail = |revisit: &str| {
            let plan = category(revisit).expect("because the settings fit");
            plan.categories[0].revisit.as_ref().map(|revisit| revisit.moments_detail.clone())
        };
        let (plain, tagged) = (r#"{"moments":"x"}"#, r#"{"moments":"x","moments_tags":["老客户","vip"]}"#);
        let says = |tags: &str| Some(format!(r#"{{"category":"cream","audience":"this-customer"{tags}}}"#));
        assert_eq!(detail(plain), says(""));
        assert_eq!(detail(tagged), says(r#","tags":["老客户","vip"]"#));
        let error = category(r#"{"message":"x","moments_tags":["vip"]}"#).err().expect("no post").to_string();
        assert!(error.contains("`moments_tags` without `moments`"), "{error}");
    }

    #[test]
    fn the_examples_are_settings() {
        for (example, categories) in [
            (include_str!("../settings.example.json"), 3),
            (include_str!("../settings.pets.json"), 3),
            (include_str!("../settings.snacks.json"), 3),
        ] {
            assert_eq!(plan(example).categories.len(), categories);
        }
    }
}
