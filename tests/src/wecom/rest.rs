//! The endpoints under `/cgi-bin/`, with the platform's shapes and error codes.
//!
//! HTTP status is 200 even for errors; what counts is `errcode`. Requests are read leniently (content types
//! are not looked at), because the platform does.

mod outbox;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Inside;
use super::corp::{Chat, Corp, CorpTag, Customer, Member, Relation, TagGroup};
use crate::digest::sha1_hex;

type Params = HashMap<String, String>;
type Answer = Result<Value, Refusal>;

/// `errcode` and `errmsg` (global error codes of the developer documentation).
struct Refusal(i64, &'static str);

const BAD_SECRET: Refusal = Refusal(40001, "invalid credential");
const BAD_CORP: Refusal = Refusal(40013, "invalid corpid");
const BAD_TOKEN: Refusal = Refusal(40014, "invalid access_token");
const BAD_PARAMETER: Refusal = Refusal(40058, "invalid request parameter");
const BAD_TAG: Refusal = Refusal(40068, "invalid tagid");
const BAD_EXTERNAL_USERID: Refusal = Refusal(40096, "invalid external userid");
const NO_TOKEN: Refusal = Refusal(41001, "access_token missing");
const EXPIRED_TOKEN: Refusal = Refusal(42001, "access_token expired");
const LIMITED: Refusal = Refusal(45009, "api freq out of limit");
const BAD_JSON: Refusal = Refusal(47001, "data format error");
const BAD_STAFF: Refusal = Refusal(60111, "userid not found");
const NO_RELATION: Refusal = Refusal(84061, "not external contact");
/// Also answered for a dismissed group here, which is not confirmed.
const NO_CHAT: Refusal = Refusal(90501, "chatid is not external group chat");

/// The app's token. One is handed out again and again while it is valid.
#[derive(Default)]
pub(crate) struct Tokens {
    current: Option<(String, u64)>,
    past: Vec<String>,
    issued: u64,
}

impl Tokens {
    pub fn expire(&mut self) {
        self.past.extend(self.current.take().map(|(token, _)| token));
    }

    pub fn revoke(&mut self) {
        self.current = None;
        self.past.clear();
    }

    fn issue(&mut self, now_s: u64, life_s: u64, corp_id: &str, secret: &str) -> (String, u64) {
        if self.current.as_ref().is_some_and(|(_, until_s)| *until_s <= now_s) {
            self.expire();
        }
        self.issued += 1;
        let number = self.issued.to_be_bytes();
        let fresh =
            || (sha1_hex(&[corp_id.as_bytes(), secret.as_bytes(), &number]).repeat(2), now_s + life_s);
        let (token, until_s) = self.current.get_or_insert_with(fresh);
        (token.clone(), *until_s - now_s)
    }

    fn check(&self, token: Option<&String>, now_s: u64) -> Result<(), Refusal> {
        let token = token.ok_or(NO_TOKEN)?;
        match &self.current {
            Some((held, until_s)) if held == token && *until_s > now_s => Ok(()),
            Some((held, _)) if held == token => Err(EXPIRED_TOKEN),
            _ if self.past.contains(token) => Err(EXPIRED_TOKEN),
            _ => Err(BAD_TOKEN),
        }
    }
}

pub(super) fn routes(inside: Arc<Inside>) -> Router {
    let reads = Router::new()
        .route("/cgi-bin/gettoken", get(get_token))
        .route("/cgi-bin/externalcontact/get", get(contact_get))
        .route("/cgi-bin/externalcontact/list", get(contact_list))
        .route("/cgi-bin/externalcontact/get_follow_user_list", get(staff_list))
        .route("/cgi-bin/externalcontact/groupchat/list", post(chat_list))
        .route("/cgi-bin/externalcontact/groupchat/get", post(chat_get))
        .route("/cgi-bin/externalcontact/get_corp_tag_list", post(tag_list));
    outbox::routes(reads).with_state(inside)
}

impl Inside {
    fn count(&self, endpoint: &'static str) {
        *self.calls.lock().entry(endpoint).or_default() += 1;
    }

    fn answer(
        &self,
        endpoint: &'static str,
        query: &Params,
        act: impl FnOnce(&Corp) -> Answer,
    ) -> Json<Value> {
        self.count(endpoint);
        let admitted = self.tokens.lock().check(query.get("access_token"), self.config.clock.now_s());
        to_json(admitted.and_then(|()| self.lets(endpoint)).and_then(|()| act(&self.corp.lock())))
    }

    /// What is neither the caller's fault nor the corp's.
    fn lets(&self, endpoint: &'static str) -> Result<(), Refusal> {
        let mut gate = self.gate.lock();
        if let Some(code) = gate.failing(endpoint) {
            return Err(Refusal(code, "as the test would have it"));
        }
        let (per_minute, now_s) = (self.config.calls_per_minute, self.config.clock.now_s());
        if gate.is_limited(endpoint, per_minute, now_s) { Err(LIMITED) } else { Ok(()) }
    }
}

fn to_json(answer: Answer) -> Json<Value> {
    let (code, message, mut body) = match answer {
        Ok(body) => (0, String::from("ok"), body),
        Err(Refusal(code, message)) => {
            (code, format!("{message}, hint: [simulated], more info at /document/error/{code}"), json!({}))
        }
    };
    body["errcode"] = json!(code);
    body["errmsg"] = json!(message);
    Json(body)
}

async fn get_token(State(inside): State<Arc<Inside>>, Query(query): Query<Params>) -> Json<Value> {
    inside.count("gettoken");
    if let Some(code) = inside.gate.lock().failing("gettoken") {
        return to_json(Err(Refusal(code, "as the test would have it")));
    }
    let config = &inside.config;
    if query.get("corpid") != Some(&config.corp_id) {
        return to_json(Err(BAD_CORP));
    }
    if query.get("corpsecret") != Some(&config.secret) {
        return to_json(Err(BAD_SECRET));
    }
    let (token, life_s) = inside.tokens.lock().issue(
        config.clock.now_s(),
        config.token_life_s,
        &config.corp_id,
        &config.secret,
    );
    to_json(Ok(json!({"access_token": token, "expires_in": life_s})))
}

async fn contact_get(State(inside): State<Arc<Inside>>, Query(query): Query<Params>) -> Json<Value> {
    inside.answer("externalcontact/get", &query, |corp| {
        let id = query.get("external_userid").ok_or(BAD_EXTERNAL_USERID)?;
        let customer = corp.customers.get(id).ok_or(BAD_EXTERNAL_USERID)?;
        let followers: Vec<_> = corp.followers(id).collect();
        if followers.is_empty() {
            return Err(NO_RELATION);
        }
        let (from, next_cursor) = page(query.get("cursor"), followers.len(), inside.config.followers_per_page)?;
        let shown: Vec<_> = followers
            .iter()
            .skip(from)
            .take(inside.config.followers_per_page)
            .map(|(staff, relation)| relation_json(corp, staff, id, relation))
            .collect();
        Ok(json!({"external_contact": customer_json(customer), "follow_user": shown, "next_cursor": next_cursor}))
    })
}

async fn contact_list(State(inside): State<Arc<Inside>>, Query(query): Query<Params>) -> Json<Value> {
    inside.answer("externalcontact/list", &query, |corp| {
        let staff = query.get("userid").filter(|id| corp.staff.contains_key(*id)).ok_or(BAD_STAFF)?;
        let has =
            |with: &&BTreeMap<String, Relation>| with.get(staff).is_some_and(|relation| !relation.is_half);
        let ids: Vec<_> = corp.relations.iter().filter(|(_, with)| has(with)).map(|(id, _)| id).collect();
        // Staff without customers gets an error, not an empty list.
        if ids.is_empty() { Err(NO_RELATION) } else { Ok(json!({"external_userid": ids})) }
    })
}

async fn staff_list(State(inside): State<Arc<Inside>>, Query(query): Query<Params>) -> Json<Value> {
    inside.answer("externalcontact/get_follow_user_list", &query, |corp| {
        Ok(json!({"follow_user": corp.staff.keys().collect::<Vec<_>>()}))
    })
}

async fn chat_list(
    State(inside): State<Arc<Inside>>,
    Query(query): Query<Params>,
    body: Bytes,
) -> Json<Value> {
    inside.answer("externalcontact/groupchat/list", &query, |corp| {
        let asked = parsed(&body)?;
        let limit =
            asked["limit"].as_u64().filter(|limit| (1..=1000).contains(limit)).ok_or(BAD_PARAMETER)? as usize;
        let alive: Vec<_> = corp.chats.values().filter(|chat| !chat.is_dismissed).collect();
        let cursor = asked["cursor"].as_str().map(str::to_owned);
        let (from, next_cursor) = page(cursor.as_ref(), alive.len(), limit)?;
        let shown: Vec<_> = alive
            .iter()
            .skip(from)
            .take(limit)
            .map(|chat| json!({"chat_id": chat.chat_id, "status": 0}))
            .collect();
        Ok(json!({"group_chat_list": shown, "next_cursor": next_cursor}))
    })
}

async fn chat_get(
    State(inside): State<Arc<Inside>>,
    Query(query): Query<Params>,
    body: Bytes,
) -> Json<Value> {
    inside.answer("externalcontact/groupchat/get", &query, |corp| {
        let asked = parsed(&body)?;
        let chat = asked["chat_id"].as_str().and_then(|id| corp.chats.get(id)).filter(|chat| !chat.is_dismissed);
        Ok(json!({"group_chat": chat_json(corp, chat.ok_or(NO_CHAT)?, asked["need_name"].as_u64() == Some(1))}))
    })
}

async fn tag_list(
    State(inside): State<Arc<Inside>>,
    Query(query): Query<Params>,
    body: Bytes,
) -> Json<Value> {
    inside.answer("externalcontact/get_corp_tag_list", &query, |corp| {
        let asked = parsed(&body)?;
        Ok(json!({"tag_group": tags_json(corp, &texts(&asked["tag_id"]), &texts(&asked["group_id"]))?}))
    })
}

/// The cursor is the number of rows already shown; the platform's is opaque and ends as an empty text.
fn page(cursor: Option<&String>, len: usize, limit: usize) -> Result<(usize, String), Refusal> {
    let from = match cursor.map_or("", String::as_str) {
        "" => 0,
        text => text.strip_prefix("cur-").and_then(|from| from.parse::<usize>().ok()).ok_or(BAD_PARAMETER)?,
    };
    let end = from + limit;
    Ok((from, if end < len { format!("cur-{end}") } else { String::new() }))
}

fn parsed(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body).map_err(|_| BAD_JSON) }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn customer_json(customer: &Customer) -> Value {
    let mut shown = json!({
        "external_userid": customer.external_userid,
        "name": customer.name,
        "type": 1,
        "gender": customer.gender,
        "avatar": "https://wx.qlogo.example/0",
    });
    if let Some(unionid) = &customer.unionid {
        shown["unionid"] = json!(unionid);
    }
    shown
}

fn relation_json(corp: &Corp, staff: &str, external_userid: &str, relation: &Relation) -> Value {
    let corp_tags = relation
        .tag_ids
        .iter()
        .filter_map(|id| corp.tag(id))
        .filter(|(group, tag)| !group.is_deleted && !tag.is_deleted);
    let mut tags: Vec<_> = corp_tags
        .map(|(group, tag)| json!({"group_name": group.name, "tag_name": tag.name, "tag_id": tag.id, "type": 1}))
        .collect();
    // A personal tag has no id.
    tags.extend(
        relation.personal_tags.iter().map(|name| json!({"group_name": "个人", "tag_name": name, "type": 2})),
    );
    json!({
        "userid": staff,
        "remark": relation.remark,
        "description": relation.description,
        "createtime": relation.since_s,
        "tags": tags,
        "remark_mobiles": relation.remark_mobiles,
        "oper_userid": external_userid,
        "add_way": relation.add_way,
        "state": relation.state,
    })
}

fn chat_json(corp: &Corp, chat: &Chat, with_names: bool) -> Value {
    json!({
        "chat_id": chat.chat_id,
        "name": chat.name,
        "owner": chat.owner,
        "create_time": chat.created_s,
        "notice": chat.notice,
        "member_list": chat.members.iter().map(|member| member_json(corp, chat, member, with_names)).collect::<Vec<_>>(),
        "admin_list": [],
        "member_version": chat.member_version(),
    })
}

fn member_json(corp: &Corp, chat: &Chat, member: &Member, with_names: bool) -> Value {
    let customer = corp.customers.get(&member.id);
    let mut shown = json!({
        "userid": member.id,
        "type": if corp.staff.contains_key(&member.id) { 1 } else { 2 },
        "join_time": member.joined_s,
        "join_scene": member.join_scene,
        "group_nickname": "",
    });
    if let Some(unionid) = customer.and_then(|customer| customer.unionid.as_ref()) {
        shown["unionid"] = json!(unionid);
    }
    if member.join_scene == 1 && member.id != chat.owner {
        shown["invitor"] = json!({"userid": chat.owner});
    }
    if !member.state.is_empty() {
        shown["state"] = json!(member.state);
    }
    if with_names {
        let name = customer.map(|customer| &customer.name).or_else(|| corp.staff.get(&member.id));
        shown["name"] = json!(name);
    }
    shown
}

/// Asked by id, deleted rows are shown too. Given both lists, that of groups wins.
fn tags_json(corp: &Corp, tag_ids: &[&str], group_ids: &[&str]) -> Result<Vec<Value>, Refusal> {
    let by_group = !group_ids.is_empty();
    let by_tag = !by_group && !tag_ids.is_empty();
    let group_is_known = |id: &&str| corp.tag_groups.iter().any(|group| group.id == *id);
    if (by_group && !group_ids.iter().all(group_is_known))
        || (by_tag && tag_ids.iter().any(|id| corp.tag(id).is_none()))
    {
        return Err(BAD_TAG);
    }
    let is_asked = |group: &&TagGroup| !by_group || group_ids.contains(&group.id.as_str());
    let mut shown = Vec::new();
    for group in corp.tag_groups.iter().filter(is_asked) {
        let tags: Vec<_> = group
            .tags
            .iter()
            .filter(
                |tag| if by_tag { tag_ids.contains(&tag.id.as_str()) } else { by_group || !tag.is_deleted },
            )
            .enumerate()
            .map(|(order, tag)| tag_json(group, tag, order))
            .collect();
        if tags.is_empty() || (group.is_deleted && !by_group && !by_tag) {
            continue;
        }
        let mut row = json!({"group_id": group.id, "group_name": group.name, "create_time": group.created_s, "order": 0, "tag": tags});
        if group.is_deleted {
            row["deleted"] = json!(true);
        }
        shown.push(row);
    }
    Ok(shown)
}

fn tag_json(group: &TagGroup, tag: &CorpTag, order: usize) -> Value {
    let mut row = json!({"id": tag.id, "name": tag.name, "create_time": group.created_s, "order": order});
    if tag.is_deleted {
        row["deleted"] = json!(true);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;
    use crate::wecom::{WecomConfig, WecomSim};

    async fn sim(adapt: impl FnOnce(&mut WecomConfig)) -> (WecomSim, SimClock) {
        let clock = SimClock::at(1_795_140_000_000);
        let mut config = WecomConfig::demo(clock.clone());
        adapt(&mut config);
        let sim = WecomSim::start(config).await.unwrap();
        {
            let mut corp = sim.corp();
            corp.hire("lin", "林");
            corp.hire("he", "何");
            corp.hire("su", "苏");
            corp.meet(Customer {
                external_userid: "wm1".into(),
                name: "小满".into(),
                gender: 2,
                unionid: Some("oU1".into()),
            });
            for staff in ["lin", "he", "su"] {
                let relation = Relation {
                    add_way: 1,
                    since_s: 9,
                    tag_ids: vec!["et2".into(), "et3".into()],
                    ..Relation::default()
                };
                corp.follow(staff, "wm1", relation);
            }
            let tag = |id: &str, is_deleted| CorpTag { id: id.into(), name: format!("名{id}"), is_deleted };
            let tags = vec![tag("et2", false), tag("et3", true)];
            corp.tag_groups.push(TagGroup {
                id: "et1".into(),
                name: "来源".into(),
                created_s: 5,
                tags,
                is_deleted: false,
            });
        }
        (sim, clock)
    }

    async fn ask(sim: &WecomSim, path: &str) -> Value {
        reqwest::get(format!("{}/cgi-bin/{path}", sim.base_url())).await.unwrap().json().await.unwrap()
    }

    async fn tell(sim: &WecomSim, path: &str, body: Value) -> Value {
        let url = format!("{}/cgi-bin/{path}", sim.base_url());
        crate::web::client(std::time::Duration::from_secs(5))
            .unwrap()
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn token(sim: &WecomSim) -> String {
        let config = sim.config();
        let answer =
            ask(sim, &format!("gettoken?corpid={}&corpsecret={}", config.corp_id, config.secret)).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn one_token_while_it_is_valid_and_another_afterwards() {
        let (sim, clock) = sim(|_| ()).await;
        assert_eq!(ask(&sim, "gettoken?corpid=ww1&corpsecret=x").await["errcode"], 40013);
        assert_eq!(
            ask(&sim, &format!("gettoken?corpid={}&corpsecret=x", sim.config().corp_id)).await["errcode"],
            40001
        );
        let first = token(&sim).await;
        assert_eq!(first, token(&sim).await);
        let path = format!("externalcontact/get?access_token={first}&external_userid=wm1");
        assert_eq!(ask(&sim, &path).await["errcode"], 0);
        clock.advance(7_200_000);
        assert_eq!(ask(&sim, &path).await["errcode"], 42001);
        let second = token(&sim).await;
        assert_ne!(first, second);
        sim.revoke_tokens();
        assert_eq!(ask(&sim, &path.replace(&first, &second)).await["errcode"], 40014);
        assert_eq!((sim.calls_of("gettoken"), sim.calls_of("externalcontact/get")), (5, 3));
    }

    #[tokio::test]
    async fn followers_come_in_pages_and_deleted_tags_do_not() {
        let (sim, _) = sim(|config| config.followers_per_page = 2).await;
        let path = format!("externalcontact/get?access_token={}&external_userid=wm1", token(&sim).await);
        let first = ask(&sim, &path).await;
        assert_eq!(first["external_contact"]["unionid"], "oU1");
        assert_eq!(first["follow_user"].as_array().unwrap().len(), 2);
        assert_eq!(
            first["follow_user"][0]["tags"],
            json!([{"group_name": "来源", "tag_name": "名et2", "tag_id": "et2", "type": 1}])
        );
        let rest = ask(&sim, &format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap())).await;
        assert_eq!(
            (rest["follow_user"].as_array().unwrap().len(), rest["next_cursor"].as_str()),
            (1, Some(""))
        );
    }

    #[tokio::test]
    async fn refusals_have_the_platforms_codes() {
        let (sim, _) = sim(|_| ()).await;
        let token = token(&sim).await;
        let path = |id: &str| format!("externalcontact/get?access_token={token}&external_userid={id}");
        assert_eq!(ask(&sim, &path("wm9")).await["errcode"], 40096);
        for staff in ["lin", "he", "su"] {
            sim.corp().delete_relation(staff, "wm1");
        }
        assert_eq!(ask(&sim, &path("wm1")).await["errcode"], 84061);
        sim.limit_next(1);
        assert_eq!(ask(&sim, &path("wm1")).await["errcode"], 45009);
        let chat = tell(
            &sim,
            &format!("externalcontact/groupchat/get?access_token={token}"),
            json!({"chat_id": "wr0"}),
        )
        .await;
        assert_eq!(chat["errcode"], 90501);
    }

    #[tokio::test]
    async fn calls_are_counted_and_one_fails_where_the_test_says_so() {
        let (sim, clock) = sim(|config| config.calls_per_minute = Some(2)).await;
        let path = format!("externalcontact/get?access_token={}&external_userid=wm1", token(&sim).await);
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(ask(&sim, &path).await["errcode"].as_i64().unwrap());
        }
        clock.advance(60_000);
        sim.fail_next("externalcontact/get", 60020);
        for _ in 0..2 {
            codes.push(ask(&sim, &path).await["errcode"].as_i64().unwrap());
        }
        assert_eq!(codes, [0, 0, 45009, 60020, 0]);
    }

    #[tokio::test]
    async fn tags_asked_by_id_show_deleted_ones() {
        let (sim, _) = sim(|_| ()).await;
        let path = format!("externalcontact/get_corp_tag_list?access_token={}", token(&sim).await);
        let all = tell(&sim, &path, json!({})).await;
        assert_eq!(all["tag_group"][0]["tag"].as_array().unwrap().len(), 1);
        let one = tell(&sim, &path, json!({"tag_id": ["et3"]})).await;
        assert_eq!(one["tag_group"][0]["tag"][0]["deleted"], true);
        assert_eq!(tell(&sim, &path, json!({"tag_id": ["et9"]})).await["errcode"], 40068);
    }
}
