//! The inner XML of WeCom's customer callbacks (developer documentation, "changes of customers, customer
//! groups and corp tags"), in the form for self-built apps and in the form for suites.
//!
//! Order of elements, CDATA and the absence of empty elements follow the documented examples. Writing one
//! event twice gives the same bytes: a retry re-encrypts, but carries the same inner XML.

/// One change, at second `at_s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WecomEvent {
    pub at_s: u64,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Staff and customer became contacts.
    ContactAdded {
        contact: Contact,
        state: Option<String>,
        welcome_code: Option<String>,
    },
    /// The customer added a member of staff who has not confirmed yet.
    ContactHalfAdded {
        contact: Contact,
        state: Option<String>,
        welcome_code: Option<String>,
    },
    /// Remark or tags were edited in the client. Carries no difference.
    ContactEdited {
        contact: Contact,
    },
    /// The staff removed the customer.
    ContactDeleted {
        contact: Contact,
        by_transfer: bool,
    },
    /// The customer removed the staff.
    ContactLeft {
        contact: Contact,
    },
    TransferFailed {
        contact: Contact,
        reason: String,
    },
    /// The customer agreed to the chat archive.
    ArchiveAgreed {
        contact: Contact,
        welcome_code: Option<String>,
    },
    ChatCreated {
        chat_id: String,
    },
    ChatJoined {
        chat_id: String,
        join_scene: u32,
        roll: MemberRoll,
    },
    ChatQuit {
        chat_id: String,
        quit_scene: u32,
        roll: MemberRoll,
    },
    ChatOwnerChanged {
        chat_id: String,
    },
    ChatRenamed {
        chat_id: String,
    },
    ChatNoticed {
        chat_id: String,
    },
    ChatDismissed {
        chat_id: String,
    },
    TagCreated {
        id: String,
        kind: TagKind,
    },
    TagUpdated {
        id: String,
        kind: TagKind,
    },
    TagDeleted {
        id: String,
        kind: TagKind,
    },
    /// A tag group was put into another order; no id when the groups themselves were.
    TagsShuffled {
        group_id: Option<String>,
    },
    /// A visitor of an acquisition link pressed "add"; nobody is named yet.
    FriendRequested {
        link_id: String,
        state: Option<String>,
    },
    /// A customer who came by an acquisition link sent the first message.
    ChatStarted {
        contact: Contact,
    },
    /// Something was said in an account of the customer service. Names neither sender nor change.
    ServiceRang {
        account: String,
        token: String,
    },
}

/// A relation: one member of staff, one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub staff: String,
    pub external_userid: String,
}

/// Who joined or left a group, and the version of its member list before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRoll {
    pub members: Vec<String>,
    pub last_version: String,
    pub current_version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagKind {
    Tag,
    Group,
}

/// To whom the callback is addressed, which decides its head.
#[derive(Clone, Debug)]
pub enum Addressee {
    Corp { corp_id: String },
    Suite { suite_id: String, auth_corp_id: String },
}

/// How text is wrapped. All three have been met on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    Cdata,
    /// Whitespace and line breaks around CDATA and between elements.
    SpacedCdata,
    /// No CDATA at all.
    Bare,
}

enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Items(&'a [String]),
}

type Elements<'a> = Vec<(&'static str, Value<'a>)>;

impl WecomEvent {
    pub fn to_xml(&self, addressee: &Addressee, wrapping: Wrapping) -> String {
        let (event, change_type, body) = self.change.elements();
        let mut elements: Elements<'_> = match addressee {
            Addressee::Corp { corp_id } => {
                let mut head = vec![("ToUserName", Value::Text(corp_id))];
                // What the customer service says has no sender.
                head.extend((!change_type.is_empty()).then_some(("FromUserName", Value::Text("sys"))));
                head.extend([
                    ("CreateTime", Value::Number(self.at_s)),
                    ("MsgType", Value::Text("event")),
                    ("Event", Value::Text(event)),
                ]);
                head
            }
            Addressee::Suite { suite_id, auth_corp_id } => vec![
                ("SuiteId", Value::Text(suite_id)),
                ("AuthCorpId", Value::Text(auth_corp_id)),
                ("InfoType", Value::Text(event)),
                ("TimeStamp", Value::Number(self.at_s)),
            ],
        };
        // Groups and tags name their object before the ChangeType, customers after it.
        let before = body.iter().take_while(|(name, _)| matches!(*name, "ChatId" | "Id" | "TagType")).count();
        let mut body = body.into_iter();
        elements.extend(body.by_ref().take(before));
        elements.extend((!change_type.is_empty()).then_some(("ChangeType", Value::Text(change_type))));
        elements.extend(body);
        write(&elements, wrapping)
    }
}

impl Change {
    /// The code with which a new contact may be welcomed, and whose it is.
    pub fn welcome(&self) -> Option<(&str, &Contact)> {
        match self {
            Change::ContactAdded { contact, state: _, welcome_code }
            | Change::ContactHalfAdded { contact, state: _, welcome_code }
            | Change::ArchiveAgreed { contact, welcome_code } => Some((welcome_code.as_deref()?, contact)),
            _ => None,
        }
    }

    /// Event, ChangeType (empty: it has none) and what follows the head.
    fn elements(&self) -> (&'static str, &'static str, Elements<'_>) {
        const CONTACT: &str = "change_external_contact";
        const CHAT: &str = "change_external_chat";
        const TAG: &str = "change_external_tag";
        const ACQUISITION: &str = "customer_acquisition";
        match self {
            Change::ContactAdded { contact, state, welcome_code } => (
                CONTACT,
                "add_external_contact",
                contact.with([("State", state), ("WelcomeCode", welcome_code)]),
            ),
            Change::ContactHalfAdded { contact, state, welcome_code } => (
                CONTACT,
                "add_half_external_contact",
                contact.with([("State", state), ("WelcomeCode", welcome_code)]),
            ),
            Change::ContactEdited { contact } => (CONTACT, "edit_external_contact", contact.with([])),
            Change::ContactDeleted { contact, by_transfer } => {
                let mut elements = contact.with([]);
                if *by_transfer {
                    elements.push(("Source", Value::Text("DELETE_BY_TRANSFER")));
                }
                (CONTACT, "del_external_contact", elements)
            }
            Change::ContactLeft { contact } => (CONTACT, "del_follow_user", contact.with([])),
            Change::TransferFailed { contact, reason } => {
                let mut elements = vec![("FailReason", Value::Text(reason.as_str()))];
                elements.extend(contact.with([]));
                (CONTACT, "transfer_fail", elements)
            }
            Change::ArchiveAgreed { contact, welcome_code } => {
                (CONTACT, "msg_audit_approved", contact.with([("WelcomeCode", welcome_code)]))
            }
            Change::ChatCreated { chat_id } => (CHAT, "create", chat(chat_id, None)),
            Change::ChatJoined { chat_id, join_scene, roll } => {
                (CHAT, "update", roll.elements(chat_id, "add_member", ("JoinScene", *join_scene)))
            }
            Change::ChatQuit { chat_id, quit_scene, roll } => {
                (CHAT, "update", roll.elements(chat_id, "del_member", ("QuitScene", *quit_scene)))
            }
            Change::ChatOwnerChanged { chat_id } => (CHAT, "update", chat(chat_id, Some("change_owner"))),
            Change::ChatRenamed { chat_id } => (CHAT, "update", chat(chat_id, Some("change_name"))),
            Change::ChatNoticed { chat_id } => (CHAT, "update", chat(chat_id, Some("change_notice"))),
            Change::ChatDismissed { chat_id } => (CHAT, "dismiss", chat(chat_id, None)),
            Change::TagCreated { id, kind } => (TAG, "create", kind.elements(id)),
            Change::TagUpdated { id, kind } => (TAG, "update", kind.elements(id)),
            Change::TagDeleted { id, kind } => (TAG, "delete", kind.elements(id)),
            Change::TagsShuffled { group_id } => (TAG, "shuffle", optional([("Id", group_id)]).collect()),
            Change::FriendRequested { link_id, state } => {
                let mut elements = vec![("LinkId", Value::Text(link_id.as_str()))];
                elements.extend(optional([("State", state)]));
                (ACQUISITION, "friend_request", elements)
            }
            Change::ChatStarted { contact } => (ACQUISITION, "customer_start_chat", contact.with([])),
            Change::ServiceRang { account, token } => (
                "kf_msg_or_event",
                "",
                vec![("Token", Value::Text(token)), ("OpenKfId", Value::Text(account))],
            ),
        }
    }
}

impl Contact {
    pub fn new(staff: &str, external_userid: &str) -> Self {
        Self { staff: staff.to_owned(), external_userid: external_userid.to_owned() }
    }

    fn with<'a, const N: usize>(&'a self, more: [(&'static str, &'a Option<String>); N]) -> Elements<'a> {
        let mut elements = vec![
            ("UserID", Value::Text(&self.staff)),
            ("ExternalUserID", Value::Text(&self.external_userid)),
        ];
        elements.extend(optional(more));
        elements
    }
}

impl MemberRoll {
    fn elements<'a>(
        &'a self,
        chat_id: &'a str,
        detail: &'static str,
        (scene, code): (&'static str, u32),
    ) -> Elements<'a> {
        let mut elements = chat(chat_id, Some(detail));
        elements.extend([
            (scene, Value::Number(u64::from(code))),
            ("MemChangeCnt", Value::Number(self.members.len() as u64)),
            ("MemChangeList", Value::Items(&self.members)),
            ("LastMemVer", Value::Text(&self.last_version)),
            ("CurMemVer", Value::Text(&self.current_version)),
        ]);
        elements
    }
}

impl TagKind {
    fn elements(self, id: &str) -> Elements<'_> {
        let kind = match self {
            TagKind::Tag => "tag",
            TagKind::Group => "tag_group",
        };
        vec![("Id", Value::Text(id)), ("TagType", Value::Text(kind))]
    }
}

fn chat<'a>(chat_id: &'a str, detail: Option<&'static str>) -> Elements<'a> {
    let mut elements = vec![("ChatId", Value::Text(chat_id))];
    elements.extend(detail.map(|detail| ("UpdateDetail", Value::Text(detail))));
    elements
}

fn optional<'a, const N: usize>(
    from: [(&'static str, &'a Option<String>); N],
) -> impl Iterator<Item = (&'static str, Value<'a>)> {
    from.into_iter().filter_map(|(name, text)| text.as_deref().map(|text| (name, Value::Text(text))))
}

fn write(elements: &Elements<'_>, wrapping: Wrapping) -> String {
    let gap = if wrapping == Wrapping::SpacedCdata { "\n  " } else { "" };
    let mut xml = String::from("<xml>");
    for (name, value) in elements {
        xml.push_str(gap);
        let inner = match value {
            Value::Text(text) => wrap(text, wrapping),
            Value::Number(number) => number.to_string(),
            Value::Items(items) => {
                items.iter().map(|item| format!("<Item>{}</Item>", wrap(item, wrapping))).collect()
            }
        };
        xml.push_str(&format!("<{name}>{inner}</{name}>"));
    }
    xml.push_str(gap.trim_end());
    xml.push_str("</xml>");
    xml
}

fn wrap(text: &str, wrapping: Wrapping) -> String {
    match wrapping {
        // A CDATA section cannot hold its own end; the usual way out is to split it there.
        Wrapping::Cdata => format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>")),
        Wrapping::SpacedCdata => format!("\n    {}\n  ", wrap(text, Wrapping::Cdata)),
        Wrapping::Bare => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corp() -> Addressee {
        Addressee::Corp { corp_id: "ww0fab1e5c0de5a17e".into() }
    }

    fn customer() -> Contact {
        Contact::new("linshen", "wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N")
    }

    #[test]
    fn a_new_contact_reads_as_documented() {
        let event = WecomEvent {
            at_s: 1_767_230_011,
            change: Change::ContactAdded {
                contact: customer(),
                state: Some("ch-poster-03".into()),
                welcome_code: Some("WLC_9vQ2x0Jt7bQ1".into()),
            },
        };
        assert_eq!(
            event.to_xml(&corp(), Wrapping::Cdata),
            "<xml><ToUserName><![CDATA[ww0fab1e5c0de5a17e]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>\
             <CreateTime>1767230011</CreateTime><MsgType><![CDATA[event]]></MsgType>\
             <Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[add_external_contact]]></ChangeType>\
             <UserID><![CDATA[linshen]]></UserID><ExternalUserID><![CDATA[wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N]]></ExternalUserID>\
             <State><![CDATA[ch-poster-03]]></State><WelcomeCode><![CDATA[WLC_9vQ2x0Jt7bQ1]]></WelcomeCode></xml>"
        );
        let suite = Addressee::Suite {
            suite_id: "ww5f5e1ab1e0000001".into(),
            auth_corp_id: "wpFabLeDDDAuthCorp01".into(),
        };
        assert!(event.to_xml(&suite, Wrapping::Cdata).starts_with(
            "<xml><SuiteId><![CDATA[ww5f5e1ab1e0000001]]></SuiteId><AuthCorpId><![CDATA[wpFabLeDDDAuthCorp01]]></AuthCorpId>\
             <InfoType><![CDATA[change_external_contact]]></InfoType><TimeStamp>1767230011</TimeStamp><ChangeType>"
        ));
    }

    #[test]
    fn a_group_names_its_chat_before_the_change() {
        let roll = MemberRoll {
            members: vec!["wmA".into(), "wmB".into()],
            last_version: "0a".into(),
            current_version: "f9".into(),
        };
        let joined = WecomEvent {
            at_s: 1_767_500_300,
            change: Change::ChatJoined { chat_id: "wrG".into(), join_scene: 3, roll },
        };
        let xml = joined.to_xml(&corp(), Wrapping::Cdata);
        let expected = "<ChatId><![CDATA[wrG]]></ChatId><ChangeType><![CDATA[update]]></ChangeType>\
             <UpdateDetail><![CDATA[add_member]]></UpdateDetail><JoinScene>3</JoinScene><MemChangeCnt>2</MemChangeCnt>\
             <MemChangeList><Item><![CDATA[wmA]]></Item><Item><![CDATA[wmB]]></Item></MemChangeList>\
             <LastMemVer><![CDATA[0a]]></LastMemVer><CurMemVer><![CDATA[f9]]></CurMemVer></xml>";
        assert!(xml.ends_with(expected), "{xml}");
    }

    #[test]
    fn a_ring_names_the_account_and_nobody() {
        let (account, token) = ("wkFabLeKF01".to_owned(), "ENCFabLeToken0001".to_owned());
        let rang = WecomEvent { at_s: 1_767_620_000, change: Change::ServiceRang { account, token } };
        assert_eq!(
            rang.to_xml(&corp(), Wrapping::Cdata),
            "<xml><ToUserName><![CDATA[ww0fab1e5c0de5a17e]]></ToUserName><CreateTime>1767620000</CreateTime>\
             <MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event>\
             <Token><![CDATA[ENCFabLeToken0001]]></Token><OpenKfId><![CDATA[wkFabLeKF01]]></OpenKfId></xml>"
        );
    }

    #[test]
    fn wrapping_changes_bytes_and_not_text() {
        let edited = WecomEvent { at_s: 1, change: Change::ContactEdited { contact: customer() } };
        let bare = edited.to_xml(&corp(), Wrapping::Bare);
        assert!(bare.contains("<UserID>linshen</UserID>"), "{bare}");
        let spaced = edited.to_xml(&corp(), Wrapping::SpacedCdata);
        assert!(spaced.contains("<UserID>\n    <![CDATA[linshen]]>\n  </UserID>"), "{spaced}");
    }
}
