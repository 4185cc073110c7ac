//! When each thing happened to an entry: a table whose last column draws it as a waterfall.

use leptos::prelude::*;
use protocol::Timeline;

use crate::wording;

/// The width of the drawing, in its own units.
const WIDTH: u64 = 1_000;
/// The least width of a bar, so that the shortest step still shows.
const LEAST: u64 = 6;

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    station: &'static str,
    meaning: &'static str,
    /// Since the first station, in µs; absent if it has not happened yet or was never told.
    since_start_us: Option<u64>,
    /// Since the station before, in µs; absent if the clocks disagree.
    step_us: Option<u64>,
    /// Where the bar starts and how wide it is.
    bar: Option<(u64, u64)>,
}

/// When each thing happened to an entry.
pub fn timetable(timeline: &Timeline) -> impl IntoView + use<> {
    let rows: Vec<_> = lines(timeline).iter().map(row).collect();
    view! {
        <table class="timetable" aria-labelledby="timeline">
            <thead>
                <tr>
                    <th scope="col">"Step"</th>
                    <th scope="col">"Took"</th>
                    <th scope="col">"At"</th>
                    <td></td>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(line: &Line) -> impl IntoView + use<> {
    let spoken = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), wording::duration);
    let at = line.since_start_us.map_or_else(|| "–".to_owned(), |us| format!("+{}", wording::duration(us)));
    let bar = line.bar.map(|(x, width)| {
        view! { <rect class="bar" x=x.to_string() y="2" width=width.to_string() height="8" rx="2" /> }
    });
    view! {
        <tr data-station=line.station data-reached=line.since_start_us.is_some().to_string()>
            <th scope="row">{line.station} <small>{line.meaning}</small></th>
            <td class="time">{spoken(line.step_us)}</td>
            <td class="time">{at}</td>
            <td class="drawing">
                <svg viewBox=format!("0 0 {WIDTH} 12") preserveAspectRatio="none" aria-hidden="true">
                    <rect class="track" x="0" y="5.5" width=WIDTH.to_string() height="1" />
                    {bar}
                </svg>
            </td>
        </tr>
    }
}

fn lines(timeline: &Timeline) -> Vec<Line> {
    let stations = timeline.stations();
    let start = stations.iter().find_map(|(_, at)| *at);
    let end = stations.iter().filter_map(|(_, at)| *at).max();
    let whole = start.zip(end).map_or(0, |(start, end)| end.saturating_sub(start));
    let mut before = None;
    let line = |(station, at): (&'static str, Option<u64>)| {
        // The stations' clocks are those of different machines: what seems to have happened before
        // the start is shown at the start.
        let since_start_us = at.zip(start).map(|(at, start)| at.saturating_sub(start));
        let from = before;
        before = at.or(before);
        Line {
            station,
            meaning: meaning(station),
            since_start_us,
            step_us: at.zip(from).and_then(|(at, from)| at.checked_sub(from)),
            bar: at.zip(start).map(|(at, start)| {
                bar(from.unwrap_or(start).saturating_sub(start), at.saturating_sub(start), whole)
            }),
        }
    };
    stations.into_iter().map(line).collect()
}

fn bar(from_us: u64, to_us: u64, whole_us: u64) -> (u64, u64) {
    let scale = |us: u64| us.saturating_mul(WIDTH) / whole_us.max(1);
    let (from, to) = (scale(from_us.min(to_us)), scale(to_us));
    let width = (to - from).max(LEAST);
    (from.min(WIDTH - width), width)
}

const fn meaning(station: &str) -> &'static str {
    match station.as_bytes() {
        b"accepted" => "the server read the request",
        b"recorded" => "kept in the database",
        b"announced" => "put on the pending list",
        b"claimed" => "a worker took it",
        b"computed" => "the worker had the number",
        b"posted" => "the number stood on the board",
        b"delivered" => "checked, and told to everybody who watches",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
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
    fn each_step_is_measured_from_the_last_one_known() {
        let lines = lines(&timeline());
        let steps: Vec<_> = lines.iter().map(|line| line.step_us).collect();
        // The worker's clock is behind the server's: the claim has no duration.
        assert_eq!(steps, [None, Some(500), None, None, Some(1_600), None, None]);
        let starts: Vec<_> = lines.iter().map(|line| line.since_start_us).collect();
        assert_eq!(starts, [Some(0), Some(500), None, Some(400), Some(2_000), None, None]);
    }

    #[test]
    fn bars_stay_within_the_drawing() {
        for line in lines(&timeline()) {
            let Some((x, width)) = line.bar else { continue };
            assert!(width >= LEAST && x + width <= WIDTH, "{line:?}");
        }
        assert_eq!(bar(0, 0, 0), (0, LEAST));
        assert_eq!(bar(500, 2_000, 2_000), (250, 750));
        assert_eq!(bar(2_000, 2_000, 2_000), (WIDTH - LEAST, LEAST));
    }

    #[test]
    fn every_station_has_its_meaning() {
        for (station, _) in Timeline::default().stations() {
            assert!(!meaning(station).is_empty(), "{station}");
        }
    }
}
