"""What a failed run means and what to do about it: by job, and for runs that a person launched."""

import dagster as dg
import msgspec

_ASSETS_NAMED = 3
_AD_HOC_NAME = "the run of "
# First and last month of a run over history.
_MONTH_TAG = "dagster/partition"
_MONTHS_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_AGAIN = "open the run and read the failed step; when its cause is gone, `soccer run {job}` runs it again"
_BY_ITSELF = f"{_AGAIN}, as the schedule does by itself"
_NOT_AFFECTED = "predictions are not affected"
_REFRESH = "the last release stays in service; after 3 hours without a refresh its answers are marked stale"

# By job: the effect of its failure, and what to do.
_JOBS = {
    "refresh_hourly": (_REFRESH, _BY_ITSELF),
    "refresh_daily": (_REFRESH, _BY_ITSELF),
    "retrain_model": ("the champion stays, and predictions are made with it as before", _AGAIN),
    "rollback_champion": ("the last release stays in service, with the champion that it names", _AGAIN),
    "tune_parameters": (f"the next training uses the parameters found before; {_NOT_AFFECTED}", _AGAIN),
    "monitor_daily": (f"drift and quality stay as of the last report; {_NOT_AFFECTED}", _BY_ITSELF),
    "prune_daily": (f"what is old stays and takes space; {_NOT_AFFECTED}", _BY_ITSELF),
    "build_everything": (
        "no first release is made; one that was there before stays in service",
        _AGAIN,
    ),
    "reload_history": (
        "the months stay as they were read before; the hourly refresh goes on",
        "open the run, read the failed step; when its cause is gone, `soccer run {job}{months}` repeats it",
    ),
}
_AD_HOC = (
    "assets behind the failed step stay as they were; nothing else is stale for it",
    "open the run and read the failed step; launch it again when its cause is mended, or leave it",
)


class RunTexts(msgspec.Struct, frozen=True):
    """How a run is called in a headline, the effect of its failure, and what to do."""

    name: str
    impact: str
    action: str


def subject_of(run: dg.DagsterRun) -> str:
    """Identifies what a run does: its job, or the assets of an ad hoc run."""
    if not _is_ad_hoc(run):
        return run.job_name
    months = _months(run).removeprefix(" --months")
    return f"{_AD_HOC_NAME}{', '.join(_assets(run))}{months}"


def assets_of(run: dg.DagsterRun) -> list[dg.AssetKey]:
    """The assets that an ad hoc run selects; none of a job, and of months, which are made one by one."""
    if not _is_ad_hoc(run) or _months(run):
        return []
    return sorted(run.asset_selection or (), key=dg.AssetKey.to_user_string)


def texts_of(run: dg.DagsterRun) -> RunTexts:
    """The texts of a failed run."""
    if not _is_ad_hoc(run):
        impact, action = _JOBS.get(run.job_name, _AD_HOC)
        return RunTexts(run.job_name, impact, action.format(job=run.job_name, months=_months(run)))
    assets = _assets(run)
    more = f" and {len(assets) - _ASSETS_NAMED} more" if len(assets) > _ASSETS_NAMED else ""
    return RunTexts(f"the run of {', '.join(assets[:_ASSETS_NAMED])}{more}", *_AD_HOC)


def evaluates_again(run: dg.DagsterRun | None) -> str:
    """How a run whose check failed is repeated, when the cause is gone; empty if it is not known."""
    if run is None:
        return ""
    if _is_ad_hoc(run):
        return "materialise the asset again"
    return f"run `soccer run {run.job_name}{_months(run)}`"


def _months(run: dg.DagsterRun) -> str:
    """The option that names the months of a run over history."""
    first, last = (run.tags.get(tag) or run.tags.get(_MONTH_TAG, "") for tag in _MONTHS_TAGS)
    return f" --months {first[:7]} {last[:7]}" if first and last else ""


def _is_ad_hoc(run: dg.DagsterRun) -> bool:
    """Dagster gives runs of assets without a job a name of this form."""
    return run.job_name.startswith("__")


def _assets(run: dg.DagsterRun) -> list[str]:
    return sorted(key.to_user_string() for key in run.asset_selection or ())
