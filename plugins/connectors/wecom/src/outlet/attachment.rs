//! What is attached to a message or a post. Its shape is WeCom's; what WeCom refuses by its pages is refused before anybody is
//! asked, so that a rehearsal finds it too. Kinds that are not known here are for WeCom to judge.

use heliu_sdk::faults::Fault;
use serde_json::Value;

use super::no;

/// Attachments of one message, and images of one post.
const COUNT_MAX: usize = 9;
/// Bytes of texts, by kind and field.
const BYTES_MAX: [(&str, &str, usize); 3] =
    [("link", "title", 128), ("link", "desc", 512), ("miniprogram", "title", 64)];

/// Of a message or a welcome.
pub(super) fn check(attachments: &[Value]) -> Result<(), Fault> {
    let count = attachments.len();
    if count > COUNT_MAX {
        return Err(no(format!("it has {count} attachments, and WeCom takes {COUNT_MAX}")));
    }
    attachments.iter().try_for_each(check_texts)
}

/// Of a post: images, or one video, or one link.
pub(super) fn check_of_post(attachments: &[Value]) -> Result<(), Fault> {
    check(attachments)?;
    let kinds: Vec<&str> = attachments.iter().map(kind).collect();
    let fits = match kinds.as_slice() {
        ["video" | "link"] => true,
        images => images.iter().all(|kind| *kind == "image"),
    };
    if fits {
        return Ok(());
    }
    Err(no(format!(
        "a post has up to {COUNT_MAX} images, or one video, or one link; this one has {}",
        kinds.join(", ")
    )))
}

fn kind(attachment: &Value) -> &str {
    attachment.get("msgtype").and_then(Value::as_str).unwrap_or_default()
}

fn check_texts(attachment: &Value) -> Result<(), Fault> {
    for (of, field, max) in BYTES_MAX.into_iter().filter(|(of, _, _)| *of == kind(attachment)) {
        let text = attachment.get(of).and_then(|part| part.get(field)).and_then(Value::as_str);
        let bytes = text.unwrap_or_default().len();
        if bytes > max {
            return Err(no(format!("the {field} of a {of} has {bytes} bytes, and WeCom takes {max}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_post_has_images_or_one_video_or_one_link() {
        let of = |kinds: &[&str]| kinds.iter().map(|kind| json!({"msgtype": kind})).collect::<Vec<Value>>();
        for kinds in [&[][..], &["image"; 9], &["video"], &["link"]] {
            assert_eq!(check_of_post(&of(kinds)), Ok(()), "{kinds:?}");
        }
        for kinds in [&["image"; 10][..], &["video"; 2], &["link", "image"], &["file"], &[""]] {
            assert!(check_of_post(&of(kinds)).is_err(), "{kinds:?}");
        }
    }

    #[test]
    fn texts_are_as_long_as_the_platform_takes() {
        for (kind, field, max) in BYTES_MAX {
            let with = |bytes: usize| json!({"msgtype": kind, kind: {field: "x".repeat(bytes)}});
            assert_eq!(check(&[with(max)]), Ok(()), "{kind} {field}");
            let Err(Fault::Malformed(why)) = check(&[with(max + 1)]) else { panic!("{kind} {field}") };
            assert!(why.contains(field) && why.contains(&max.to_string()), "{why}");
        }
        // Bytes, and not characters.
        assert!(check(&[json!({"msgtype": "link", "link": {"title": "字".repeat(43)}})]).is_err());
        assert_eq!(check(&vec![json!({"msgtype": "image"}); 9]), Ok(()));
        assert!(check(&vec![json!({"msgtype": "image"}); 10]).is_err());
    }
}
