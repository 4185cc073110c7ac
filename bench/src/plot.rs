//! Plots as SVG files in `docs/bench/`.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::report::file;

/// A named line.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws lines over logarithmic axes.
pub(crate) fn log_log(name: &str, title: &str, axes: (&str, &str), lines: &[Line<'_>]) -> Result<()> {
    draw(name, title, axes, lines).map_err(|error| anyhow!("failed to draw {name}.svg: {error}"))
}

fn draw(
    name: &str,
    title: &str,
    (x_label, y_label): (&str, &str),
    lines: &[Line<'_>],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = range(&mut points().map(|point| point.0));
    let (bottom, top) = range(&mut points().map(|point| point.1));

    let path = file(name, "svg");
    let root = SVGBackend::new(&path, (900, 540)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d((left..right).log_scale(), (bottom / 1.5..top * 1.5).log_scale())?;
    let label = |value: &f64| {
        if *value < 1e5 { format!("{}", (value * 1e9).round() / 1e9) } else { format!("{value:e}") }
    };
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc(y_label)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (place, line) in lines.iter().enumerate() {
        let color = Palette99::pick(place).to_rgba();
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    root.present()?;
    Ok(())
}
