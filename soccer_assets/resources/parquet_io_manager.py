"""Stores a DataFrame asset as one parquet file: asset key ``a/b`` at ``a/b.parquet``."""

import io

import dagster as dg
import pandas as pd

from soccer_assets.resources.object_store import ObjectStore


class ParquetIOManager(dg.IOManager):
    """Writes and reads whole frames in the object store."""

    def __init__(self, store: ObjectStore) -> None:
        """Frames are written to ``store``."""
        self._store = store

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Store the frame of an asset, and report its rows to Dagster; the asset declares its columns."""
        key = self.store(context.asset_key, obj)
        context.add_output_metadata(
            {
                "dagster/row_count": len(obj),
                "dagster/uri": f"{self._store.url}/{key}",
            }
        )

    def store(self, key: dg.AssetKey, frame: pd.DataFrame) -> str:
        """Store the frame of an asset; returns its object key."""
        sink = io.BytesIO()
        frame.to_parquet(sink, index=False, compression="zstd")
        object_key = f"{'/'.join(key.path)}.parquet"
        self._store.write(object_key, sink.getvalue())
        return object_key

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The frame of an upstream asset.

        Raises:
            FileNotFoundError: the asset was never materialised.
        """
        return self.load(context.asset_key)

    def load(self, key: dg.AssetKey) -> pd.DataFrame:
        """The frame of an asset.

        Raises:
            FileNotFoundError: the asset was never materialised.
        """
        frame = self.read(key)
        if frame is None:
            raise FileNotFoundError(f"{key.to_user_string()} was never materialised")
        return frame

    def read(self, key: dg.AssetKey) -> pd.DataFrame | None:
        """The stored frame of an asset; None where there is none."""
        data = self._store.read(f"{'/'.join(key.path)}.parquet")
        return None if data is None else pd.read_parquet(io.BytesIO(data))
