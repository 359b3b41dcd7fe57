//! What is read of the objects that hold outputs, and which bytes of it go where.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::error::{Context as _, Error, Result};

use super::fetch::Wanted;
use super::manifest::Piece;

/// What is wanted of an object lies in one span as long as no more than so many bytes that are not
/// wanted lie between.
const GAP: u64 = 1 << 20;

/// The longest span.
const LONGEST: u64 = 64 << 20;

/// Bytes of an object, and where they go.
pub(super) struct Span {
    pub(super) object: String,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The number of a file, the offset in it, the offset in the object, and how many bytes.
    targets: Vec<(usize, u64, u64, u64)>,
}

/// Returns what is read, in spans: many small files lie in one.
pub(super) fn spans(wanted: &[Wanted<'_>]) -> Result<Vec<Span>> {
    let mut objects: BTreeMap<&str, Vec<(usize, u64, u64, u64)>> = BTreeMap::new();
    for (number, file) in wanted.iter().enumerate() {
        let mut offset = 0_u64;
        for Piece(object, start, length) in file.pieces {
            let is_object = !object.is_empty() && object.chars().all(|c| c.is_ascii_digit());
            let end = offset.checked_add(*length).filter(|end| *end <= file.size);
            let (Some(end), true, Some(_)) = (end, is_object, start.checked_add(*length)) else {
                return Err(Error::failed("a list of files in the bucket is damaged"));
            };
            let targets = objects.entry(object).or_default();
            targets.push((number, offset, *start, *length));
            offset = end;
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    for (object, mut targets) in objects {
        targets.sort_by_key(|(_, _, start, _)| *start);
        let mut current: Option<Span> = None;
        for target in targets {
            let (_, _, start, length) = target;
            let end = start + length;
            let fits = current.as_ref().is_some_and(|span| {
                start >= span.offset + span.length
                    && start - (span.offset + span.length) <= GAP
                    && end - span.offset <= LONGEST
            });
            if !fits {
                spans.extend(current.take());
            }
            let span = current.get_or_insert_with(|| Span {
                object: object.to_owned(),
                offset: start,
                length: 0,
                targets: Vec::new(),
            });
            span.length = end - span.offset;
            span.targets.push(target);
        }
        spans.extend(current);
    }
    Ok(spans)
}

/// Writes the bytes of a span to where they go, as they come.
pub(super) struct Writer<'w> {
    wanted: &'w [Wanted<'w>],
    span: &'w Span,
    /// The offset in the object of what comes next.
    at: u64,
    /// The target that the next byte may belong to.
    next: usize,
    current: Option<(usize, File)>,
}

impl<'w> Writer<'w> {
    pub(super) fn new(wanted: &'w [Wanted<'w>], span: &'w Span) -> Writer<'w> {
        Writer {
            wanted,
            span,
            at: span.offset,
            next: 0,
            current: None,
        }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((number, offset, start, length)) = self.span.targets.get(self.next) {
            if self.at < *start {
                let gap = usize::try_from(start - self.at).unwrap_or(usize::MAX);
                let skipped = gap.min(bytes.len());
                self.at += skipped as u64;
                bytes = &bytes[skipped..];
            }
            let left = (start + length).saturating_sub(self.at);
            if left == 0 {
                self.next += 1;
                continue;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let within = offset + (self.at - start);
            self.write_at(*number, &bytes[..most], within)?;
            self.at += most as u64;
            bytes = &bytes[most..];
        }
        Ok(())
    }

    fn write_at(&mut self, number: usize, bytes: &[u8], offset: u64) -> Result<()> {
        let wanted = &self.wanted[number];
        let failed = || format!("cannot write `{}`", wanted.path.display());
        if self
            .current
            .as_ref()
            .is_none_or(|(open, _)| *open != number)
        {
            let file = OpenOptions::new().write(true).open(&wanted.partial);
            self.current = Some((number, file.doing(failed)?));
        }
        let (_, file) = self.current.as_ref().expect("it was opened");
        file.write_all_at(bytes, offset).doing(failed)
    }
}
