//! The timeline of an entry: a table of its steps whose last column is a waterfall diagram.

use leptos::prelude::*;
use protocol::Timeline;

use crate::wording;

/// Width of the diagram, in its own units.
const WIDTH: u64 = 1_000;
/// Minimum width of a bar, to which the style sheet adds an outline.
const MIN_WIDTH: u64 = 1;

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    step: &'static str,
    /// Time since the first step, in µs; `None` if the step has not happened or its time is unknown.
    since_start_us: Option<u64>,
    /// Time since the previous known step, in µs; `None` if the clocks disagree.
    took_us: Option<u64>,
    /// Start and width of the bar.
    bar: Option<(u64, u64)>,
}

/// The timeline of an entry.
pub fn timeline(timeline: &Timeline) -> impl IntoView + use<> {
    let rows: Vec<_> = rows(timeline).iter().map(row).collect();
    view! {
        <table class="waterfall" aria-labelledby="timeline">
            <thead>
                <tr>
                    <th scope="col">"Step"</th>
                    <th scope="col">"Took"</th>
                    <th scope="col">"Since start"</th>
                    <td></td>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(row: &Row) -> impl IntoView + use<> {
    let took = row.took_us.map_or_else(|| "–".to_owned(), wording::duration);
    let since_start =
        row.since_start_us.map_or_else(|| "–".to_owned(), |us| format!("+{}", wording::duration(us)));
    let bar = row.bar.map(|(x, width)| {
        view! { <rect class="bar" x=x.to_string() y="2" width=width.to_string() height="8" /> }
    });
    view! {
        <tr data-step=row.step data-reached=row.since_start_us.is_some().to_string()>
            <th scope="row">{row.step} <small>{description(row.step)}</small></th>
            <td class="time">{took}</td>
            <td class="time">{since_start}</td>
            <td class="drawing">
                <svg viewBox=format!("0 0 {WIDTH} 12") preserveAspectRatio="none" aria-hidden="true">
                    <rect class="track" x="0" y="5.5" width=WIDTH.to_string() height="1" />
                    {bar}
                </svg>
            </td>
        </tr>
    }
}

fn rows(timeline: &Timeline) -> Vec<Row> {
    let steps = timeline.steps();
    let start = steps.iter().find_map(|(_, at)| *at);
    let end = steps.iter().filter_map(|(_, at)| *at).max();
    let total = start.zip(end).map_or(0, |(start, end)| end.saturating_sub(start));
    let mut previous = None;
    let row = |(step, at): (&'static str, Option<u64>)| {
        // The times come from different machines, whose clocks differ. A step that seems to have happened
        // before the start is shown at the start.
        let since_start_us = at.zip(start).map(|(at, start)| at.saturating_sub(start));
        let from = previous;
        previous = at.or(previous);
        Row {
            step,
            since_start_us,
            took_us: at.zip(from).and_then(|(at, from)| at.checked_sub(from)),
            bar: at.zip(start).map(|(at, start)| {
                bar(from.unwrap_or(start).saturating_sub(start), at.saturating_sub(start), total)
            }),
        }
    };
    steps.into_iter().map(row).collect()
}

fn bar(from_us: u64, to_us: u64, total_us: u64) -> (u64, u64) {
    let scale = |us: u64| us.saturating_mul(WIDTH) / total_us.max(1);
    let (from, to) = (scale(from_us.min(to_us)), scale(to_us));
    let width = (to - from).max(MIN_WIDTH);
    (from.min(WIDTH - width), width)
}

const fn description(step: &str) -> &'static str {
    match step.as_bytes() {
        b"accepted" => "the server received the request",
        b"recorded" => "saved in the database",
        b"announced" => "added to the queue",
        b"claimed" => "a worker picked it up",
        b"computed" => "the worker finished computing",
        b"posted" => "the result was written back to the queue",
        b"delivered" => "checked, saved and sent to everyone watching",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Timeline {
        Timeline {
            accepted_us: Some(1_000),
            recorded_us: Some(1_500),
            announced_us: None,
            claimed_us: Some(1_400),
            computed_us: Some(3_000),
            posted_us: None,
            delivered_us: None,
        }
    }

    #[test]
    fn each_step_is_measured_from_the_previous_known_one() {
        let rows = rows(&sample());
        let took: Vec<_> = rows.iter().map(|row| row.took_us).collect();
        // The worker's clock is behind the server's: the claim has no duration.
        assert_eq!(took, [None, Some(500), None, None, Some(1_600), None, None]);
        let since_start: Vec<_> = rows.iter().map(|row| row.since_start_us).collect();
        assert_eq!(since_start, [Some(0), Some(500), None, Some(400), Some(2_000), None, None]);
    }

    #[test]
    fn bars_stay_within_the_diagram() {
        for row in rows(&sample()) {
            let Some((x, width)) = row.bar else { continue };
            assert!(width >= MIN_WIDTH && x + width <= WIDTH, "{row:?}");
        }
        assert_eq!(bar(0, 0, 0), (0, MIN_WIDTH));
        assert_eq!(bar(500, 2_000, 2_000), (250, 750));
        assert_eq!(bar(2_000, 2_000, 2_000), (WIDTH - MIN_WIDTH, MIN_WIDTH));
    }

    #[test]
    fn every_step_has_a_description() {
        for (step, _) in Timeline::default().steps() {
            assert!(!description(step).is_empty(), "{step}");
        }
    }
}
