//! Medians of interleaved rounds.

/// Runs every contender once per round, so that other load on the machine affects them alike. Returns the
/// measurements of each contender, in the order of the rounds.
pub(crate) fn interleave<C, E>(
    contenders: &mut [C],
    rounds: usize,
    mut measure: impl FnMut(&mut C) -> Result<f64, E>,
) -> Result<Vec<Vec<f64>>, E> {
    let mut measurements = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, measured) in contenders.iter_mut().zip(&mut measurements) {
            measured.push(measure(contender)?);
        }
    }
    Ok(measurements)
}

/// Like [`interleave`], for measurements that wait.
pub(crate) async fn interleave_async<C, E>(
    contenders: &mut [C],
    rounds: usize,
    mut measure: impl AsyncFnMut(&mut C) -> Result<f64, E>,
) -> Result<Vec<Vec<f64>>, E> {
    let mut measurements = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, measured) in contenders.iter_mut().zip(&mut measurements) {
            measured.push(measure(contender).await?);
        }
    }
    Ok(measurements)
}

/// Returns the median of a non-empty list.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// Returns the median of the ratios within each round.
pub(crate) fn median_ratio(numerators: &[f64], denominators: &[f64]) -> f64 {
    median(numerators.iter().zip(denominators).map(|(numerator, denominator)| numerator / denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_between_the_middle_two() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn the_rounds_are_interleaved_and_ratios_are_taken_within_a_round() {
        let mut calls = 0.0;
        let measured = interleave(&mut [1.0, 10.0], 2, |factor| {
            calls += 1.0;
            Ok::<_, ()>(calls * *factor)
        });
        let measured = measured.unwrap();
        assert_eq!(measured, [[1.0, 3.0], [20.0, 40.0]]);
        assert_eq!(median_ratio(&measured[1], &measured[0]), f64::midpoint(20.0, 40.0 / 3.0));
    }
}
