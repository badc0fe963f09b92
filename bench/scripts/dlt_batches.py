# What one would write with dlt: its SQL source in Arrow, and a destination function that posts batches, several at a time.
import os
from concurrent.futures import ThreadPoolExecutor

import dlt
import orjson
import requests
from dlt.sources.sql_database import sql_table
from sqlalchemy import create_engine, text

URL = os.environ["BENCH_RECEIVER"] + "/v1/batch"
session = requests.Session()


@dlt.destination(
    batch_size=1000,
    loader_file_format="parquet",
    naming_convention="direct",
    skip_dlt_columns_and_tables=True,
    max_parallel_load_jobs=4,
)
def receiver(items, table):
    rows = items.to_pylist() if hasattr(items, "to_pylist") else items
    calls = []
    for row in rows:
        user = str(row.pop("userId"))
        calls.append({"messageId": f"dlt-{user}", "type": "identify", "userId": user, "traits": row})
    body = orjson.dumps({"batch": calls}, default=str)
    session.post(URL, data=body, headers={"content-type": "application/json"}).raise_for_status()


def rows():
    import pyarrow as pa

    engine = create_engine(os.environ["BENCH_POSTGRES"].replace("postgres://", "postgresql+psycopg2://"))
    with engine.connect().execution_options(stream_results=True, max_row_buffer=50_000) as connection:
        result = connection.execute(text(os.environ["BENCH_QUERY"]))
        for page in result.mappings().partitions(50_000):
            yield pa.Table.from_pylist([dict(row) for row in page])


pipeline = dlt.pipeline("bench", destination=receiver, pipelines_dir=os.path.join(os.getcwd(), "dlt"), dev_mode=True)
pipeline.run(dlt.resource(rows, name="people")).raise_on_failed_jobs()
