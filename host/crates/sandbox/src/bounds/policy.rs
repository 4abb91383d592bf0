//! A policy's descriptor and verdicts.

use model::{
    Change, Decision, Intent, NewTag, PolicyDescriptor, StaffTask, Stage, Verdict, Wake, name_matches,
};

use super::{Bounds, OutOfBounds, show};

impl Bounds<'_> {
    pub(crate) fn policy_descriptor(&self, descriptor: &PolicyDescriptor) -> Result<(), OutOfBounds> {
        let PolicyDescriptor { title, settings_schema, wants, tags, journeys, reads } = descriptor;
        self.label("title", title)?;
        self.schema(settings_schema)?;
        for (what, list) in [("wants", wants), ("tags", tags), ("journeys", journeys), ("reads", reads)] {
            self.list(what, list.len())?;
            list.iter().try_for_each(|entry| self.label(&format!("an entry of {what}"), entry))?;
        }
        wants.iter().try_for_each(|want| {
            let fact = want.split('.').next().unwrap_or_default();
            if ["said", "saw", "bought", "did", "met", "told", "carried"].contains(&fact) {
                return Ok(());
            }
            Err(OutOfBounds::because(format!(
                "wants has \"{}\", which is none of said saw bought did met told carried, or one of them with .kind",
                show(want)
            )))
        })
    }

    pub(crate) fn verdict(
        &self,
        verdict: &Verdict,
        descriptor: &PolicyDescriptor,
    ) -> Result<(), OutOfBounds> {
        let Verdict { decisions, memory } = verdict;
        self.count("decisions", decisions.len(), "verdict_decisions", self.limits.verdict_decisions)?;
        if let Some(memory) = memory
            && memory.len() > self.limits.policy_memory
        {
            let limit = self.limits.policy_memory;
            return Err(OutOfBounds::past(
                "policy_memory",
                format!(
                    "memory has {} bytes, limit policy_memory is {limit}: remember less of one customer",
                    memory.len()
                ),
            ));
        }
        decisions.iter().try_for_each(|Decision { why, change }| {
            self.text("why", why)?;
            self.change(change, descriptor)
        })
    }

    fn change(&self, change: &Change, descriptor: &PolicyDescriptor) -> Result<(), OutOfBounds> {
        match change {
            Change::Tag(NewTag { name, expires: _ }) | Change::Untag(name) => {
                self.label("a tag", name)?;
                within("tag", name, "tags", &descriptor.tags)
            }
            Change::Stage(Stage { journey, stage }) => {
                self.label("a journey", journey)?;
                self.label("a stage", stage)?;
                within("journey", journey, "journeys", &descriptor.journeys)
            }
            Change::Put(told) => self.told(told),
            Change::Wake(Wake { key, due: _ }) | Change::Quiet(key) => self.label("an alarm's key", key),
            Change::Intend(intent) => self.intent(intent),
            Change::Tell(event) => self.event(event),
            Change::AskStaff(StaffTask { title, due: _ }) => self.text("a task's title", title),
        }
    }

    fn intent(&self, intent: &Intent) -> Result<(), OutOfBounds> {
        let Intent { key, scene, text, content, detail, not_before: _, not_after: _ } = intent;
        self.label("an intent's key", key)?;
        self.label("an intent's scene", scene)?;
        self.texts([("an intent's text", text.as_ref())])?;
        if let Some(content) = content {
            self.content(content)?;
        }
        detail.as_ref().map_or(Ok(()), |detail| self.json("an intent's detail", detail))
    }
}

fn within(what: &str, name: &str, list: &str, patterns: &[String]) -> Result<(), OutOfBounds> {
    if patterns.iter().any(|pattern| name_matches(pattern, name)) {
        return Ok(());
    }
    Err(OutOfBounds::because(format!(
        "{what} \"{}\" is not among the {list} that its descriptor declares ({}): declare it there",
        show(name),
        show(&patterns.join(", "))
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn descriptor() -> PolicyDescriptor {
        PolicyDescriptor {
            title: "a".to_owned(),
            settings_schema: "{}".to_owned(),
            wants: vec!["bought".to_owned(), "did.joined-group".to_owned()],
            tags: vec!["repurchase-*".to_owned(), "vip".to_owned()],
            journeys: vec!["lifecycle".to_owned()],
            reads: Vec::new(),
        }
    }

    fn judge(limits: &Limits, changes: Vec<Change>) -> Result<(), OutOfBounds> {
        let decisions = changes.into_iter().map(|change| Decision { why: String::new(), change }).collect();
        Bounds::new(limits).verdict(&Verdict { decisions, memory: None }, &descriptor())
    }

    fn tag(name: &str) -> Change {
        Change::Tag(NewTag { name: name.to_owned(), expires: None })
    }

    #[test]
    fn only_declared_tags_and_journeys_are_set() {
        let limits = Limits::default();
        assert_eq!(
            judge(&limits, vec![tag("vip"), tag("repurchase-due"), Change::Untag("vip".to_owned())]),
            Ok(())
        );
        let error = judge(&limits, vec![tag("vip2")]).unwrap_err();
        assert!(error.text.contains("vip2") && error.text.contains("repurchase-*"), "{error}");
        assert!(judge(&limits, vec![Change::Untag("other".to_owned())]).is_err());
        let stage =
            |journey: &str| Change::Stage(Stage { journey: journey.to_owned(), stage: "x".to_owned() });
        assert_eq!(judge(&limits, vec![stage("lifecycle")]), Ok(()));
        assert!(judge(&limits, vec![stage("life")]).is_err());
    }

    #[test]
    fn a_verdict_holds_as_many_decisions_as_the_limit_and_not_one_more() {
        let limits = Limits { verdict_decisions: 2, ..Limits::default() };
        assert_eq!(judge(&limits, vec![tag("vip"), tag("vip")]), Ok(()));
        assert!(judge(&limits, vec![tag("vip"), tag("vip"), tag("vip")]).is_err());
    }

    #[test]
    fn a_memory_is_kept_at_the_limit_and_not_one_byte_past_it() {
        let limits = Limits { policy_memory: 4, ..Limits::default() };
        let remember = |bytes: usize| Verdict { decisions: Vec::new(), memory: Some(vec![0; bytes]) };
        let bounds = Bounds::new(&limits);
        assert_eq!(bounds.verdict(&remember(4), &descriptor()), Ok(()));
        assert!(bounds.verdict(&remember(5), &descriptor()).is_err());
    }

    #[test]
    fn a_descriptor_wants_facts_that_exist() {
        let limits = Limits::default();
        let bounds = Bounds::new(&limits);
        assert_eq!(bounds.policy_descriptor(&descriptor()), Ok(()));
        let wrong = PolicyDescriptor { wants: vec!["purchased".to_owned()], ..descriptor() };
        assert!(bounds.policy_descriptor(&wrong).unwrap_err().text.contains("purchased"));
    }
}
