//! Token buckets, one a stage and route.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::model::{RouteSettings, Stage};

/// The account's limits, where a stage sets only one of the two.
const ACCOUNT_RATE: f64 = 10_000.0;
const ACCOUNT_BURST: u32 = 5_000;

#[derive(Default)]
pub struct Buckets(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Buckets {
    /// Whether a request to a route of a stage may pass now.
    pub fn admit(&self, api_id: &str, stage: &Stage, route_key: &str) -> bool {
        let Some((rate, burst)) = limits(stage, route_key) else { return true };
        let key = format!("{api_id} {} {route_key}", stage.stage_name);
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: burst, filled: now });
        take(bucket, rate, burst, now)
    }

    /// The API is gone.
    pub fn forget(&self, api_id: &str) {
        let prefix = format!("{api_id} ");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !key.starts_with(&prefix));
    }
}

fn take(bucket: &mut Bucket, rate: f64, burst: f64, now: Instant) -> bool {
    let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
    bucket.tokens = (bucket.tokens + passed * rate).min(burst);
    bucket.filled = now;
    let admitted = bucket.tokens >= 1.0;
    if admitted {
        bucket.tokens -= 1.0;
    }
    admitted
}

/// Rate and burst of a route: its own settings before the stage's default. `None` without limits.
fn limits(stage: &Stage, route_key: &str) -> Option<(f64, f64)> {
    let own = stage.route_settings.get(route_key);
    let settings = [own, stage.default_route_settings.as_ref()];
    let first = |pick: fn(&RouteSettings) -> Option<f64>| settings.iter().flatten().find_map(|one| pick(one));
    let rate = first(|settings| settings.throttling_rate_limit);
    let burst = first(|settings| settings.throttling_burst_limit.map(f64::from));
    if rate.is_none() && burst.is_none() {
        return None;
    }
    Some((rate.unwrap_or(ACCOUNT_RATE), burst.unwrap_or(f64::from(ACCOUNT_BURST))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_pass_and_refills_at_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket { tokens: 2.0, filled: start };
        assert!(take(&mut bucket, 10.0, 2.0, start));
        assert!(take(&mut bucket, 10.0, 2.0, start));
        assert!(!take(&mut bucket, 10.0, 2.0, start));
        assert!(!take(&mut bucket, 10.0, 2.0, start + Duration::from_millis(50)));
        assert!(take(&mut bucket, 10.0, 2.0, start + Duration::from_millis(110)));
    }
}
