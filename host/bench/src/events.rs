//! Events as they really come: ids without order, orders of two lines, a few facts of each kind.

use model::{
    Act, Bond, ChannelEvent, Content, Entry, Event, Fact, Identity, Instant, Look, Order, OrderLine,
    OrderStep, Tie, Touchpoint, View,
};

/// The day on which it begins, and what every event is later than the one before.
const START_MS: u64 = 1_772_380_800_000;
const STEP_MS: u64 = 10_000;

/// A generator whose numbers are the same for ever (splitmix64).
pub struct Stream {
    state: u64,
    number: u64,
    customers: u64,
    /// One event in so many makes two customers one. 0: none does.
    merging: u64,
}

impl Stream {
    pub fn new(customers: u64) -> Stream {
        Stream { state: 0x9e37_79b9_7f4a_7c15, number: 0, customers: customers.max(1), merging: 0 }
    }

    /// One event in `every` shows the handle of the customer beside hers: those two are one from there on.
    pub fn merging(customers: u64, every: u64) -> Stream {
        Stream { merging: every, ..Stream::new(customers) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next entries, and when they came.
    pub fn batch(&mut self, size: u64) -> (u64, Vec<Entry>) {
        let entries = (0..size).map(|_| self.entry()).collect();
        (START_MS + self.number * STEP_MS, entries)
    }

    fn entry(&mut self) -> Entry {
        self.number += 1;
        let at = START_MS + self.number * STEP_MS;
        let customer = self.next() % self.customers;
        let id = format!("{:016x}{:016x}", self.next(), self.next());
        let shop = self.next().is_multiple_of(2);
        let (connection, scheme) =
            if shop { ("shop", "youzan.yz-open-id") } else { ("wecom", "wecom.external-userid") };
        let fact = self.fact(customer, at);
        let mut who = who(scheme, customer);
        if self.merging > 0 && self.number.is_multiple_of(self.merging) {
            // Pair after pair, so that each of them is made one by one event.
            let pair = self.number / self.merging * 2 % self.customers;
            who = [pair, (pair + 1) % self.customers].map(unionid).to_vec();
        }
        let event = Event {
            id,
            at,
            who,
            staff: Some("linshen".to_owned()),
            touchpoint: if shop { Touchpoint::Shop } else { Touchpoint::DirectMessage },
            fact,
            extra: Some(format!(r#"{{"source":"bench","number":{}}}"#, self.number)),
        };
        Entry::Event(ChannelEvent { connection: connection.to_owned(), event })
    }

    fn fact(&mut self, customer: u64, at: u64) -> Fact {
        match self.next() % 10 {
            0..=3 => Fact::Bought(order(customer, self.next(), at)),
            4..=6 => Fact::Saw(View {
                look: Look::Viewed,
                about: Content {
                    id: format!("product-{}", self.next() % 40),
                    kind: "product".to_owned(),
                    title: Some("神经酰胺面霜".to_owned()),
                    category: Some("cream".to_owned()),
                },
                dwell_ms: Some(4_000),
                via: None,
            }),
            7..=8 => Fact::Did(Act {
                kind: "joined-group".to_owned(),
                object: Some(format!("wr{}", self.next() % 20)),
                title: None,
                quantity: None,
                state: None,
                whom: None,
            }),
            _ => Fact::Met(Tie {
                bond: Bond::Added,
                way: Some("1".to_owned()),
                state: Some("ch-poster-03".to_owned()),
                remark: None,
                tags: Vec::new(),
                successor: None,
            }),
        }
    }
}

/// Her handle in one channel, and what makes the customers of two channels one: known from the first event of each on.
fn who(scheme: &str, customer: u64) -> Vec<Identity> {
    let identity = |scheme: &str, value: String| Identity {
        scheme: scheme.to_owned(),
        scope: "ww0fab1e5c0de5a17e".to_owned(),
        value,
    };
    vec![identity(scheme, format!("wm{customer:030x}")), unionid(customer)]
}

fn unionid(customer: u64) -> Identity {
    let (scheme, scope) = ("wechat.unionid".to_owned(), "ww0fab1e5c0de5a17e".to_owned());
    Identity { scheme, scope, value: format!("o{customer:027x}") }
}

fn order(customer: u64, number: u64, at: Instant) -> Order {
    let line = |sku: &str, title: &str, category: &str, paid| OrderLine {
        sku: sku.to_owned(),
        title: title.to_owned(),
        category: Some(category.to_owned()),
        quantity: 1,
        paid: Some(paid),
    };
    Order {
        id: format!("E{customer:08}{:010}", number % 10_000_000_000),
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: Some(25_700),
        paid: Some(25_700),
        refunded: Some(0),
        lines: vec![
            line("cream-ceramide-50ml", "神经酰胺面霜", "cream", 16_800),
            line("cleanser-mousse-150ml", "绵密洁面慕斯", "cleanser", 8_900),
        ],
        placed_at: at,
        source: Some("wx_gzh".to_owned()),
    }
}

/// An order of this customer, as the shop tells it.
pub fn order_event(customer: u64, number: u64, at: Instant) -> Event {
    Event {
        id: format!("trade:E{customer:08}{number:010}:TRADE_PAID:{at}"),
        at,
        who: who("youzan.yz-open-id", customer),
        staff: Some("linshen".to_owned()),
        touchpoint: Touchpoint::Shop,
        fact: Fact::Bought(order(customer, number, at)),
        extra: Some(r#"{"paid_from":"real_payment"}"#.to_owned()),
    }
}
