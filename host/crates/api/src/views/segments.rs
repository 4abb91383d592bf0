//! Segments, who is in them, and how many hold what.

use model::{Instant, Position};
use segment::Segment;
use serde::Serialize;
use store::Standing;

use super::{Summary, summary};
use crate::scan::{Counts, Members, Named};

#[derive(Debug, Serialize)]
pub struct SegmentsView<'a> {
    pub segments: Vec<SegmentView<'a>>,
}

#[derive(Debug, Serialize)]
pub struct SegmentView<'a> {
    pub name: &'a str,
    pub title: &'a str,
    /// As it was written.
    pub filter: &'a str,
}

impl<'a> SegmentsView<'a> {
    #[must_use]
    pub fn new(segments: &'a [Segment]) -> SegmentsView<'a> {
        SegmentsView { segments: segments.iter().map(segment).collect() }
    }
}

fn segment(segment: &Segment) -> SegmentView<'_> {
    SegmentView { name: segment.name(), title: segment.title(), filter: segment.text() }
}

/// A page of a segment's customers, ascending by id.
#[derive(Debug, Serialize)]
pub struct MembersPage<'a> {
    pub segment: SegmentView<'a>,
    /// Every record up to here was folded when the page was asked for.
    pub position: Position,
    /// What `days` are counted from.
    pub now: Instant,
    pub customers: Vec<Summary<'a>>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

impl<'a> MembersPage<'a> {
    #[must_use]
    pub fn new(of: &'a Segment, members: &'a Members, standing: Standing, now: Instant) -> MembersPage<'a> {
        let Members { customers, next } = members;
        let Standing { position, fired: _ } = standing;
        let customers = customers.iter().map(summary).collect();
        MembersPage {
            segment: segment(of),
            position,
            now,
            customers,
            next: next.map(|next| next.to_string()),
        }
    }
}

/// Everybody, counted.
#[derive(Debug, Serialize)]
pub struct CountsView<'a> {
    /// Every record up to here was folded when the count began.
    pub position: Position,
    /// What `days` are counted from.
    pub now: Instant,
    pub customers: u64,
    /// In the order of the configuration.
    pub segments: Vec<SegmentCount<'a>>,
    /// By name.
    pub tags: Vec<NameCount<'a>>,
    /// By journey and stage.
    pub stages: Vec<StageCount<'a>>,
    /// Channels by which customers are known: what stands before the dot of a handle's scheme. Of a scheme without one, such as
    /// `phone`, no channel is told.
    pub channels: Vec<NameCount<'a>>,
    /// Schemes of handles, by name.
    pub schemes: Vec<NameCount<'a>>,
    /// Holdings of tags, stages, channels and schemes that are not listed, because there are too many names.
    pub left_out: u64,
}

#[derive(Debug, Serialize)]
pub struct SegmentCount<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub customers: u64,
}

#[derive(Debug, Serialize)]
pub struct NameCount<'a> {
    pub name: &'a str,
    pub customers: u64,
}

#[derive(Debug, Serialize)]
pub struct StageCount<'a> {
    pub journey: &'a str,
    pub stage: &'a str,
    pub customers: u64,
}

impl<'a> CountsView<'a> {
    #[must_use]
    pub fn new(of: &'a [Segment], counts: &'a Counts, standing: Standing, now: Instant) -> CountsView<'a> {
        let Counts { customers, segments, tags, stages, channels, schemes } = counts;
        let Standing { position, fired: _ } = standing;
        let segments = of.iter().zip(segments).map(|(segment, &customers)| SegmentCount {
            name: segment.name(),
            title: segment.title(),
            customers,
        });
        let staged = stages.counts.iter().map(|((journey, stage), &customers)| StageCount {
            journey,
            stage,
            customers,
        });
        CountsView {
            position,
            now,
            customers: *customers,
            segments: segments.collect(),
            tags: names(tags),
            stages: staged.collect(),
            channels: names(channels),
            schemes: names(schemes),
            left_out: tags.left_out + stages.left_out + channels.left_out + schemes.left_out,
        }
    }
}

fn names(named: &Named<String>) -> Vec<NameCount<'_>> {
    named.counts.iter().map(|(name, &customers)| NameCount { name, customers }).collect()
}
