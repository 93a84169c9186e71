//! Tables of rows that somebody else has made, changed or filled.

use crate::{
    support::{App, CATCH_UP, line, lines},
    wiring::wired,
};

const REBUILD: [&str; 4] = ["projection", "rebuild", "--projector", "numbers"];

/// With rows of the numbers from 1 on.
fn with_rows(to: u64) -> App {
    let app = App::new();
    app.import(&lines(1..=to));
    app.succeed(&wired("rows", &CATCH_UP));
    app
}

/// The rows must be those of the numbers from 1 on, once each.
#[track_caller]
fn are_exact(app: &App, to: i64) {
    let exact = "SELECT count(*) FROM numbers WHERE times = 1 AND even = (number % 2 = 0)";
    assert_eq!(app.count("read.db", exact), to);
    assert_eq!(app.count("read.db", "SELECT count(*) FROM numbers"), to);
}

#[test]
fn a_table_that_was_altered_halts_says_how_and_a_rebuild_repairs_it() {
    for (by_hand, told) in [
        ("ALTER TABLE numbers ADD COLUMN x TEXT", "a column `x` that the program does not declare"),
        ("ALTER TABLE numbers DROP COLUMN even", "a column `even` that the table does not have"),
        ("DROP TABLE numbers", "is missing: something else has dropped it"),
    ] {
        let app = with_rows(1_500);
        app.sql("read.db", by_hand);
        app.import(&lines(1_501..=1_600));
        let texts = [
            "projector `numbers` halted: table `numbers` of SQLite ",
            "read.db",
            told,
            "; rebuild projector `numbers`",
        ];
        for _ in 0..2 {
            app.refuse(&wired("rows", &CATCH_UP), &texts);
        }
        app.succeed(&wired("rows", &REBUILD));
        are_exact(&app, 1_600);
    }
}

#[test]
fn a_table_of_another_program_is_told_and_left_alone() {
    let app = App::new();
    app.import(&lines(1..=100));
    app.sql("read.db", "CREATE TABLE numbers (mine TEXT); INSERT INTO numbers VALUES ('mine')");
    let texts = [
        "projector `numbers` halted: table `numbers` of SQLite ",
        "there is a table of that name that this library did not make",
        "`#[read_model(table = ..)]`",
    ];
    for command in [&CATCH_UP[..], &REBUILD] {
        app.refuse(&wired("rows", command), &texts);
        assert_eq!(app.count("read.db", "SELECT count(*) FROM numbers WHERE mine = 'mine'"), 1);
    }
    app.sql("read.db", "ALTER TABLE numbers RENAME TO mine");
    app.succeed(&wired("rows", &CATCH_UP));
    are_exact(&app, 100);
}

#[test]
fn a_cell_that_holds_something_else_halts_at_its_row_and_a_rebuild_repairs_it() {
    let app = with_rows(100);
    app.sql("read.db", "UPDATE numbers SET even = 7 WHERE number = 5");
    // Nobody asks for that row.
    app.import(&lines(101..=110));
    app.succeed(&wired("rows", &CATCH_UP));
    app.import(&line(5));
    let texts = [
        "projector `numbers` halted: cannot read the row 5 of table `numbers`: ",
        "something else has written to it; rebuild the projector",
        "column `even`: 0 or 1 was expected, and the integer 7 is there",
    ];
    app.refuse(&wired("rows", &CATCH_UP), &texts);
    app.succeed(&wired("rows", &REBUILD));
    let twice = "SELECT count(*) FROM numbers WHERE times = 2 AND number = 5 AND NOT even";
    assert_eq!(app.count("read.db", twice), 1);
    assert_eq!(app.count("read.db", "SELECT count(*) FROM numbers"), 110);
}
