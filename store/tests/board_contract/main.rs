//! What every [`store::Board`] promises, asked of each implementation: the one in this process, and
//! the one on a real Redis of its own. Then what Redis alone can get wrong: foreign writers, outages.

// A failed assumption is a failed test.
#![allow(clippy::unwrap_used)]

mod claiming;
mod ending;
mod foreign;
mod guarded;
mod listening;
mod listing;
mod outages;
mod results;
mod subject;

/// Makes two tests of each promise.
macro_rules! contract {
    ($($module:ident: $($promise:ident),+ $(,)?;)+) => {
        mod in_process {
            use super::*;
            $($(
                #[tokio::test]
                async fn $promise() {
                    $module::$promise(&subject::Subject::in_process()).await;
                }
            )+)+
        }
        mod on_redis {
            use super::*;
            $($(
                #[tokio::test]
                async fn $promise() {
                    $module::$promise(&subject::Subject::on_redis()).await;
                }
            )+)+
        }
    };
}

contract! {
    listing:
        an_index_is_added_once,
        insert_is_published_for_whom_it_is_news,
        who_hears_late_does_not_bring_a_finished_index_back,
        each_index_is_seen_as_it_stands_in_the_order_asked,
        a_scan_meets_every_field;
    claiming:
        claims_come_in_the_order_of_enqueuing,
        a_claim_carries_its_times_and_is_told,
        claimers_at_once_get_distinct_indexes,
        an_index_whose_worker_died_is_claimed_by_another,
        renewing_keeps_a_lease,
        who_lost_the_lease_changes_nothing,
        giving_back_is_not_counted_and_wakes;
    ending:
        failures_back_off_until_the_fifth_gives_up,
        a_final_failure_gives_up_at_once,
        a_submission_gives_a_failed_index_its_attempts_anew,
        five_silent_attempts_give_up,
        a_result_is_told_exactly_once,
        a_result_is_welcome_whoever_holds_the_lease,
        a_result_of_nobodys_claim_is_welcome,
        a_result_ends_a_failure,
        short_values_go_along_and_long_ones_do_not,
        any_text_survives_the_way_through_a_notice;
    results:
        a_wrong_result_is_taken_away_quietly,
        taking_away_leaves_a_running_lease_alone,
        only_the_wrong_result_itself_is_taken_away,
        the_least_recently_used_results_are_evicted,
        only_copied_results_are_evicted_and_never_the_one_just_copied,
        the_budget_follows_results_that_change_their_length,
        an_evicted_result_is_computed_again;
    listening:
        messages_come_in_order_to_everyone,
        only_the_topics_asked_for_are_heard,
        who_falls_behind_is_told_so_by_the_end;
}
