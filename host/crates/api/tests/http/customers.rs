//! Customers: found, listed, shown, with their timelines and the causes of their tags.

use model::CustomerId;
use serde_json::json;

use crate::world::World;

fn ids(page: &serde_json::Value) -> Vec<&str> {
    let customers = page["customers"].as_array().unwrap();
    customers.iter().map(|customer| customer["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_paged_by_id() {
    let world = World::new();
    world.populate();
    let page = world.get("/api/v1/customers?limit=2").await.json();
    assert_eq!(ids(&page), ["cus_0000000002", "cus_0000000004"]);
    assert_eq!(page["next"], "cus_0000000004");
    let page = world.get("/api/v1/customers?limit=2&after=cus_0000000004").await.json();
    assert_eq!(ids(&page), ["cus_0000000006"]);
    assert_eq!(page["next"], json!(null));
    assert_eq!(
        page["customers"][0],
        json!({
            "id": "cus_0000000006",
            "first_seen": 1000,
            "name": "小满3",
            "handles": [
                {"scheme": "wechat.unionid", "scope": "wx1", "value": "o6:3"},
                {"scheme": "phone", "scope": "", "value": "+8619900000003"},
            ],
            "tags": ["lapsed", "vip"],
            "stages": [{"journey": "lifecycle", "stage": "repeat"}],
            "staff": [],
            "events": 2,
        })
    );
    let exact = world.get("/api/v1/customers?limit=3").await.json();
    assert_eq!(exact["next"], json!(null), "a page that holds the last one is the last");
}

#[tokio::test]
async fn a_list_is_filtered_by_tag() {
    let world = World::new();
    world.populate();
    let page = world.get("/api/v1/customers?tag=vip").await.json();
    assert_eq!(ids(&page), ["cus_0000000002", "cus_0000000006"]);
    assert!(ids(&world.get("/api/v1/customers?tag=none").await.json()).is_empty());
}

#[tokio::test]
async fn a_handle_finds_its_customer() {
    let world = World::new();
    world.populate();
    for query in [
        "handle=wechat.unionid:wx1:o6:2",
        "handle=wechat.unionid%3Awx1%3Ao6%3A2",
        "handle=phone::+8619900000002",
        "handle=phone::%2B8619900000002",
        "handle=phone::19900000002",
        "handle=phone::8619900000002",
        "tag=lapsed&handle=phone::19900000002",
    ] {
        let page = world.get(&format!("/api/v1/customers?{query}")).await.json();
        assert_eq!(ids(&page), ["cus_0000000004"], "{query}");
    }
    for query in ["handle=wechat.unionid:wx2:o6:2", "tag=vip&handle=phone::19900000002"] {
        let page = world.get(&format!("/api/v1/customers?{query}")).await.json();
        assert!(ids(&page).is_empty(), "{query}");
    }
}

#[tokio::test]
async fn a_wrong_question_is_refused_with_its_text() {
    let world = World::new();
    for query in ["tags=vip", "handle=phone", "after=4", "limit=0", "limit=201", "limit=x", "tag=a&tag=b"] {
        let got = world.get(&format!("/api/v1/customers?{query}")).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "bad_request"), "{query}");
    }
    let got = world.get("/api/v1/customers/4").await;
    assert_eq!(got.status.as_u16(), 400);
    assert!(got.text().contains("cus_0000000042"), "{}", got.text());
    let got = world.get("/api/v1/customers/cus_99").await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_customer_is_shown_whole_with_the_policies_behind_her_causes() {
    let world = World::new();
    world.populate();
    let customer = world.get("/api/v1/customers/cus_4").await.json();
    assert_eq!(customer["id"], "cus_0000000004");
    assert_eq!(customer["timeline"], json!([4, 5]));
    assert_eq!(customer["traits"][0]["value"], json!({"text": "小满2"}));
    assert_eq!(customer["traits"][0]["cause"]["policy"], json!(null));
    assert_eq!(customer["handles"][0]["identity"]["value"], "o6:2");
    assert_eq!(
        customer["tags"][0]["cause"],
        json!({
            "position": 5,
            "now": 1000,
            "policy": "repurchase",
            "title": "The next order",
            "digest": "ab".repeat(32),
            "settings_digest": "cd".repeat(32),
            "version": 0,
            "bound_at": 1,
            "alarm": "revisit",
            "why": "60 days without an order",
        })
    );
}

#[tokio::test]
async fn a_merged_customer_is_found_by_her_old_id_and_her_old_handle() {
    let world = World::new();
    world.populate();
    world.merge(CustomerId(4), CustomerId(2));
    for path in ["", "/timeline", "/tags"] {
        let got = world.get(&format!("/api/v1/customers/cus_4{path}")).await;
        assert_eq!(got.json()["id"], "cus_0000000002", "{path}");
    }
    let page = world.get("/api/v1/customers?handle=wechat.unionid:wx1:o6:2").await.json();
    assert_eq!(ids(&page), ["cus_0000000002"]);
    assert_eq!(ids(&world.get("/api/v1/customers").await.json()), ["cus_0000000002", "cus_0000000006"]);
}

#[tokio::test]
async fn a_timeline_is_paged_and_tells_what_each_record_caused() {
    let world = World::new();
    world.populate();
    let page = world.get("/api/v1/customers/cus_2/timeline?limit=1").await;
    assert!(page.text().contains(r#""extra":{"n":18446744073709551999}"#), "{}", page.text());
    let page = page.json();
    assert_eq!(page["next"], 2);
    assert_eq!(page["records"][0]["caused"], json!([]));
    assert_eq!(page["records"][0]["entry"]["event"]["event"]["id"], "e-1-a");
    let page = world.get("/api/v1/customers/cus_2/timeline?limit=1&after=2").await.json();
    assert_eq!(page["next"], json!(null));
    let why = "60 days without an order";
    assert_eq!(
        page["records"][0]["caused"],
        json!([
            {"kind": "tag", "name": "lapsed", "detail": null, "alarm": "revisit", "why": why},
            {"kind": "tag", "name": "vip", "detail": null, "alarm": "revisit", "why": why},
            {"kind": "stage", "name": "lifecycle", "detail": "repeat", "alarm": "revisit", "why": "her second order"},
            {"kind": "trait", "name": "name", "detail": "小满1", "alarm": null, "why": "told by wecom-main"},
        ])
    );
    let page = world.get("/api/v1/customers/cus_2/timeline?after=3").await.json();
    assert_eq!(page, json!({"id": "cus_0000000002", "records": [], "next": null}));
}

#[tokio::test]
async fn a_tag_is_shown_with_the_event_that_led_to_it() {
    let world = World::new();
    world.populate();
    let got = world.get("/api/v1/customers/cus_4/tags").await;
    assert!(got.text().contains(r#""extra":{"n":18446744073709551999}"#), "{}", got.text());
    let tags = got.json();
    let tag = &tags["tags"][0];
    assert_eq!(
        (&tag["name"], &tag["since"], &tag["expires"]),
        (&json!("lapsed"), &json!(1000), &json!(null))
    );
    assert_eq!(tag["cause"]["policy"], "repurchase");
    assert_eq!(tag["cause"]["source"], json!({"connection": "wecom-main"}));
    assert_eq!(tag["cause"]["event"]["id"], "e-2-b");
}
