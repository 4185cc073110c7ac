//! Contract of [`store::Board`], tested on both implementations: in-process, and on a real Redis. Tests that
//! apply only to Redis follow: foreign programs, outages, and other setups.

// In a test, the panic message of a failed unwrap is enough.
#![allow(clippy::unwrap_used)]

mod certificates;
mod claiming;
mod ending;
mod foreign;
mod limits;
mod listening;
mod listing;
mod outages;
mod redis_variants;
mod results;
mod subject;

/// Defines two tests for each part of the contract: in-process and on Redis.
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
        insert_is_published_only_for_new_work,
        a_late_message_does_not_enqueue_a_finished_index,
        index_states_are_returned_in_the_order_requested,
        a_scan_returns_every_field;
    claiming:
        indexes_are_claimed_in_the_order_of_enqueuing,
        a_claim_up_to_an_index_passes_over_higher_ones,
        a_claim_contains_its_times_and_is_published,
        concurrent_claims_get_distinct_indexes,
        an_index_whose_worker_died_is_claimed_by_another,
        a_renewed_lease_does_not_expire,
        a_worker_that_lost_its_lease_changes_nothing,
        a_released_claim_is_not_counted_and_wakes_workers,
        a_claim_released_with_a_wait_is_not_counted_either;
    ending:
        failed_attempts_back_off_until_the_fifth_gives_the_index_up,
        a_final_failure_gives_the_index_up_at_once,
        resubmitting_a_failed_index_resets_its_attempts,
        an_index_is_given_up_after_five_expired_leases,
        attempts_of_workers_that_were_only_cut_off_do_not_count,
        a_worker_that_returns_after_the_index_was_given_up_may_finish,
        a_result_is_published_exactly_once,
        a_result_is_accepted_after_the_lease_was_lost,
        a_result_is_accepted_without_a_claim,
        a_result_replaces_a_failure,
        a_notice_contains_short_values_only,
        a_value_may_be_any_text,
        worker_names_and_reasons_may_be_any_text;
    results:
        rejecting_a_wrong_result_publishes_nothing_on_insert,
        rejecting_does_not_affect_a_running_lease,
        a_result_that_has_changed_is_not_rejected,
        the_least_recently_used_results_are_evicted,
        only_recorded_results_are_evicted_but_never_the_latest,
        the_budget_accounts_for_replaced_results,
        an_evicted_result_is_computed_again,
        eviction_keeps_the_most_recent_result;
    listening:
        every_subscriber_receives_all_messages_in_order,
        a_subscription_receives_only_its_channels,
        the_subscription_of_a_slow_subscriber_ends;
}
