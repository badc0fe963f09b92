# What one would write with dlt: its SQL source by ConnectorX, which its documentation calls the fastest, and a destination
# function that posts batches, several at a time.
import os

import dlt
import orjson
import requests
from dlt.sources.sql_database import sql_table

URL = os.environ["BENCH_RECEIVER"] + "/v1/batch"
POSTGRES = os.environ["BENCH_POSTGRES"].replace("postgres://", "postgresql://")
REFLECTED = POSTGRES.replace("postgresql://", "postgresql+psycopg2://")
TABLE = os.environ["BENCH_QUERY"].removeprefix("SELECT * FROM ")
session = requests.Session()


@dlt.destination(
    batch_size=1800,
    loader_file_format="parquet",
    naming_convention="direct",
    skip_dlt_columns_and_tables=True,
    max_parallel_load_jobs=4,
)
def receiver(items, table):
    # JSON is text in dlt's Arrow.
    texts = [name for name, column in table["columns"].items() if column.get("data_type") == "json"]
    calls = []
    for row in items.to_pylist():
        for name in texts:
            row[name] = orjson.loads(row[name])
        user = str(row.pop("userId"))
        calls.append({"messageId": f"dlt-{user}", "type": "identify", "userId": user, "traits": row})
    body = orjson.dumps({"batch": calls}, default=float)
    session.post(URL, data=body, headers={"content-type": "application/json"}).raise_for_status()


# A file for each chunk, with DATA_WRITER__FILE_MAX_ITEMS: files are loaded side by side.
stream = {"conn": POSTGRES, "return_type": "arrow_stream", "batch_size": 25_000}
people = sql_table(REFLECTED, table=TABLE, backend="connectorx", backend_kwargs=stream)
pipeline = dlt.pipeline("bench", destination=receiver, pipelines_dir=os.path.join(os.getcwd(), "dlt"), dev_mode=True)
pipeline.run(people).raise_on_failed_jobs()
