//! The form of one call of TOP: its public parameters, its own, and the signature over both.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sign::SignMethod;

/// Who calls, and when.
pub struct Caller<'a> {
    /// The application's key.
    pub app_key: &'a str,
    /// The application's secret. It signs, and is not sent.
    pub app_secret: &'a str,
    /// The seller's token. It travels in the body alone: addresses get into logs.
    pub session: &'a str,
    /// How to sign.
    pub sign_method: SignMethod,
    /// The time of the call, as text in Chinese time. TOP refuses what is ten minutes off.
    pub timestamp: &'a str,
}

/// The body of a call, as a form. Parameters without a value are neither sent nor signed.
pub fn form(caller: &Caller<'_>, method: &str, params: &[(&str, String)]) -> String {
    let public = [
        ("method", method),
        ("app_key", caller.app_key),
        ("session", caller.session),
        ("timestamp", caller.timestamp),
        // XML is what TOP answers when it is not asked.
        ("format", "json"),
        ("v", "2.0"),
        ("sign_method", caller.sign_method.word()),
    ];
    let own = params.iter().map(|(name, value)| (*name, value.as_str()));
    let mut all: BTreeMap<String, String> = public
        .into_iter()
        .chain(own)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let sign = caller.sign_method.sign(caller.app_secret, &all);
    all.insert("sign".to_owned(), sign);
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        all.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_signed_and_its_secret_stays_here() {
        let caller = Caller {
            app_key: "12345678",
            app_secret: "helloworld",
            session: "test",
            sign_method: SignMethod::Md5,
            timestamp: "2016-01-01 12:00:00",
        };
        let own = [
            ("fields", "num_iid,title,nick,price,num".to_owned()),
            ("num_iid", "11223344".to_owned()),
            ("type", String::new()),
        ];
        assert_eq!(
            form(&caller, "taobao.item.seller.get", &own),
            "app%5Fkey=12345678&fields=num%5Fiid%2Ctitle%2Cnick%2Cprice%2Cnum&format=json\
             &method=taobao%2Eitem%2Eseller%2Eget&num%5Fiid=11223344&session=test\
             &sign=66987CB115214E59E6EC978214934FB8&sign%5Fmethod=md5\
             &timestamp=2016%2D01%2D01%2012%3A00%3A00&v=2%2E0"
        );
    }
}
