"""Ray starts in the container and runs tasks in other processes."""

import os

import ray

os.environ["RAY_AUTH_MODE"] = "disabled"  # nobody else is in this container
for attempt in range(5):
    try:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
        break
    except Exception as error:  # Ray gives its processes 30 s, too few on a busy machine: again, as in compose.yaml
        if "timed out during startup" not in str(error) or attempt == 4:
            raise
        ray.shutdown()


@ray.remote
def work(i: int) -> tuple[int, int]:
    """The square of `i` and the process that computed it."""
    return i * i, os.getpid()


results = ray.get([work.remote(i) for i in range(20)])
assert [square for square, _ in results] == [i * i for i in range(20)]
assert os.getpid() not in {pid for _, pid in results}
ray.shutdown()
