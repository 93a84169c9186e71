//! Checkpoints that nobody can have written.

use crate::support::{App, CATCH_UP, HEALTH, REBUILD, STATUS, lines, numbered};

/// 100 projected numbers, ten more that are not, and a checkpoint that somebody has been at.
fn damaged(sql: &str) -> App {
    let app = App::projected(100);
    app.import(&lines(101..=110));
    app.sql("read.db", sql);
    app
}

fn set(column_and_value: &str) -> String {
    format!("UPDATE projections_checkpoints SET {column_and_value}")
}

/// Deletes the checkpoint, as the message says, and rebuilds.
#[track_caller]
fn start_over(app: &App) {
    app.sql("read.db", "DELETE FROM projections_checkpoints");
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(110));
}

#[test]
fn a_damaged_value_is_named_with_projector_column_and_way_out() {
    for (damage, column) in [
        ("position = -5", "position"),
        ("scanned = -5", "scanned"),
        ("effects_mark = -1", "effects_mark"),
        ("state = 'dancing'", "state"),
        ("subscriptions = '{\"half'", "subscriptions"),
        ("subscriptions = '[{\"from\":-1}]'", "subscriptions"),
        ("event_id = 'zzz'", "event_id"),
        ("store_id = ''", "store_id"),
        ("version = -1", "version"),
        ("fingerprint_algorithm = 99999", "fingerprint_algorithm"),
        ("heartbeat_at = 9223372036854775807", "heartbeat_at"),
    ] {
        let app = damaged(&set(damage));
        let named = format!("the checkpoint of projector `ledger` is damaged in `{column}`: ");
        let texts = ["read.db", &named, "delete its row", "rebuild the projector"];
        for command in [&CATCH_UP[..], &STATUS, &HEALTH, &["projection", "check"], &REBUILD] {
            app.refuse(command, &texts);
        }
        assert!(app.ledger() == numbered(100), "{damage}");
        start_over(&app);
    }
}

#[test]
fn a_checkpoint_that_contradicts_itself_is_not_gone_on_from() {
    for (damage, why) in [
        ("position = 5000", "it applied position 5000 but saw only 100"),
        ("scanned = 20", "it applied position 100 but saw only 20"),
        ("event_id = NULL", "it names no event for position 100"),
        ("position = 20, scanned = 20", "the log no longer holds event"),
        ("scanned = 4000", "the log no longer holds event"),
    ] {
        let app = damaged(&set(damage));
        app.refuse(&CATCH_UP, &["projector `ledger` halted: diverged: ", why, "rebuild the"]);
        let status = app.status("ledger");
        assert_eq!(status["state"], "diverged", "{status}");
        assert!(status["last_error"].as_str().unwrap().contains(why), "{status}");
        app.run(&HEALTH).refused(&["projector `ledger` is diverged", why]);
        assert!(app.ledger() == numbered(100), "{damage}");
        app.succeed(&REBUILD);
        assert!(app.ledger() == numbered(110), "{damage}");
    }
}

#[test]
fn an_epoch_that_cannot_be_raised_is_an_error_and_no_panic() {
    let app = damaged(&set("epoch = -1"));
    for command in [&CATCH_UP[..], &REBUILD] {
        app.refuse(command, &["projector `ledger`", "the epoch of its checkpoint is damaged"]);
    }
    start_over(&app);
    // Far away is not the end.
    app.sql("read.db", &set("epoch = 9223372036854775806"));
    app.import(&lines(111..=120));
    app.catch_up(120);
}

#[test]
fn subscriptions_that_are_gone_are_stale_code() {
    let app = damaged(&set("subscriptions = '[]'"));
    app.refuse(&CATCH_UP, &["stale code: Added was added, 100 of them were passed"]);
    assert_eq!(app.status("ledger")["state"], "stale code");
    app.succeed(&REBUILD);
    app.catch_up(110);
}

#[test]
fn a_rebuild_without_a_checkpoint_empties_what_is_there() {
    let app = App::projected(100);
    // A row that no event explains, as a deleted checkpoint leaves it.
    app.sql("read.db", "DELETE FROM projections_checkpoints; INSERT INTO ledger VALUES (999, 1)");
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(100));
}

#[test]
fn a_missing_table_of_the_library_is_named_at_once() {
    let app = damaged("DROP TABLE projections_checkpoints");
    let texts = ["read.db", "its table `projections_checkpoints` is missing", "backup"];
    for command in [&CATCH_UP[..], &STATUS, &HEALTH, &REBUILD] {
        app.refuse(command, &texts);
    }
    assert!(app.ledger() == numbered(100));
    app.sql("read.db", "DELETE FROM projections_meta WHERE key = 'checkpoints_schema'");
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(110));
    app.import(&lines(111..=120));
    app.catch_up(120);
}
