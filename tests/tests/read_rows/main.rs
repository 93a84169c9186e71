//! Reading rows: one list of checks for every storage.
#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)] // test code

mod batches;
mod board;
mod checks;
mod faults;
mod random;
mod waits;

use board::Place;

/// Runs each check over rows in process and over rows in SQLite.
macro_rules! everywhere {
    ($($module:ident::$check:ident)+) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$module::$check(super::Place::InProcess).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$module::$check(super::Place::Sqlite).await;
            })+
        }
    };
}

everywhere! {
    checks::a_table_that_nobody_has_kept_yet_is_empty
    checks::a_row_is_found_by_its_key
    checks::a_row_is_found_by_a_key_of_several_columns
    checks::rows_are_found_by_an_indexed_column_in_key_order
    checks::rows_are_found_by_a_part_of_their_key
    checks::decimals_sort_by_value
    checks::keys_that_are_decimals_sort_by_value
    checks::reals_and_texts_sort_as_they_should
    checks::rows_with_equal_values_come_in_key_order_either_way
    checks::no_value_is_before_all_others
    checks::ranges_are_those_of_rust
    checks::a_limit_leaves_the_first_rows
    checks::a_page_begins_after_a_row_even_if_that_is_gone
    checks::pages_meet_every_row_that_stays_once
    checks::a_limit_holds_for_all_pages
    checks::an_emptied_table_is_empty_and_grows_again
    checks::a_rolled_back_batch_is_never_seen
    checks::what_cannot_be_stored_is_an_error
    random::queries_answer_as_a_plain_list_does
    waits::a_reader_waits_for_its_own_append
    waits::a_wait_whose_time_is_up_names_who_is_behind
    waits::a_wait_for_another_store_is_an_error
    waits::rows_come_with_their_position
    waits::an_application_in_a_namespace_has_its_own_position
    batches::a_reader_sees_whole_batches
}
