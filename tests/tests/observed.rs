//! The example `observed`, as Prometheus and OpenTelemetry meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::path::Path;

use projections_tests::programs::{self, Running};
use serde_json::json;

/// The running program.
struct Observed(Running);

impl Observed {
    fn serve(data: &Path) -> Self {
        Self(Running::serve(&programs::built("observed"), data, &[]))
    }

    fn deposit(&self, account: &str, cents: u64) {
        let body = json!({ "account": account, "cents": cents }).to_string();
        assert_eq!(self.0.post("/deposits", &body).status, 202);
    }

    /// The figures, once they have this line.
    fn figures_with(&self, line: &str) -> String {
        for _ in 0..2_000 {
            let figures = self.0.get("/metrics");
            assert_eq!(figures.status, 200);
            if figures.body.lines().any(|known| known == line) {
                return figures.body;
            }
        }
        panic!("there is no {line}:\n{}", self.0.get("/metrics").body)
    }
}

#[test]
fn prometheus_reads_the_figures_and_opentelemetry_gets_the_spans() {
    let folder = tempfile::tempdir().unwrap();
    let server = Observed::serve(folder.path());
    (1..=3).for_each(|cents| server.deposit("ada", cents));
    let figures = server.figures_with(r#"projections_position{projector="balances"} 3"#);
    for line in [
        "# TYPE projections_position gauge",
        "# TYPE projections_stage_duration histogram",
        r#"projections_events{projector="balances"} 3"#,
        r#"projections_behind{projector="balances"} 0"#,
        r#"projections_lease_held{projector="balances"} 1"#,
    ] {
        assert!(figures.lines().any(|known| known == line), "{line}:\n{figures}");
    }
    let stage = r#"projections_stage_duration_count{projector="balances",stage="commit"} "#;
    assert!(figures.lines().any(|line| line.starts_with(stage)), "{figures}");
    server.figures_with(r#"projections_healthy{projector="balances"} 1"#);
    let health = server.0.get("/health");
    assert_eq!(health.status, 200, "{health:?}");

    // A poison event is parked, and whoever asks is told.
    server.deposit("eve", 0);
    server.figures_with(r#"projections_parked{projector="balances"} 1"#);
    server.figures_with(r#"projections_state{projector="balances",state="parked"} 1"#);
    let health = server.0.get("/health");
    let (status, health) = (health.status, health.json());
    assert_eq!((status, &health["healthy"]), (503, &json!(false)));
    assert_eq!(health["projectors"][0]["reasons"], json!(["it lacks 1 events of 1 parked keys"]));

    let spans = server.0.stop();
    for name in ["batch", "read", "handle", "write", "commit"] {
        assert!(spans.contains(&format!("projections.{name}")), "{name}:\n{spans}");
    }
    assert!(spans.contains("a deposit of nothing"), "{spans}");
}
