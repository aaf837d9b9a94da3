"""The fault matrix: every fault, who notices it and when, what look-ups do, what is told, how it heals.

`docs/explanation/faults.md` is this table as a page, printed by `python -m tests.operations.fault_matrix`.
`tests/docs/test_faults.py` holds page and table to each other and to the tests that each row names.
"""

import sys

import msgspec

from soccer_assets.alerting import publish_queue, watchdog
from soccer_assets.operations.supervisor import MOST_ENDS, WITHIN_SECONDS

CHECK = f"{watchdog._INTERVAL_SECONDS:.0f} s"
DATABASE_CHECK = f"{(watchdog._LONGEST_CHECK_SECONDS + watchdog._INTERVAL_SECONDS):.0f} s"
DAEMON = f"{watchdog._DAEMON_GRACE.total_seconds():.0f} s"
SIDECAR = f"{watchdog._SIDECAR_GRACE.total_seconds():.0f} s"
QUEUE = (
    f"{publish_queue.LONGEST_WAIT.total_seconds() / 3600:.0f} h of waiting, or "
    f"{publish_queue.LONGEST_PAUSE.total_seconds() / 3600:.1f} h without a run"
)
ENDS = f"{MOST_ENDS} ends in {WITHIN_SECONDS / 60:.0f} minutes"

ANSWERED = "all answered"
IN_FLIGHT = "those in flight on it fail"
NOBODY = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and what is expected of the system.

    Attributes:
        name: the fault.
        noticed: by whom, and in what time.
        look_ups: what clients of the sidecar see.
        told: the kind of the alert; empty where a log or the command's own sentence is enough.
        heals: how it ends.
        tests: the tests that hold this row to reality, as ``file::function`` below ``tests``.
    """

    name: str
    noticed: str
    look_ups: str
    told: str
    heals: str
    tests: tuple[str, ...]


_KILLS = "operations/test_kills.py"
_FULL = "operations/test_full_disk.py"
_HEALTH = "operations/test_home_health.py"
_OUTAGES = "resources/test_outages.py"
_WORKERS = "resources/test_run_workers.py"
_FLEET = "operations/test_fleet_worker.py"
_DIRECT = "alerting/test_direct_notifier.py"
_ORIGIN = "stores/releases/test_origin.py"
_GUARD = "webserver/test_guard.py"
_SHAKEN = "serving/test_faults.py::test_look_ups_answer_from_memory_through_every_fault"
_OWN_SENTENCE = "the command itself, in one sentence"


def _fault(name: str, noticed: str, look_ups: str, told: str, heals: str, *tests: str) -> Fault:
    return Fault(name=name, noticed=noticed, look_ups=look_ups, told=told, heals=heals, tests=tests)


PROCESSES = (
    _fault(
        "kill -9 of Valkey, daemon, webserver, code server, task worker or watchdog",
        "`soccer up`, at once",
        ANSWERED,
        NOBODY,
        "started again, after 0, 1, 2 and 4 s",
        f"{_KILLS}::test_a_killed_part_comes_back_and_no_look_up_fails",
        "operations/test_supervisor.py::test_pauses_grow_and_the_fifth_end_within_five_minutes_is_the_last",
    ),
    _fault(
        "kill -9 of one of several sidecar workers",
        "the sidecar's server, at once",
        IN_FLIGHT,
        NOBODY,
        "started again; connections wait",
        f"{_KILLS}::test_a_killed_sidecar_worker_loses_only_what_it_had_in_flight",
    ),
    _fault(
        "kill -9 of the whole sidecar",
        "`soccer up`, at once",
        f"{IN_FLIGHT}, the next ones wait",
        NOBODY,
        "started again on the sockets that `soccer up` holds",
        f"{_KILLS}::test_a_killed_sidecar_listens_all_the_time",
        "serving/test_client_retries.py::test_what_may_be_repeated_is_sent_once_more",
    ),
    _fault(
        "kill -9 of the sidecar's server, not of its workers",
        "`soccer up`, at once",
        f"{IN_FLIGHT}, the next ones wait",
        NOBODY,
        "the old workers are ended, the server is started again",
        f"{_KILLS}::test_a_killed_parent_of_the_sidecars_workers_leaves_none_behind",
        "operations/test_supervisor.py::test_what_a_killed_part_started_ends_with_it",
    ),
    _fault(
        f"a part that cannot run: {ENDS}",
        f"`soccer up`; watchdog within {CHECK}",
        ANSWERED,
        "process",
        "stays down, all else runs; the next `soccer up` tries it again",
        f"{_KILLS}::test_a_part_that_dies_five_times_stays_down_and_is_told_once",
        "alerting/test_watchdog.py::test_a_part_that_stays_down_is_a_fault_until_the_next_start",
    ),
    _fault(
        "kill -9 of `soccer up`",
        "the watchdog, which outlives it, at once",
        "refused until the next start",
        "process",
        "the next `soccer up`",
        f"{_KILLS}::test_a_killed_up_is_told_and_the_next_one_takes_over",
        "alerting/test_watchdog.py::test_the_end_is_told_although_the_database_is_gone_too",
    ),
    _fault(
        "Valkey, webserver, code server, task worker or watchdog hangs (kill -STOP)",
        "`soccer up`, after 1 to 4 minutes without an answer",
        ANSWERED,
        "process",
        "killed and started again; the fault ends with its next answer",
        "operations/test_kills.py::test_a_part_that_hangs_comes_back_and_no_look_up_fails",
        "operations/test_supervisor.py::test_a_part_that_hangs_is_killed_started_again_and_told_until_it_answers",
        "operations/test_liveness.py::test_a_part_hangs_after_misses_in_a_row_and_longer_at_its_start",
        "alerting/test_watchdog.py::test_a_part_that_hung_is_told_once_and_by_who_sees_it_best",
    ),
    _fault(
        "the daemon hangs",
        f"the watchdog, after {DAEMON} without a heartbeat; `soccer up`, after 3 to 4 minutes",
        "answered, stale after 3 h",
        "daemon",
        "killed and started again; by hand where `soccer up` is not its parent",
        "operations/test_kills.py::test_a_part_that_hangs_comes_back_and_no_look_up_fails",
        "operations/test_liveness.py::test_heartbeats_are_read_where_dagster_writes_them",
        "alerting/test_golden.py::test_the_text_of_each_kind_of_fault",
    ),
    _fault(
        "one of several sidecar workers hangs",
        "the sidecar's server, after 30 s",
        "those to it wait, and fail when it is killed",
        NOBODY,
        "killed and started again",
        "operations/test_kills.py::test_a_sidecar_worker_that_hangs_is_replaced",
        "serving/test_heartbeats.py::test_a_worker_without_a_beat_for_six_looks_hangs_and_the_other_does_not",
    ),
    _fault(
        "a sidecar hangs",
        f"the watchdog, after {SIDECAR} without an answer; `soccer up`, after 1 to 2 minutes",
        "those to it wait",
        "sidecar",
        "killed and started again; by hand where `soccer up` is not its parent",
        "operations/test_supervisor.py::test_a_part_that_answers_nothing_hangs",
        "alerting/test_golden.py::test_the_text_of_each_kind_of_fault",
        "alerting/test_watchdog.py::test_what_hangs_is_named_with_the_command_that_ends_it",
    ),
    _fault(
        "the sidecar's scoring process hangs",
        "the sidecar, after 60 s of processor time in a model, or 2 minutes in which it does nothing",
        ANSWERED,
        NOBODY,
        "killed and started again; `POST /predict/` is 503 until then",
        "serving/test_child_process.py::test_a_child_that_hangs_is_killed_and_all_who_wait_are_told",
    ),
    _fault(
        "truncated list of processes, `children.json`",
        "nobody: it is for what hangs",
        ANSWERED,
        NOBODY,
        "ignored, written again",
        "operations/test_supervisor.py::test_a_list_that_cannot_be_read_stops_nothing",
    ),
    _fault(
        "a second `soccer up` or watchdog on a home",
        _OWN_SENTENCE,
        ANSWERED,
        NOBODY,
        "refused by the lock of the home",
        "operations/test_up.py::test_a_second_start_on_the_same_home_is_refused",
        "alerting/test_watchdog.py::test_a_home_has_one_watchdog",
    ),
    _fault(
        "Ctrl-C or SIGTERM during a run",
        "`soccer up`, at once",
        "refused: the home is stopped",
        NOBODY,
        "the run ends cancelled; the next `soccer up` runs it again",
        "operations/test_up.py::test_sigterm_stops_every_child",
    ),
)
HOME = (
    _fault(
        "full disk, with kills of every part",
        f"the watchdog, within {CHECK}",
        f"{ANSWERED}, but those in flight on a killed sidecar",
        "disk",
        "parts are started again until they can write; runs go on when there is space",
        f"{_FULL}::test_a_full_disk_takes_nothing_down",
        f"{_DIRECT}::test_a_full_disk_is_one_alert_with_one_recovery",
        "test_disk_full.py::test_a_full_disk_loses_nothing_and_the_last_release_answers",
        "test_disk_full.py::test_a_sidecar_worker_that_starts_on_a_full_disk_answers",
        "operations/test_supervisor.py::test_nothing_is_given_up_while_the_disk_is_full",
    ),
    _fault(
        "read-only home",
        _OWN_SENTENCE,
        ANSWERED,
        NOBODY,
        "the sentence says how; `soccer doctor` finds it",
        f"{_HEALTH}::test_a_read_only_home_gets_one_sentence_from_every_command",
    ),
    _fault(
        "damaged database of the matches, Dagster or MLflow",
        _OWN_SENTENCE,
        ANSWERED,
        NOBODY,
        "restore, or move it aside, as the sentence says",
        f"{_HEALTH}::test_a_damaged_database_is_named_with_the_way_back",
        f"{_HEALTH}::test_a_page_in_the_middle_is_found_by_the_doctor",
    ),
    _fault(
        "`?`, `#` or `%` in the home's path",
        _OWN_SENTENCE,
        "nothing starts",
        NOBODY,
        "another folder",
        f"{_HEALTH}::test_a_home_whose_path_means_something_else_in_a_url_is_refused",
    ),
    _fault(
        "`HTTP_PROXY` in the environment",
        "nobody: no fault",
        ANSWERED,
        NOBODY,
        "loopback addresses are asked directly",
        "test_loopback.py::test_a_commands_libraries_ask_loopback_directly",
        "alerting/test_watchdog.py::test_the_sidecar_is_asked_without_a_proxy",
    ),
    _fault(
        "a `json.py` in the working folder",
        "nobody: no fault",
        ANSWERED,
        NOBODY,
        "the working folder is not on the import path",
        "operations/test_processes.py::test_no_part_imports_from_the_working_folder",
    ),
    _fault(
        "moved or copied home",
        "nobody: no fault",
        ANSWERED,
        NOBODY,
        "artefacts are found below the new home",
        "resources/test_artifact_paths.py::test_a_moved_home_keeps_its_models",
        "resources/test_artifact_paths.py::test_a_copied_home_leaves_its_original_alone",
    ),
    _fault(
        "a copied home beside its original on one Redis",
        _OWN_SENTENCE,
        ANSWERED,
        NOBODY,
        "refused while the original's key lasts; `soccer restore --copy` makes one with an id of its own",
        "operations/test_installation_owner.py::test_a_copy_does_not_start_beside_its_original",
    ),
    _fault(
        "a database file without its permissions",
        _OWN_SENTENCE,
        ANSWERED,
        NOBODY,
        "the file's permissions, as the sentence says",
        "operations/test_home_health.py::test_a_file_that_this_user_may_not_open_is_no_damage",
    ),
)
RUNS = (
    _fault(
        "a run and its code server are killed",
        "run monitoring within 30 s, or the code server when it starts",
        ANSWERED,
        "run",
        "the run is closed, the queue goes on",
        f"{_WORKERS}::test_a_code_server_that_starts_closes_what_a_killed_one_left",
        f"{_WORKERS}::test_run_monitoring_closes_a_lost_run_while_the_daemon_runs",
        f"{_WORKERS}::test_a_run_of_a_terminal_is_closed_when_its_process_is_gone",
    ),
    _fault(
        "a run worker of a fleet is killed, stopped or cut off",
        "run monitoring within 45 s, by the lease of the run; a worker that stops tells at once",
        ANSWERED,
        "run",
        "the run's process ends before its lease; the run is repeated by another worker",
        f"{_FLEET}::test_every_run_ends_once_whatever_happens_to_it",
        "fleet/test_backfill.py::test_a_worker_is_lost_and_cut_off_and_the_tables_are_those_of_an_undisturbed_run",
        "fleet/test_publish.py::test_a_worker_that_is_lost_while_it_publishes_leaves_one_release",
    ),
    _fault(
        "the message of a run is lost",
        "every worker of the fleet, within 30 s",
        ANSWERED,
        NOBODY,
        "it is sent again; a second message of a run does nothing",
        f"{_FLEET}::test_a_message_that_the_broker_lost_is_sent_again",
    ),
    _fault(
        "a run that does not end",
        "run monitoring, at the bound of its job",
        "answered, stale after 3 h",
        "run",
        "terminated; the next run repeats its work",
        "graph/test_build.py::test_every_run_is_bounded_in_time",
    ),
    _fault(
        "a queue that stands",
        f"the watchdog and `soccer doctor`: {QUEUE}",
        "answered, stale after 3 h",
        "queue",
        "the alert names the run that holds it",
        "alerting/test_publish_queue.py::test_the_queue_stands_where_a_run_waits_or_none_ends",
        "alerting/test_publish_queue.py::test_the_watchdog_tells_of_a_standing_queue_but_not_on_waking",
    ),
    _fault(
        "an admin's typo in a window (`0870-02-20`)",
        "the launch, in one sentence, before there is a run",
        ANSWERED,
        NOBODY,
        "refused; nothing waits for it",
        "graph/test_launchpad.py::test_a_wrong_value_is_refused_at_the_launch_and_makes_no_run",
        "graph/assets/test_livescores.py::test_a_mistyped_window_is_refused_before_the_feed_is_asked",
        "graph/assets/test_livescores.py::test_a_window_by_hand_stays_within_the_homes_history",
    ),
    _fault(
        "kill -9 of a run between candidate and release",
        "the next hourly run",
        ANSWERED,
        NOBODY,
        "made whole by the next run",
        "graph/assets/test_publish.py::test_killed_between_candidate_and_release_the_next_hourly_run_makes_it_whole",
        "stores/releases/test_publish.py::test_a_kill_before_the_event_is_healed",
        "test_killed_home.py::test_a_home_whose_retrain_was_killed_at_either_alias_is_whole_after_the_next_hourly_run",
    ),
    _fault(
        "the graph stands still",
        "each answer and `/ready`",
        "answered, stale after 3 h",
        "freshness",
        "the next run",
        "serving/test_faults.py::test_graph_that_stopped_makes_the_same_release_stale",
    ),
    _fault(
        "any of these in any of 24 hours",
        "as above",
        "only those in flight on a killed sidecar fail",
        "run",
        "nothing is lost, nothing doubled, each fault is told once",
        "operations/test_day_of_faults.py::test_a_day_of_hours_each_with_a_fault",
    ),
)
SERVERS = (
    _fault(
        "MLflow away",
        "the hourly run, within 36 s",
        ANSWERED,
        "mlflow",
        "the run goes on with the release's own champion; the next one that gets the models",
        "graph/assets/test_without_mlflow.py::test_the_hourly_run_publishes_without_mlflow_and_says_so",
        "resources/test_model_registry.py::test_a_training_without_mlflow_fails_with_one_sentence",
    ),
    _fault(
        "S3 that hangs or refuses",
        "each command and run within 40 s",
        ANSWERED,
        "store",
        "by itself when it answers",
        f"{_OUTAGES}::test_a_store_that_refuses_or_is_silent",
        "alerting/test_detection.py::test_an_unreachable_store_is_detected_and_suppresses_no_other_alert",
        "serving/test_reloader.py::test_a_store_that_does_not_answer_is_told_and_counted",
        _SHAKEN,
    ),
    _fault(
        "PostgreSQL hangs, refuses or is silent",
        f"the watchdog, within {DATABASE_CHECK}",
        f"{ANSWERED}; `/livescores/` is 503",
        "database",
        "by itself when it answers",
        f"{_OUTAGES}::test_a_server_that_refuses_or_is_silent",
        "alerting/test_watchdog.py::test_the_watchdog_tells_of_a_database_server_that_is_silent",
        f"{_DIRECT}::test_a_database_outage_is_one_alert_with_one_recovery",
        "serving/test_faults.py::test_srv_06_database_killed_in_mid_run_takes_livescores_with_it_and_nothing_else",
        _SHAKEN,
    ),
    _fault(
        "PostgreSQL locked, or a statement that never ends",
        f"the watchdog, within {DATABASE_CHECK}",
        ANSWERED,
        "database",
        "the wait is given up in one sentence; by itself",
        f"{_OUTAGES}::test_a_table_that_another_session_locked",
        f"{_OUTAGES}::test_a_writer_that_never_ends",
        f"{_OUTAGES}::test_a_statement_that_never_ends",
    ),
    _fault(
        "PostgreSQL at its connection limit",
        f"the watchdog, within {DATABASE_CHECK}",
        f"{ANSWERED}; `/livescores/` is 503",
        "database",
        "by itself when one is free",
        f"{_OUTAGES}::test_a_server_at_its_connection_limit",
    ),
    _fault(
        "PostgreSQL read-only after a failover",
        f"the watchdog, within {DATABASE_CHECK}",
        ANSWERED,
        "database",
        "connections are tested before use; by itself",
        f"{_OUTAGES}::test_a_server_that_became_read_only",
    ),
    _fault(
        "Redis away",
        "the sidecar, at the next call",
        f"{ANSWERED}; tasks and events are 503",
        NOBODY,
        "by itself; new releases are found by polling, rate limits are counted by each worker",
        "serving/tasks/test_queue.py::test_srv_06_without_redis_tasks_are_503_at_once_and_lookups_go_on",
        "serving/test_server_process.py::test_poll_goes_on_while_the_event_server_is_gone",
        "serving/http/test_rate_limit.py::test_without_redis_workers_grant_the_limit_together",
    ),
    _fault(
        "a feed that cannot be reached, or is quiet",
        "the run; the check `results_due`",
        "answered, stale after 3 h",
        "feed",
        "the next look reads what was missed",
        "test_journey.py::test_an_unreachable_feed_fails_clearly_and_leaves_what_was_stored",
        "stores/matches/test_quiet_feed.py::"
        "test_in_a_year_every_outage_on_a_matchday_is_told_and_at_most_one_alarm_is_false",
    ),
    _fault(
        "a receiver of alerts is away",
        "the outbox, at the delivery",
        ANSWERED,
        NOBODY,
        "tried again for ever, with the same id",
        "alerting/test_incidents.py::test_what_a_service_did_not_take_is_sent_again_with_the_same_key",
        "alerting/test_delivery.py::test_the_message_of_a_killed_sender_is_sent_by_the_next",
    ),
)
DATA = (
    _fault(
        "lost, emptied or older match database",
        "the run, before it exports and before it publishes",
        "answered, stale after 3 h",
        "run",
        "restore, or `soccer release accept`",
        "graph/assets/test_publish.py::test_a_run_on_a_database_that_lost_matches_exports_and_publishes_nothing",
        f"{_ORIGIN}::test_a_loss_is_refused_until_it_is_accepted",
        f"{_ORIGIN}::test_an_older_backup_of_the_same_database_is_refused",
    ),
    _fault(
        "real and simulated clubs in one database",
        "the run, before they are stored",
        "answered, stale after 3 h",
        "run",
        "give each home its own database",
        "graph/assets/test_publish.py::test_clubs_of_the_other_kind_are_not_stored",
        f"{_ORIGIN}::test_clubs_of_the_other_kind_are_refused",
    ),
    _fault(
        "a ledger that was changed",
        "its tail before each publish, the whole chain daily",
        "answered, stale after 3 h",
        "run",
        "restore",
        f"{_ORIGIN}::test_a_changed_entry_of_the_tail_is_refused_and_cannot_be_accepted",
        "stores/ledger/test_audit.py::test_an_entry_changed_in_place_is_named",
    ),
    _fault(
        "a release that is damaged or breaks the contract",
        "the sidecar, before it serves it",
        f"{ANSWERED}, from the release before",
        "release",
        "the next run writes it again",
        "serving/test_reloader.py::test_bad_release_is_refused_while_the_old_one_answers",
        "stores/releases/test_publish.py::test_a_release_that_lost_a_file_is_written_again",
    ),
    _fault(
        "a promotion or rollback is killed and repeated",
        "the next run",
        ANSWERED,
        NOBODY,
        "a champion does not come back twice",
        "graph/assets/test_model.py::test_a_rollback_launched_twice_rolls_back_once",
        "stores/models/test_champion_move.py::"
        "test_a_rollback_killed_between_two_steps_is_finished_by_a_retry_and_by_another_run",
        "stores/models/test_champion_move.py::test_a_promotion_killed_between_the_aliases_keeps_the_replaced_champion",
    ),
    _fault(
        "kill -9 of a backup or restore",
        "the next one",
        ANSWERED,
        NOBODY,
        "the lease runs out; a restore is repeated",
        "stores/releases/test_backup_lease.py::test_the_lease_of_a_killed_backup_runs_out",
        "operations/backup/test_restore.py::test_a_killed_restore_changes_nothing_and_may_be_repeated",
    ),
    _fault(
        "a copy beside its original, two installations on one Redis",
        "nobody: no fault",
        ANSWERED,
        NOBODY,
        "all names carry the installation's id",
        "operations/test_two_homes.py::test_two_homes_and_a_copy_share_a_redis_and_nothing_else",
        "operations/backup/test_restore.py::test_a_copy_shares_no_name_with_its_original",
        "serving/test_two_installations.py::test_a_task_is_its_installations",
    ),
)
CLIENTS = (
    _fault(
        "a web page that would launch runs",
        "the guard of Dagster's pages, at the request",
        ANSWERED,
        NOBODY,
        "refused",
        f"{_GUARD}::test_no_foreign_page_runs_anything",
        f"{_GUARD}::test_no_mutation_by_get_form_or_batch",
        f"{_GUARD}::test_every_route_of_the_webserver_is_in_the_table",
    ),
    _fault(
        "a user without the role",
        "the guard, at the request",
        ANSWERED,
        NOBODY,
        "refused",
        f"{_GUARD}::test_every_mutation_needs_its_role_however_it_is_written",
    ),
    _fault(
        "hostile cursors, ids and values",
        "the sidecar, before it asks a backend",
        "400, 404 or 422 for that client only",
        NOBODY,
        "no circuit breaker opens",
        "serving/backends/test_breakers.py::test_hostile_positions_are_400_and_the_next_client_is_served",
        "serving/backends/test_breakers.py::test_hostile_values_are_400_and_the_next_client_is_served",
    ),
    _fault(
        "huge bodies, bodies that do not end, tasks without end",
        "the sidecar, at its bound",
        "400, 413 or 429 for that client only",
        NOBODY,
        "memory stays bounded",
        "serving/http/test_body.py::test_a_body_that_does_not_end_is_refused",
        "serving/tasks/test_quota.py::test_a_key_has_a_limited_number_of_bytes",
        "serving/tasks/test_quota.py::test_a_key_has_a_limited_number_of_unfinished_tasks",
    ),
    _fault(
        "keys tried at random",
        "the sidecar, from the limit on",
        "429 for that address only",
        NOBODY,
        "with the next minute",
        "serving/http/test_address_limit.py::"
        "test_an_address_that_sends_unknown_keys_is_slowed_and_known_keys_are_not",
    ),
)
FAULTS = {
    "Processes": PROCESSES,
    "Home and disk": HOME,
    "Runs": RUNS,
    "Servers and feeds": SERVERS,
    "Data": DATA,
    "Clients": CLIENTS,
}


def rendered(path_to_tests: str) -> str:
    """The matrix as Markdown: a heading and a table for each group.

    Args:
        path_to_tests: from the page's folder.
    """
    lines = []
    for group, faults in FAULTS.items():
        lines += [f"## {group}", ""]
        lines += ["| fault | who notices, when | look-ups | alert | how it heals | shown by |"]
        lines += ["|---|---|---|---|---|---|"]
        for fault in faults:
            files = dict.fromkeys(test.partition("::")[0] for test in fault.tests)
            shown = ", ".join(f"[{file}]({path_to_tests}/{file})" for file in files)
            told = f"`{fault.told}`" if fault.told else "-"
            lines.append(
                f"| {fault.name} | {fault.noticed} | {fault.look_ups} | {told} | {fault.heals} | {shown} |"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(rendered("../../tests"))
