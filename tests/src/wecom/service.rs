//! Customer service (微信客服): accounts, and what was said in them. A ring tells nothing but where; who rings gets a token, with
//! which the messages may be read often.

use serde_json::{Value, json};

/// A ring's token lives so long.
const TOKEN_S: u64 = 600;
/// Reads without one in a minute; about as many are documented.
const READS_WITHOUT_TOKEN: usize = 10;
/// The platform keeps messages so long.
const KEPT_S: u64 = 3 * 24 * 3600;

#[derive(Clone, Debug, Default)]
pub struct Service {
    /// By account and the second at which they were said.
    messages: Vec<(String, u64, Value)>,
    /// Tokens of rings, and until when they hold.
    tokens: Vec<(String, u64)>,
    without_token: Vec<u64>,
}

/// Why nothing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    BadToken,
    BadCursor,
    BadAccount,
    TooOften,
}

impl Service {
    /// A customer writes. The account begins with its first message.
    pub fn say(&mut self, account: &str, external_userid: &str, text: &str, at_s: u64) {
        let msgid = format!("kfm_{:04}", self.messages.len());
        let message = json!({
            "msgid": msgid, "open_kfid": account, "external_userid": external_userid, "send_time": at_s, "origin": 3,
            "msgtype": "text", "text": {"content": text},
        });
        self.messages.push((account.to_owned(), at_s, message));
    }

    /// A token for a ring.
    pub fn ring(&mut self, now_s: u64) -> String {
        let token = format!("ENCFabLeToken{:04}", self.tokens.len());
        self.tokens.push((token.clone(), now_s + TOKEN_S));
        token
    }

    /// A page. The last one is full or not, and says that there is more: behind it is an empty one that says that there is not.
    pub fn read(&mut self, asked: &Value, per_page: usize, now_s: u64) -> Result<Value, Unread> {
        let account = asked["open_kfid"].as_str().ok_or(Unread::BadAccount)?;
        match asked["token"].as_str() {
            Some(token) => {
                let holds = |(known, until_s): &(String, u64)| known == token && *until_s > now_s;
                self.tokens.iter().any(holds).then_some(()).ok_or(Unread::BadToken)?;
            }
            None => {
                self.without_token.retain(|at_s| at_s + 60 > now_s);
                if self.without_token.len() >= READS_WITHOUT_TOKEN {
                    return Err(Unread::TooOften);
                }
                self.without_token.push(now_s);
            }
        }
        if !self.messages.iter().any(|(of, ..)| of == account) {
            return Err(Unread::BadAccount);
        }
        let from = match asked["cursor"].as_str().filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => {
                cursor.strip_prefix("c_").and_then(|at| at.parse().ok()).ok_or(Unread::BadCursor)?
            }
            None => 0,
        };
        let limit = asked["limit"].as_u64().unwrap_or(1000).min(1000) as usize;
        let kept = |(of, at_s, _): &&(String, u64, Value)| of == account && at_s + KEPT_S > now_s;
        let numbered = self.messages.iter().enumerate().skip(from).filter(|(_, one)| kept(one));
        let page: Vec<_> = numbered.take(limit.min(per_page)).collect();
        let next = page.last().map_or(from, |(at, _)| at + 1);
        let messages: Vec<&Value> = page.iter().map(|(_, (_, _, message))| message).collect();
        let has_more = u8::from(!messages.is_empty());
        Ok(json!({"next_cursor": format!("c_{next}"), "has_more": has_more, "msg_list": messages}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_from_its_cursor_and_the_last_one_is_empty() {
        let mut service = Service::default();
        for text in ["a", "b", "c"] {
            service.say("wk1", "wm1", text, 100);
        }
        service.say("wk2", "wm1", "elsewhere", 100);
        let token = service.ring(100);
        let mut read = |cursor: &str| {
            service.read(&json!({"open_kfid": "wk1", "token": token, "cursor": cursor}), 2, 101).unwrap()
        };
        let texts = |page: &Value| page["msg_list"].as_array().unwrap().len();
        let first = read("");
        assert_eq!((texts(&first), &first["has_more"]), (2, &json!(1)));
        let second = read(first["next_cursor"].as_str().unwrap());
        assert_eq!((texts(&second), &second["has_more"]), (1, &json!(1)));
        let last = read(second["next_cursor"].as_str().unwrap());
        assert_eq!((texts(&last), &last["has_more"]), (0, &json!(0)));
        let after = service.read(&json!({"open_kfid": "wk1", "token": token}), 2, 100 + TOKEN_S);
        assert_eq!(after.unwrap_err(), Unread::BadToken);
        assert_eq!(service.read(&json!({"open_kfid": "wk3"}), 2, 101).unwrap_err(), Unread::BadAccount);
        let old = service.read(&json!({"open_kfid": "wk1"}), 2, 100 + KEPT_S).unwrap();
        assert_eq!(texts(&old), 0);
    }
}
