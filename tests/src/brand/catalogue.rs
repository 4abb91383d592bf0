//! What the brand has before any customer comes: goods, staff, channels, customer groups, corp tags. All of
//! it invented.

/// A thing on sale. `days_of_use` is how long one unit lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sku {
    /// `outer_sku_id` in orders.
    pub code: &'static str,
    /// `outer_item_id` in orders.
    pub spu: &'static str,
    pub category: &'static str,
    pub title: &'static str,
    pub spec: &'static str,
    pub price_fen: u64,
    pub days_of_use: u64,
}

const fn sku(
    code: &'static str,
    spu: &'static str,
    category: &'static str,
    title: &'static str,
    spec: &'static str,
    price_fen: u64,
    days_of_use: u64,
) -> Sku {
    Sku { code, spu, category, title, spec, price_fen, days_of_use }
}

pub const SKUS: [Sku; 12] = [
    sku("cleanser-amino-120ml", "cleanser-amino", "cleanser", "氨基酸洁面乳", "120ml", 6_800, 45),
    sku("cleanser-mousse-150ml", "cleanser-mousse", "cleanser", "绵密洁面慕斯", "150ml", 8_900, 50),
    sku("toner-rose-200ml", "toner-rose", "toner", "玫瑰保湿水", "200ml", 12_800, 40),
    sku("toner-centella-150ml", "toner-centella", "toner", "积雪草舒缓水", "150ml", 9_900, 35),
    sku("cream-ceramide-50ml", "cream-ceramide", "cream", "神经酰胺面霜", "50ml", 16_800, 50),
    sku("cream-night-30ml", "cream-night", "cream", "夜间修护面霜", "30ml", 23_900, 45),
    sku("eye-cream-peptide-15ml", "eye-cream-peptide", "eye-cream", "多肽眼霜", "15ml", 19_900, 60),
    sku("serum-vc-30ml", "serum-vc", "serum", "维C亮肤精华", "30ml", 25_900, 30),
    sku("serum-ha-30ml", "serum-ha", "serum", "玻尿酸精华", "30ml", 18_900, 30),
    sku("mask-hydra-10pcs", "mask-hydra", "mask", "补水面膜", "10片", 9_900, 20),
    sku("mask-clay-100g", "mask-clay", "mask", "清洁泥膜", "100g", 11_900, 40),
    sku("sunscreen-spf50-50ml", "sunscreen-spf50", "sunscreen", "清爽防晒乳 SPF50+", "50ml", 13_900, 35),
];

/// Sold at flash sales: indices into [`SKUS`].
pub const FLASH_SKUS: [usize; 3] = [7, 8, 9];

pub struct Staff {
    pub userid: &'static str,
    pub name: &'static str,
}

pub const STAFF: [Staff; 6] = [
    Staff { userid: "linshen", name: "林深" },
    Staff { userid: "heyan", name: "何雁" },
    Staff { userid: "suqing", name: "苏青" },
    Staff { userid: "zhouning", name: "周宁" },
    Staff { userid: "tangli", name: "唐梨" },
    Staff { userid: "jiangyu", name: "江屿" },
];

/// Where customers come from: the `State` of a contact way, or the `customer_channel` of an acquisition link.
pub struct Channel {
    pub state: &'static str,
    /// The API's `add_way`.
    pub add_way: u32,
    /// Names the tag that staff gives for it.
    pub tag: &'static str,
    /// Of acquisition links only.
    pub link_id: Option<&'static str>,
    pub weight: u64,
}

const fn channel(state: &'static str, add_way: u32, tag: &'static str, weight: u64) -> Channel {
    Channel { state, add_way, tag, link_id: None, weight }
}

/// Index of the card in parcels in [`CHANNELS`].
pub const PARCEL_CARD: usize = 1;

pub const CHANNELS: [Channel; 6] = [
    channel("ch-poster-03", 1, "etHeliuTagPoster0000000000000001", 25),
    channel("ch-parcel-card", 1, "etHeliuTagParcel0000000000000002", 30),
    channel("ch-store-hz-01", 1, "etHeliuTagStore00000000000000003", 15),
    channel("ch-live-618", 10, "etHeliuTagLive000000000000000004", 10),
    Channel {
        link_id: Some("cafab1e0000000a01"),
        ..channel("ad-plan-88", 16, "etHeliuTagAdvert0000000000000005", 12)
    },
    // Found by phone number or a shared card: no state at all.
    channel("", 2, "", 8),
];

pub struct ChatPlan {
    pub chat_id: &'static str,
    pub name: &'static str,
    /// An index into [`STAFF`].
    pub owner: usize,
    pub weight: u64,
}

const fn chat(chat_id: &'static str, name: &'static str, owner: usize, weight: u64) -> ChatPlan {
    ChatPlan { chat_id, name, owner, weight }
}

pub const CHATS: [ChatPlan; 5] = [
    chat("wrHeliuChatNewcomers000000000001", "护肤新手村", 0, 22),
    chat("wrHeliuChatDrySkin00000000000002", "干皮互助群", 1, 13),
    chat("wrHeliuChatSensitive000000000003", "敏感肌研究所", 2, 14),
    chat("wrHeliuChatRegulars0000000000004", "老客福利群", 3, 16),
    chat("wrHeliuChatFlashSale000000000005", "闪购群", 4, 35),
];

/// Index of the flash-sale group in [`CHATS`].
pub const FLASH_CHAT: usize = 4;

pub struct TagPlan {
    pub group_id: &'static str,
    pub name: &'static str,
    pub tags: &'static [(&'static str, &'static str)],
}

pub const SKIN_TAGS: [&str; 4] = [
    "etHeliuTagDry0000000000000000011",
    "etHeliuTagOily000000000000000012",
    "etHeliuTagSensitive0000000000013",
    "etHeliuTagMixed00000000000000014",
];

/// From undecided to loyal.
pub const INTENT_TAGS: [&str; 3] = [
    "etHeliuTagUndecided0000000000021",
    "etHeliuTagWilling000000000000022",
    "etHeliuTagLoyal00000000000000023",
];

/// Saved on the first morning, but for the last group: the one for the June campaign.
pub const TAG_GROUPS: [TagPlan; 4] = [
    TagPlan {
        group_id: "etHeliuGroupSource00000000000001",
        name: "来源",
        tags: &[
            (CHANNELS[0].tag, "海报"),
            (CHANNELS[1].tag, "包裹卡"),
            (CHANNELS[2].tag, "门店"),
            (CHANNELS[3].tag, "直播"),
            (CHANNELS[4].tag, "投放"),
        ],
    },
    TagPlan {
        group_id: "etHeliuGroupSkin0000000000000002",
        name: "肤质",
        tags: &[
            (SKIN_TAGS[0], "干皮"),
            (SKIN_TAGS[1], "油皮"),
            (SKIN_TAGS[2], "敏感肌"),
            (SKIN_TAGS[3], "混油"),
        ],
    },
    TagPlan {
        group_id: "etHeliuGroupIntent00000000000003",
        name: "意向",
        tags: &[(INTENT_TAGS[0], "观望"), (INTENT_TAGS[1], "高意向"), (INTENT_TAGS[2], "老客")],
    },
    TagPlan {
        group_id: "etHeliuGroupCampaign000000000004",
        name: "618活动",
        tags: &[
            ("etHeliuTag618A000000000000000031", "已领券"),
            ("etHeliuTag618B000000000000000032", "已下单"),
            ("etHeliuTag618C000000000000000033", "要样品"),
            ("etHeliuTag618D000000000000000034", "要客服"),
            ("etHeliuTag618E000000000000000035", "不打扰"),
        ],
    },
];

/// The coupons of the shop: id and what they take off.
pub const FLASH_COUPON: (u64, u64) = (70_001, 2_000);
pub const PLAIN_COUPON: (u64, u64) = (70_002, 1_000);

pub const MEMBER_CARD: &str = "净颜会员";
