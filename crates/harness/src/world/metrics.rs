//! Reads the metrics of the services, in the Prometheus text format.

use std::collections::BTreeMap;

use anyhow::Context;

/// One line of a metrics page.
#[derive(Debug, Clone, PartialEq)]
struct MetricSample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// The samples of one or more metrics pages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricsPage(Vec<MetricSample>);

/// Two quantiles of a distribution, in seconds, interpolated within the histogram's buckets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyQuantiles {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The number of measurements.
    pub count: f64,
}

impl MetricsPage {
    /// Reads `BASE/metrics` of each admin listener.
    pub async fn read(http: &reqwest::Client, admins: &[String]) -> anyhow::Result<Self> {
        let mut samples = Vec::new();
        for admin in admins {
            let url = format!("{}/metrics", admin.trim_end_matches('/'));
            let response = http.get(&url).send().await.with_context(|| format!("GET {url}"))?;
            let text = response.error_for_status()?.text().await.with_context(|| format!("GET {url}"))?;
            samples.extend(text.lines().filter_map(parse_sample));
        }
        Ok(Self(samples))
    }

    /// Returns the increase of all samples since `before` was read.
    pub fn since(&self, before: &Self) -> Self {
        let earlier = |sample: &MetricSample| {
            let same = before.0.iter().find(|b| b.name == sample.name && b.labels == sample.labels);
            same.map_or(0.0, |b| b.value)
        };
        Self(self.0.iter().map(|s| MetricSample { value: s.value - earlier(s), ..s.clone() }).collect())
    }

    /// Returns the sum of all samples with this name whose labels have these values.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// Returns the sums of all samples with this name, by one label.
    pub fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.matching(name, &[]) {
            let key = sample.labels.get(label).cloned().unwrap_or_default();
            *sums.entry(key).or_insert(0.0) += sample.value;
        }
        sums
    }

    /// Returns the quantiles of a histogram, over all samples whose labels have these values; `None` if it is empty.
    pub fn quantiles(&self, name: &str, labels: &[(&str, &str)]) -> Option<LatencyQuantiles> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.matching(&format!("{name}_bucket"), labels) {
            let le = sample.labels.get("le").map(String::as_str).unwrap_or_default();
            let le = if le == "+Inf" { f64::INFINITY } else { le.parse().ok()? };
            match buckets.iter_mut().find(|(bound, _)| bound.total_cmp(&le).is_eq()) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((le, sample.value)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        Some(LatencyQuantiles {
            p50: interpolate_quantile(&buckets, 0.50 * count),
            p99: interpolate_quantile(&buckets, 0.99 * count),
            count,
        })
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a MetricSample> {
        self.0.iter().filter(move |sample| {
            let has = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|v| v == value);
            sample.name == name && labels.iter().all(has)
        })
    }
}

/// Interpolates linearly within the bucket. A value beyond the last finite bound results in that bound, as in Prometheus.
fn interpolate_quantile(buckets: &[(f64, f64)], rank: f64) -> f64 {
    let (mut lower, mut below) = (0.0, 0.0);
    for &(bound, cumulative) in buckets {
        if cumulative >= rank {
            if bound.is_infinite() || cumulative <= below {
                return lower;
            }
            return lower + (bound - lower) * (rank - below) / (cumulative - below);
        }
        (lower, below) = (bound, cumulative);
    }
    lower
}

fn parse_sample(line: &str) -> Option<MetricSample> {
    if line.starts_with('#') {
        return None;
    }
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, rest)) => (name, parse_labels(rest.strip_suffix('}')?)),
        None => (head, BTreeMap::new()),
    };
    Some(MetricSample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

/// Parses `a="b",c="d"`. Our own label values contain no quotes or commas.
fn parse_labels(text: &str) -> BTreeMap<String, String> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_owned(), value.trim_matches('"').to_owned()))
    };
    text.split(',').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP usher_x_seconds x
usher_x_seconds_bucket{target="a",lane="mover",le="0.1"} 50
usher_x_seconds_bucket{target="a",lane="mover",le="0.2"} 100
usher_x_seconds_bucket{target="a",lane="mover",le="+Inf"} 100
usher_x_seconds_bucket{target="a",lane="joiner",le="0.1"} 0
usher_x_seconds_bucket{target="a",lane="joiner",le="0.2"} 0
usher_x_seconds_bucket{target="a",lane="joiner",le="+Inf"} 4
usher_y_total{class="success"} 3
usher_y_total{class="transient"} 1
"#;

    #[test]
    fn quantiles_lie_where_the_buckets_say() {
        let metrics = MetricsPage(PAGE.lines().filter_map(parse_sample).collect());
        let movers = metrics.quantiles("usher_x_seconds", &[("lane", "mover")]).expect("100 samples");
        assert!((movers.p50 - 0.1).abs() < 1e-9 && (movers.p99 - 0.198).abs() < 1e-9, "{movers:?}");
        let joiners = metrics.quantiles("usher_x_seconds", &[("lane", "joiner")]).expect("4 samples");
        assert!((joiners.p50 - 0.2).abs() < 1e-9, "beyond the last bound: {joiners:?}");
        assert_eq!(metrics.quantiles("usher_x_seconds", &[("lane", "leaver")]), None);
        assert!((metrics.sum("usher_y_total", &[]) - 4.0).abs() < 1e-9);
        assert!((metrics.sum("usher_y_total", &[("class", "success")]) - 3.0).abs() < 1e-9);
    }
}
