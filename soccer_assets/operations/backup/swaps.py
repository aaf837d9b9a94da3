"""What is restored stands beside what is there until it takes its place; nothing is overwritten."""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.operations.backup.objects import is_written_once
from soccer_assets.operations.backup.postgres import drop, take_place
from soccer_assets.operations.backup.progress import Progress
from soccer_assets.resources.object_store import ObjectStore

_LOGS = ("-wal", "-shm")
_WRITERS = 8


class PathSwap:
    """A file or folder."""

    def __init__(self, final: Path, stamp: str) -> None:
        """``staged`` is where the new one is made."""
        self.final = final
        self.staged = final.with_name(f"{final.name}.restoring")
        self._former = final.with_name(f"{final.name}.replaced-{stamp}")
        self.discard()

    def commit(self, _progress: Progress) -> str:
        """Put it in its place; returns where the former one is, if there was one."""
        is_empty = self.final.is_dir() and not any(self.final.iterdir())
        is_there = self.final.exists() and not is_empty
        if is_there:
            self.final.rename(self._former)
        for log in _LOGS:  # of a SQLite file: they belong to the former one
            file = self.final.with_name(self.final.name + log)
            if file.exists():
                file.rename(self._former.with_name(self._former.name + log))
        if self.staged.exists():  # the backup may have none, such as a list of subscribers
            self.staged.rename(self.final)
        return str(self._former) if is_there else ""

    def discard(self) -> None:
        """Remove what was made."""
        if self.staged.is_dir():
            shutil.rmtree(self.staged)
        self.staged.unlink(missing_ok=True)


class DatabaseSwap:
    """A PostgreSQL database."""

    def __init__(self, url: str, beside: str, stamp: str) -> None:
        """``beside`` is the address of the filled one."""
        self.staged = beside
        self._url, self._stamp = url, stamp

    def commit(self, _progress: Progress) -> str:
        """Give it the name of the one in use; returns the name that the former one has now."""
        return take_place(self.staged, self._url, self._stamp)

    def discard(self) -> None:
        """Remove what was made."""
        drop(self.staged)


class BucketSwap:
    """Objects below a prefix of a bucket: nothing can be renamed there, so the pointer decides.

    Objects that never change are uploaded before the swap where they are missing: nothing refers to them yet.
    """

    def __init__(self, store: ObjectStore, files: Mapping[str, Path], stamp: str) -> None:
        """``files`` are the objects to restore, by key."""
        self.store = store
        self._files = files
        self._aside = f"{store.root}.replaced-{stamp}"
        self._uploaded: set[str] = set()

    def stage(self, progress: Progress) -> None:
        """Upload what cannot disturb: into an empty store, everything but the pointer."""
        there = set(self.store.list(""))
        early = [key for key in self._files if key not in there and (is_written_once(key) or not there)]
        self._upload([key for key in early if key != POINTER_KEY], progress)

    def commit(self, progress: Progress) -> str:
        """Upload the others, set aside what the backup does not have, and write the pointer last."""
        foreign = [key for key in self.store.list("") if key not in self._files]
        for key in foreign:
            self.store.filesystem.mv(self.store.path(key), f"{self._aside}/{key}")
        later = [key for key in self._files if key not in self._uploaded and key != POINTER_KEY]
        self._upload(later, progress)
        if POINTER_KEY in self._files:
            self.store.upload(POINTER_KEY, self._files[POINTER_KEY])
        return f"s3://{self._aside}" if foreign else ""

    def discard(self) -> None:
        """Objects that were uploaded too early harm nobody; `soccer prune` removes them."""

    def _upload(self, keys: Sequence[str], progress: Progress) -> None:
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            uploads = pool.map(lambda key: self.store.upload(key, self._files[key]), keys)
            for done, _ in enumerate(uploads, 1):
                progress.at(done, len(keys))
        self._uploaded.update(keys)


Swap = PathSwap | DatabaseSwap | BucketSwap
