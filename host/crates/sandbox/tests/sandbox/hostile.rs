//! Every hostile guest, by name, in the midst of plugins that behave: the attack is contained and named, and they go on.
//!
//! A guest that is not in the table does not compile, nor does a name in it without a guest or without a test.

mod connectors;
mod files;
mod neighbours;
mod policies;

use guests::Guest;

/// Makes a test of each guest, which runs the function of that name in the module that it stands in.
macro_rules! attacks {
    ($($module:ident: $($guest:ident)+;)+) => {
        const TESTED: &[&str] = &[$($(stringify!($guest)),+),+];

        $($(
            #[test]
            fn $guest() {
                const GUEST: Guest = guests::named(stringify!($guest));
                neighbours::runtime().block_on($module::$guest(GUEST));
            }
        )+)+
    };
}

attacks! {
    files:
        core_module wasi_in_a_policy wasi_sockets_in_a_connector import_not_granted clock_in_a_policy
        function_among_types imported_module both_roles another_version exports_of_other_types cut_off_file
        bit_flipped_file memory_to_begin_with table_to_begin_with many_tables many_memories many_instances
        instances_without_number function_without_end components_in_components takes_minutes_to_compile starts_without_end
        connector_starts_without_end describes_without_end connector_describes_without_end
        describes_in_recursion dies_at_start describes_nonsense schema_that_leads_to_itself
        schema_that_leads_outside describes_a_million_tags
        describes_itself_by_the_network import_that_clears_the_screen;
    policies:
        loops_at_a_turn recurses_at_a_turn fills_memory_for_ever dies_at_a_turn swells_at_a_turn
        swells_its_table gives_no_verdict gives_one_verdict_more verdicts_beyond_memory error_of_a_gigabyte
        error_of_megabytes verdict_of_no_kind answer_out_of_line tag_of_another journey_of_another tag_of_pages
        tag_of_two_lines decisions_without_number reason_in_no_alphabet trait_that_is_no_number
        detail_in_brackets remembers_too_much allocator_that_dies allocator_without_end
        allocator_outside_of_memory allocator_out_of_line forged_handle handles_without_number freed_twice
        cleans_up_without_end puts_ever_new_traits function_of_two_lines counts_across_calls counts_its_neighbours reads_the_processor
        packed_verdict_that_breaks_off packed_verdicts_without_number packed_decisions_without_number
        packed_bytes_behind_the_last packed_megabytes packed_reason_in_no_alphabet packed_tag_of_another;
    connectors:
        loops_at_a_webhook recurses_at_a_webhook dies_at_a_webhook swells_at_a_webhook holds_its_memory
        logs_without_end logs_megabytes logs_a_gigabyte logs_more_than_is_taken logs_in_no_alphabet
        logs_at_no_level calls_back_while_it_is_called host_call_without_end host_calls_without_end
        holds_every_key remembers_without_number remembers_a_value_too_large remembers_more_at_each_call
        reads_anothers_memory searches_the_ashes tells_its_secrets draws_without_end requests_without_number
        asks_whom_nobody_granted waits_for_a_mute_server answers_with_no_status
        answers_with_two_headers_in_one answers_with_megabytes events_without_number event_of_another_scheme
        names_people_by_phone event_with_extra_in_brackets event_that_is_no_fact events_of_one_text cursor_of_no_kind
        chores_without_number outcomes_of_nobodys_errands;
}

#[test]
fn two_that_hold_their_memory_leave_a_third_its_part() {
    const GUEST: Guest = guests::named("holds_its_memory");
    neighbours::runtime().block_on(connectors::two_hold_their_memory(GUEST));
}

/// A guest without a test does not compile: its name stands in the error.
const _: () = match guests::untested(TESTED) {
    None => (),
    Some(guest) => panic!("{}", guest),
};
