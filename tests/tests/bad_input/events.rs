//! Events in the log that cannot be read or applied.

use crate::support::{App, CATCH_UP, REBUILD, event, lines, numbered};

#[test]
fn a_payload_that_does_not_decode_halts_at_its_place_until_it_is_mended() {
    let app = App::new();
    app.import(&(lines(1..=500) + &event(501, "Added", "{\"n\":\"four\"}") + &lines(502..=1_000)));
    let texts = [
        "projector `ledger` halted: event ",
        "projector `counter` halted: event ",
        "`Added` at position 501 of stream `s-4` cannot be applied: ",
        "the payload cannot be decoded as `Added`: invalid type: string \"four\", expected u64",
    ];
    for _ in 0..2 {
        app.refuse(&CATCH_UP, &texts);
        // What comes before it is there, and nothing of it.
        assert!(app.ledger() == numbered(500));
        let status = app.status("ledger");
        assert_eq!((&status["state"], &status["position"]), (&"halted".into(), &500.into()));
        assert!(status["last_error"].as_str().unwrap().contains(texts[2]), "{status}");
    }
    app.sql("events.db", "UPDATE events SET payload = '{\"n\":501}' WHERE position = 501");
    app.catch_up(1_000);
}

#[test]
fn a_payload_that_is_no_json_is_named_by_rebuild_and_export() {
    let app = App::projected(1_000);
    for payload in ["'{\"n\":'", "''", "x'fffe00'", "'[[[['"] {
        let damage = format!("UPDATE events SET payload = {payload} WHERE position = 500");
        app.sql("events.db", &damage);
        app.refuse(&REBUILD, &["projector `ledger` halted: event ", "at position 500 of stream"]);
        assert!(app.ledger() == numbered(499));
        let exported = app.run(&["events", "export"]);
        assert_eq!((exported.code, exported.out.lines().count()), (Some(1), 499));
        let why = "`Added` at position 500: the payload is not ";
        assert!(exported.err.contains(why), "{payload}: {}", exported.err);
        let file = app.path("export.ndjson");
        app.refuse(&["events", "export", file.to_str().unwrap()], &[why]);
        assert!(!file.exists(), "half an export looks like a whole one");
    }
    app.sql("events.db", "UPDATE events SET payload = '{\"n\":500}' WHERE position = 500");
    app.catch_up(1_000);
}

#[test]
fn a_row_of_the_log_that_is_damaged_is_named() {
    let app = App::projected(1_000);
    for (damage, mend) in [
        ("time = 9223372036854775807", "time = 0"),
        ("recorded_at = -9223372036854775808", "recorded_at = 0"),
        ("id = x'00'", "id = randomblob(16)"),
    ] {
        let set = |what| format!("UPDATE events SET {what} WHERE position = 700");
        app.sql("events.db", &set(damage));
        let column = damage.split(' ').next().unwrap();
        let named = format!("the event at position 700 is damaged in `{column}`: ");
        app.refuse(&REBUILD, &["projector `ledger` halted: ", "events.db", &named, "backup"]);
        app.run(&["events", "export", "-"]);
        app.sql("events.db", &set(mend));
        app.catch_up(1_000);
    }
}

#[test]
fn an_event_of_ten_megabytes_passes() {
    let app = App::projected(10);
    let padding = "x".repeat(10 << 20);
    // An import refuses so long a line; an application may append it.
    let file = app.file("f", event(11, "Added", &format!("{{\"n\":11,\"pad\":\"{padding}\"}}")));
    app.refuse(&["events", "import", &file], &["line 1: longer than 1048576 bytes"]);
    app.sql(
        "events.db",
        &format!(
            "INSERT INTO events (id, stream, stream_position, domain, type, time, recorded_at, payload)
             VALUES (randomblob(16), 's-4', 100, 'numbers', 'Added', 0, 0, '{{\"n\":11,\"pad\":\"{padding}\"}}')"
        ),
    );
    app.import(&lines(12..=20));
    app.catch_up(20);
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(20));
    assert!(app.succeed(&["events", "export"]).out.len() > 10 << 20);
}
